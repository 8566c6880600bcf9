//! Ids: what kind of thing, when it was made, and 18 digits that no other has.
//!
//! The digits are random, from the operating system: a counter would begin anew in each sandbox. Of 100,000 ids of one second, two are
//! equal with a probability of 5 in a billion, and a table's condition would refuse the second. Ids that must be the same for the same
//! cause (an event that is delivered twice) have digits that follow from a key.

use jiff::Timestamp;
use uuid::Uuid;

const MESSAGE: &str = "msg";
const RESULT: &str = "result";
/// As many digits as an id ends with.
const DIGITS: u128 = 1_000_000_000_000_000_000;

/// A new message's id: `msg_20240115120000_123456789012345678`.
pub fn message(moment: Timestamp) -> String {
    spelt(MESSAGE, moment, Uuid::new_v4().as_u128())
}

/// The id of the one message that `key` leads to at `moment`, such as a schedule's name at a scheduled time.
pub fn message_of(moment: Timestamp, key: &str) -> String {
    let hash = blake3::hash(key.as_bytes());
    let number = hash.as_bytes()[..16].try_into().map(u128::from_be_bytes);
    spelt(MESSAGE, moment, number.expect("BUG: a hash has 32 bytes"))
}

/// The id of the result of a message: `result_` and the same moment and digits.
pub fn result_of(message_id: &str) -> String {
    let rest = message_id.strip_prefix(MESSAGE).unwrap_or(message_id);
    format!("{RESULT}{}{rest}", if rest.starts_with('_') { "" } else { "_" })
}

fn spelt(kind: &str, moment: Timestamp, number: u128) -> String {
    format!("{kind}_{}_{:018}", moment.strftime("%Y%m%d%H%M%S"), number % DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::thread;

    fn moment() -> Timestamp {
        "2024-01-15T12:00:00Z".parse().expect("a moment")
    }

    fn is_id_of(kind: &str, id: &str) -> bool {
        let parts: Vec<_> = id.split('_').collect();
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        matches!(parts[..], [first, second, third] if first == kind && second.len() == 14 && third.len() >= 6
            && is_number(second) && is_number(third))
    }

    #[test]
    fn of_100_000_ids_made_in_parallel_no_two_are_equal() {
        let made = || (0..12_500).map(|_| message(moment())).collect::<Vec<_>>();
        let threads: Vec<_> = (0..8).map(|_| thread::spawn(made)).collect();
        let ids: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().expect("ids")).collect();
        assert!(ids.iter().all(|id| is_id_of("msg", id)), "msg_ and 14 digits, _ and 6 or more: {}", ids[0]);
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 100_000);
    }

    #[test]
    fn one_key_leads_to_one_id() {
        let id = message_of(moment(), "dev-daily@2024-01-15T12:00:00Z");
        assert!(is_id_of("msg", &id), "{id}");
        assert_eq!(id, message_of(moment(), "dev-daily@2024-01-15T12:00:00Z"));
        assert_ne!(id, message_of(moment(), "dev-daily@2024-01-16T12:00:00Z"));
    }

    #[test]
    fn a_message_has_one_result() {
        assert_eq!(result_of("msg_20240115120000_123456"), "result_20240115120000_123456");
        assert_eq!(result_of("another"), "result_another");
    }
}
