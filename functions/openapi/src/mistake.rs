//! What is wrong with a document, and where.

/// What is wrong, with the place as a JSON Pointer (RFC 6901); the document itself is the empty one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Mistake {
    /// `/paths/~1forecast/get/operationId`
    pub path: String,
    /// In one line.
    pub reason: String,
}

impl Mistake {
    pub(crate) fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        let reason: String = reason.into();
        // What a schema says about a value quotes it, and a value may be the whole document.
        let line = reason.lines().next().unwrap_or_default();
        Self { path: path.into(), reason: shortened(line) }
    }
}

fn shortened(line: &str) -> String {
    const LONGEST: usize = 200;
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
