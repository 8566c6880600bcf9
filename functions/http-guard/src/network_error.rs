//! What is wrong with a variable of the network.

/// A variable that does not say what it should. Only test endpoints have variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct NetworkError {
    pub(crate) variable: &'static str,
    pub(crate) problem: String,
}
