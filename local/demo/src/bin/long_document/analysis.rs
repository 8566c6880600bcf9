//! What the two functions answer, as far as it is shown or checked here.

use serde::{Deserialize, Serialize};

/// The reader's answer as it crosses the workflow. The text is taken as it is: the text, or a reference to it.
#[derive(Debug, Deserialize)]
pub(crate) struct State<'a> {
    pub(crate) document: Read,
    #[serde(borrow)]
    pub(crate) text: std::borrow::Cow<'a, str>,
}

/// The document as the reader describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Read {
    pub(crate) sha256: String,
    pub(crate) encoding: String,
}

/// The analyser's answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Analysed {
    pub(crate) analysis: Analysis,
}

/// The analysis of what arrived.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Analysis {
    /// Bytes of the document that arrived.
    pub(crate) bytes: usize,
    /// Their hash.
    pub(crate) sha256: String,
    pub(crate) chars: usize,
    pub(crate) words: u64,
    pub(crate) lines: usize,
    /// The most frequent terms first.
    pub(crate) terms: Vec<Term>,
}

/// A term and how often it occurs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Term {
    pub(crate) term: String,
    pub(crate) count: u64,
}
