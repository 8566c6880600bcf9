//! What makes repeats of a notification one notification.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::fmt;

/// <https://docs.ntfy.sh/publish/#updating-deleting-notifications>: of the same form as topics.
const LONGEST: usize = 64;

/// The `X-Sequence-ID` of a notification: the same for each time that it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceId(String);

impl SequenceId {
    /// Of something that has an identity, such as a message's id. One that ntfy would refuse is hashed.
    pub fn of(identity: &str) -> Self {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (1..=LONGEST).contains(&identity.len()) && identity.bytes().all(allowed) {
            return Self(identity.to_owned());
        }
        Self(HEXLOWER.encode(&Sha256::digest(identity)[..16]))
    }

    /// As the header has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SequenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_message_is_its_sequence_id() {
        assert_eq!(SequenceId::of("msg_20240115120000_123456").as_str(), "msg_20240115120000_123456");
    }

    #[test]
    fn another_identity_is_hashed_and_stays_the_same() {
        let alarm = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a 2026-01-01T00:00:00Z";
        let hashed = SequenceId::of(alarm);
        assert_eq!((hashed.as_str().len(), &hashed), (32, &SequenceId::of(alarm)));
        assert_ne!(hashed, SequenceId::of(&alarm.replace("01-01", "01-02")));
        assert_ne!(SequenceId::of("a\r\nX: y").as_str(), "a\r\nX: y");
        assert!(!SequenceId::of("").as_str().is_empty());
    }
}
