//! A change of a message's status: one write, on the condition of the status that is there.

use crate::message::MessageStatus;

/// The longest reason that a row keeps, in bytes.
const LONGEST_REASON: usize = 1024;

/// A change of a message's status.
///
/// ```
/// use records::{Change, MessageStatus::{Created, Failed, Processing, Queued}};
///
/// let received = Change::to(Processing).from(&[Created, Queued, Processing]).retry_count(1);
/// let given_up = Change::to(Failed).from(&[Processing]).because("ntfy answers 400");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub(crate) to: MessageStatus,
    pub(crate) from: Vec<MessageStatus>,
    pub(crate) reason: Option<String>,
    pub(crate) retry_count: Option<u32>,
}

impl Change {
    /// To this status, from any other.
    pub fn to(status: MessageStatus) -> Self {
        let from = MessageStatus::ALL.into_iter().filter(|other| *other != status).collect();
        Self { to: status, from, reason: None, retry_count: None }
    }

    /// The status that the message gets.
    pub fn status(&self) -> MessageStatus {
        self.to
    }

    /// Only from these.
    #[must_use]
    pub fn from(mut self, statuses: &[MessageStatus]) -> Self {
        self.from = statuses.to_vec();
        self
    }

    /// With this reason as `error_message`; only its first 1,024 bytes. A change without one removes the last one's.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason[..reason.floor_char_boundary(LONGEST_REASON)].to_owned());
        self
    }

    /// With this number of receives after the first.
    #[must_use]
    pub fn retry_count(mut self, count: u32) -> Self {
        self.retry_count = Some(count);
        self
    }
}

/// What became of a conditional change.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed<T> {
    /// It was made; this is the record now.
    Made(T),
    /// The condition does not hold; this is the record that is there.
    Refused(T),
    /// There is no such record.
    Absent,
}
