//! What another function gave as a tool's result, which may be anything: it becomes one that a model reads and a state holds.

use functions_content::tool_reply::{LONGEST_TEXT, is_of_blocks, spelt, taken_apart};
use functions_content::{Asking, ContentError, ContentTable};
use serde_json::{Value, json};

use crate::show::shortened;

/// Bytes of JSON that a result may take in a state, where the results of five calls meet.
const LONGEST_INLINE: usize = 12_000;
/// What a reference takes in place of a long string.
const REFERENCE: usize = 160;

/// The content of a result, and whether it says what went wrong. A reply without `content` is the content. Strings of more than
/// `threshold` bytes leave by the layer.
pub(crate) async fn fitted(
    reply: Value,
    threshold: usize,
    contents: Option<&ContentTable>,
    asking: Asking<'_>,
) -> Result<(Value, bool), ContentError> {
    let (content, is_error) = taken_apart(reply);
    if is_of_blocks(&content) && inline(&content, threshold) <= LONGEST_INLINE {
        return Ok((content, is_error));
    }
    let text = spelt(content);
    let leaves = text.len() > threshold;
    let fits = text.len() <= LONGEST_TEXT && (leaves || json!(text).to_string().len() <= LONGEST_INLINE);
    let text = if fits { text } else { shortened(text, contents, asking).await? };
    Ok((Value::String(text), is_error))
}

/// Bytes of JSON when the layer has taken the long strings out.
fn inline(value: &Value, threshold: usize) -> usize {
    match value {
        Value::String(text) if text.len() > threshold => REFERENCE,
        Value::Array(entries) => 2 + entries.iter().map(|entry| 1 + inline(entry, threshold)).sum::<usize>(),
        Value::Object(members) => {
            2 + members.iter().map(|(name, member)| name.len() + 4 + inline(member, threshold)).sum::<usize>()
        }
        other => other.to_string().len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_strings_weigh_as_references() {
        assert_eq!(inline(&json!("x".repeat(5001)), 5000), REFERENCE);
        assert!(inline(&json!({"a": ["x".repeat(5000), 7]}), 5000) >= 5000);
    }
}
