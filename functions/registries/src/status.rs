//! Whether an agent or a tool is in use: one word in its row, in requests and in lists.

use functions_shared::Refusal;
use serde::de::DeserializeOwned;
use serde_json::json;

/// Reads a status as it is serialized; `words` lists those there are, as a sentence does.
pub(crate) fn read<T: DeserializeOwned>(text: &str, words: &str) -> Result<T, Refusal> {
    serde_json::from_value(json!(text)).map_err(|_| Refusal::invalid("status", format!("must be {words}")))
}
