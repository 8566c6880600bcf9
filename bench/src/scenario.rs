//! What is measured.

mod bench;
mod contestant;
mod conversation;
pub(crate) mod function;
mod hydrate;
mod idle;
mod neighbour;
mod offload;
mod passthrough;
mod scan;
mod start;

use std::fmt;

pub(crate) use self::bench::Bench;
use self::conversation::Conversation;
use self::function::Function;
use self::hydrate::Hydrate;
use self::idle::Idle;
use self::neighbour::Neighbour;
use self::offload::Offload;
use self::passthrough::PassThrough;
use self::scan::Scan;
use self::start::ColdStart;
use crate::figures::Measurement;

/// One scenario.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scenario {
    /// Events and responses in which nothing is to be changed.
    PassThrough(PassThrough),
    /// Responses with long strings.
    Offload(Offload),
    /// Events with references.
    Hydrate(Hydrate),
    /// Events beside others that claim much.
    Neighbour(Neighbour),
    /// Turns of a conversation that grows.
    Conversation(Conversation),
    /// Processes that begin.
    ColdStart(ColdStart),
    /// Processes that wait.
    Idle(Idle),
    /// Functions as they are shipped.
    Function(Function),
    /// Looking for what is to be replaced.
    Scan(Scan),
}

impl Scenario {
    /// All of them, in the report's order.
    pub(crate) fn all() -> Vec<Self> {
        let passthrough = PassThrough::all().into_iter().map(Self::PassThrough);
        let offload = Offload::all().into_iter().map(Self::Offload);
        let hydrate = Hydrate::all().into_iter().map(Self::Hydrate);
        let conversation = Conversation::all().into_iter().map(Self::Conversation);
        let scan = Scan::all().into_iter().map(Self::Scan);
        let start = ColdStart::all().into_iter().map(Self::ColdStart);
        let idle = std::iter::once(Self::Idle(Idle));
        let function = Function::ALL.into_iter().map(Self::Function);
        let neighbour = std::iter::once(Self::Neighbour(Neighbour));
        let of_contents = offload.chain(hydrate).chain(neighbour).chain(conversation);
        passthrough.chain(of_contents).chain(start).chain(idle).chain(function).chain(scan).collect()
    }

    /// Measures every lane that it makes sense for.
    pub(crate) async fn run(&self, bench: &Bench<'_>) -> anyhow::Result<Vec<Measurement>> {
        let name = self.to_string();
        match self {
            Self::PassThrough(scenario) => scenario.run(&name, bench).await,
            Self::Offload(scenario) => scenario.run(&name, bench).await,
            Self::Hydrate(scenario) => scenario.run(&name, bench).await,
            Self::Neighbour(scenario) => scenario.run(&name, bench).await,
            Self::Conversation(scenario) => scenario.run(&name, bench).await,
            Self::ColdStart(scenario) => scenario.run(&name, bench).await,
            Self::Idle(scenario) => scenario.run(&name, bench).await,
            Self::Function(function) => function.run(&name, bench).await,
            Self::Scan(scenario) => scenario.run(&name, bench),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassThrough(scenario) => write!(f, "passthrough/{scenario}"),
            Self::Offload(scenario) => write!(f, "offload/{scenario}"),
            Self::Hydrate(scenario) => write!(f, "hydrate/{scenario}"),
            Self::Neighbour(_) => f.write_str("neighbour"),
            Self::Conversation(scenario) => write!(f, "conversation/{scenario}"),
            Self::ColdStart(scenario) => write!(f, "start/{scenario}"),
            Self::Idle(_) => f.write_str("idle"),
            Self::Function(function) => write!(f, "function/{function}"),
            Self::Scan(scenario) => write!(f, "scan/{scenario}"),
        }
    }
}
