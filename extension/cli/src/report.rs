//! What `lrap explain` finds out about a document.

use serde::Serialize;

/// What would become of a document.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// `event` or `response`.
    #[serde(rename = "as")]
    pub(super) form: &'static str,
    /// What was recognised and what that means, one statement each.
    pub(super) because: Vec<String>,
    pub(super) places: Vec<Place>,
    pub(super) bytes_before: u64,
    /// `None` when there is no after.
    pub(super) bytes_after: Option<u64>,
    /// Whether that is the very number; without contents it is an estimate.
    pub(super) exact: bool,
    /// Bytes that it may have, and the variable that says so.
    pub(super) limit: Option<(&'static str, u64)>,
    /// `unchanged`, `hydrated`, `offloaded` or `fails`.
    pub(super) outcome: &'static str,
    /// The error that the invocation fails with.
    pub(super) error: Option<String>,
}

/// One value that would be replaced, or that reads as if.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    /// JSON Pointers: into the document, and on into JSON text inside of strings.
    pub(super) pointers: Vec<String>,
    /// The reference that stands there, or would; `None` if that takes keys that are not at hand.
    pub(super) reference: Option<String>,
    /// Bytes of the content, if that is known.
    pub(super) size: Option<u64>,
    /// What becomes of it, in a word.
    pub(super) status: &'static str,
    /// Why.
    pub(super) why: String,
}
