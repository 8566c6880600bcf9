//! What is measured.

mod passthrough;

use std::fmt;

use self::passthrough::PassThrough;
use crate::blocks::Effort;
use crate::figures::Measurement;
use crate::lambda::Lambda;
use crate::lane::Lane;
use crate::pin::Pin;

/// What scenarios have in common.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    /// Lambda's side.
    pub(crate) lambda: &'a Lambda,
    /// The lanes to measure.
    pub(crate) lanes: &'a [Lane],
    /// On how many processors.
    pub(crate) pin: Pin,
    /// Whether a tenth of the work will do.
    pub(crate) quick: bool,
}

impl Bench<'_> {
    /// How much to do where `invocations` are a second's work or so.
    fn effort(&self, invocations: usize) -> Effort {
        let blocks = 10;
        let invocations = if self.quick { invocations.div_ceil(10) } else { invocations };
        Effort { blocks, invocations: invocations.div_ceil(blocks) }
    }
}

/// One scenario.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scenario {
    /// Events and responses in which nothing is to be changed.
    PassThrough(PassThrough),
}

impl Scenario {
    /// All of them, in the report's order.
    pub(crate) fn all() -> Vec<Self> {
        PassThrough::all().into_iter().map(Self::PassThrough).collect()
    }

    /// Measures every lane that it makes sense for.
    pub(crate) async fn run(&self, bench: &Bench<'_>) -> anyhow::Result<Vec<Measurement>> {
        match self {
            Self::PassThrough(scenario) => scenario.run(&self.to_string(), bench).await,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassThrough(scenario) => write!(f, "passthrough/{scenario}"),
        }
    }
}
