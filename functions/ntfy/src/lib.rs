//! Notifications by [ntfy](https://docs.ntfy.sh/publish/), within its limits.
//!
//! - A notification is sent as JSON: a title may have any characters, and no text of a message can become a header, an action button
//!   or a template.
//! - Each has a [`SequenceId`], the same however often it is sent: ntfy (2.16 and newer) then replaces the notification instead of showing
//!   another one. That makes it safe to send again what may have arrived.
//! - A [`Topic`] is a secret, because anyone who knows its URL can read and send: nothing here prints it.

mod answer;
mod client;
mod error;
mod notification;
mod sequence;
mod topic;

pub use self::client::{Client, RetryPolicy};
pub use self::error::NtfyError;
pub use self::notification::{LONGEST_MESSAGE, LONGEST_TAGS, LONGEST_TITLE, Notification, Priority};
pub use self::sequence::SequenceId;
pub use self::topic::{NotATopic, Topic};
