//! The reply as a state machine can keep it: a short text inline, a long one where the layer may take it out.

use model::Reply;
use serde::Serialize;

/// Bytes of JSON that a text may take inline: half of what the layer lets through, beside the conversation.
const LONGEST_TEXT: usize = 65_536;

/// The reply. The layer keeps `text` inline (`LRAP_KEEP`), whatever its size; one that is too long for that is `long_text`.
#[derive(Debug, Serialize)]
pub(crate) struct Answered {
    #[serde(flatten)]
    reply: Reply,
    /// The whole text, where `text` is empty in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    long_text: Option<String>,
}

impl From<Reply> for Answered {
    fn from(mut reply: Reply) -> Self {
        let is_long = spelt(&reply.text) > LONGEST_TEXT;
        let long_text = is_long.then(|| std::mem::take(&mut reply.text));
        Self { reply, long_text }
    }
}

/// Bytes of the text as JSON. An escape takes six at most.
fn spelt(text: &str) -> usize {
    if text.len() > LONGEST_TEXT || text.len() * 6 <= LONGEST_TEXT {
        return text.len();
    }
    serde_json::to_string(text).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_weighs_as_its_json() {
        assert_eq!(spelt("short"), 5);
        assert_eq!(spelt(&"\"".repeat(40_000)), 80_002);
        assert_eq!(spelt(&"x".repeat(65_534)), 65_536);
        assert!(spelt(&"x".repeat(1 << 20)) > LONGEST_TEXT);
    }
}
