//! What goes wrong when it is told to.

use std::collections::{HashMap, VecDeque};

use crate::api_error::ApiError;

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused with this error of the model, such as `ThrottlingException`, and does nothing.
    Error(&'static str),
    /// It is done, and answered with `InternalServerException`.
    DoneButError,
    /// It is not done, and never answered.
    Silence,
    /// It is done, and never answered.
    DoneButSilence,
}

/// What something that was made or changed ends as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `READY`, after this many reads.
    Slow(u32),
    /// `FAILED` or `UPDATE_UNSUCCESSFUL`, with these reasons.
    Failed(Vec<String>),
}

/// What is to go wrong, by operation.
#[derive(Debug)]
pub(crate) struct Script {
    faults: HashMap<String, VecDeque<Fault>>,
    endings: HashMap<String, VecDeque<Ending>>,
    pub(crate) settle_after: u32,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self { faults: HashMap::new(), endings: HashMap::new(), settle_after: 1 }
    }

    pub(crate) fn fail(&mut self, operation: &str, fault: Fault) {
        self.faults.entry(operation.to_owned()).or_default().push_back(fault);
    }

    pub(crate) fn end(&mut self, operation: &str, ending: Ending) {
        self.endings.entry(operation.to_owned()).or_default().push_back(ending);
    }

    pub(crate) fn fault(&mut self, operation: &str) -> Option<Fault> {
        self.faults.get_mut(operation)?.pop_front()
    }

    pub(crate) fn ending(&mut self, operation: &str) -> Option<Ending> {
        self.endings.get_mut(operation)?.pop_front()
    }
}

impl Fault {
    /// The error, and whether the call is done first. Without an error there is no answer.
    pub(crate) fn parts(&self) -> (bool, Option<ApiError>) {
        match self {
            Self::Error(name) => (false, Some(ApiError::named(name, "scripted by the test"))),
            Self::DoneButError => (true, Some(ApiError::named("InternalServerException", "scripted by the test"))),
            Self::Silence => (false, None),
            Self::DoneButSilence => (true, None),
        }
    }
}
