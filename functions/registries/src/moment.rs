//! Moments as rows hold them.

use jiff::Timestamp;

/// Now, in RFC 3339 and UTC. Always to the millisecond: rows are sorted by the text.
pub fn now() -> String {
    format!("{:.3}", Timestamp::now())
}
