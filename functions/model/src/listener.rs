//! Who hears an answer while it is made.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Hears the texts of an answer, piece by piece. What was heard cannot be taken back: such an attempt is not repeated.
pub(crate) struct Listener<'a> {
    hear: &'a (dyn Fn(&str) + Send + Sync),
    has_heard: AtomicBool,
}

impl<'a> Listener<'a> {
    pub(crate) fn new(hear: &'a (dyn Fn(&str) + Send + Sync)) -> Self {
        Self { hear, has_heard: AtomicBool::new(false) }
    }

    pub(crate) fn hear(&self, text: &str) {
        if !text.is_empty() {
            self.has_heard.store(true, Ordering::Relaxed);
            (self.hear)(text);
        }
    }

    /// Whether any text was heard.
    pub(crate) fn has_heard(&self) -> bool {
        self.has_heard.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Listener<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("has_heard", &self.has_heard).finish_non_exhaustive()
    }
}
