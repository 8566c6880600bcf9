//! Notifying people: what they are told, and who tells them is up to the function.

use std::fmt;
use std::pin::Pin;

use crate::tool_error::ToolError;

/// What a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// In a few words.
    pub title: Option<String>,
    /// The text.
    pub message: String,
    /// 1 (least) to 5.
    pub priority: Option<usize>,
}

/// A notification under way: its id.
pub type Notified<'a> = Pin<Box<dyn Future<Output = Result<String, ToolError>> + Send + 'a>>;

/// A way to people, such as the topic of notifications.
pub trait Notifier: fmt::Debug + Send + Sync {
    /// Sends a notice on its way.
    fn notify(&self, notice: Notice) -> Notified<'_>;
}
