//! The payload of a message that a person is to read.

use functions_shared::Failure;
use ntfy::{Notification, Priority};
use records::Message;
use serde::Deserialize;

/// `{"message": "…"}`, and what may be beside it. Nothing else is passed on to ntfy: no buttons, no links, no attachments.
#[derive(Deserialize)]
struct Notice {
    message: String,
    title: Option<String>,
    priority: Option<u64>,
    #[serde(default)]
    tags: Vec<String>,
    /// Where the whole of what `message` tells the beginning of can be read.
    result_id: Option<String>,
}

/// The notification that a message asks for.
///
/// # Errors
/// `InvalidEvent`: the payload is not one; the field is named, its value is not.
pub(crate) fn notification(message: &Message) -> Result<Notification, Failure> {
    let notice = Notice::deserialize(&message.payload).map_err(|error| Failure::invalid_event(&error))?;
    let whole = notice.result_id.as_deref().unwrap_or(&message.id);
    let mut made = Notification::new(&notice.message, whole).tagged(notice.tags.iter().map(String::as_str));
    if let Some(title) = &notice.title {
        made = made.titled(title);
    }
    Ok(match notice.priority.and_then(Priority::of) {
        Some(priority) => made.with_priority(priority),
        None => made,
    })
}
