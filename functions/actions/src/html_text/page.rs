//! What a page says.

/// What a page says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// On one line.
    pub(crate) title: String,
    /// The main content, or all of it if none can be told from the rest.
    pub(crate) text: String,
}
