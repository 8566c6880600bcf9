//! What `lrap explain` finds out about a document.

use serde::Serialize;

/// What would become of a document.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// `event` or `response`.
    #[serde(rename = "as")]
    pub(crate) form: &'static str,
    /// What was recognised and what that means, one statement each.
    pub(crate) because: Vec<String>,
    pub(crate) places: Vec<Place>,
    pub(crate) bytes_before: u64,
    /// `None` when there is no after.
    pub(crate) bytes_after: Option<u64>,
    /// Whether that is the very number; without contents it is an estimate.
    pub(crate) exact: bool,
    /// Bytes that it may have, and the variable that says so.
    pub(crate) limit: Option<(&'static str, u64)>,
    /// `unchanged`, `hydrated`, `offloaded` or `fails`.
    pub(crate) outcome: &'static str,
    /// The error that the invocation fails with.
    pub(crate) error: Option<String>,
}

/// One value that would be replaced, or that reads as if.
#[derive(Debug, Serialize)]
pub(crate) struct Place {
    /// JSON Pointers: into the document, and on into JSON text inside of strings.
    pub(crate) pointers: Vec<String>,
    /// The reference that is there, or would; `None` if that takes keys that are not at hand.
    pub(crate) reference: Option<String>,
    /// Bytes of the content, if that is known.
    pub(crate) size: Option<u64>,
    /// What becomes of it, in a word.
    pub(crate) status: &'static str,
    /// Why.
    pub(crate) why: String,
}
