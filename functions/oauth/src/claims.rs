//! Claims that somebody relies on.

use serde::{Deserialize, Deserializer};

/// Who plays: the claims of the golf provider's tokens. All three must be there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Golfer {
    /// The player's number.
    #[serde(rename = "golferId", deserialize_with = "text_or_number")]
    pub golfer_id: String,
    /// The player's account.
    #[serde(deserialize_with = "text_or_number")]
    pub acct: String,
    /// Where confirmations go.
    pub email: String,
}

/// Providers write numbers either way.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Number(u64),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Text(text) => text,
        Either::Number(number) => number.to_string(),
    })
}
