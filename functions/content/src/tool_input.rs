//! The input of a tool's function that has no access to contents by handles: the content in place of each handle that a parameter of the
//! tool takes as one.

use crate::error::ContentError;
use crate::handle::Handle;
use crate::table::{Asking, ContentTable};
use crate::unmarked::unmarked;
use serde_json::{Map, Value};

/// The input with texts. Those of more than `longest` bytes become references, for a function behind the layer. `schema` is the tool's, as
/// an object or as its JSON text.
pub async fn opened(
    mut input: Map<String, Value>,
    schema: &Value,
    longest: usize,
    contents: &ContentTable,
    asking: Asking<'_>,
) -> Result<Value, ContentError> {
    for name in content_parameters(schema) {
        let Some(handle) = input.get(&name).and_then(Value::as_str).and_then(Handle::of) else { continue };
        let text = Value::String(contents.get(handle, asking).await?);
        let reference = handle.ok().filter(|_| must_be_referred_to(&text, longest));
        input.insert(name, reference.map_or(text, |handle| Value::String(handle.0.to_string())));
    }
    Ok(input.into())
}

/// A text that reads like a reference must not be opened as one by the function's layer.
fn must_be_referred_to(text: &Value, longest: usize) -> bool {
    longest < usize::MAX && (text.as_str().is_some_and(|text| text.len() > longest) || unmarked(text) != *text)
}

/// The parameters with `"format": "content"`.
fn content_parameters(schema: &Value) -> Vec<String> {
    let parsed = schema.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let properties = parsed.as_ref().unwrap_or(schema)["properties"].as_object();
    let properties = properties.into_iter().flatten().filter(|(_, property)| property["format"] == "content");
    properties.map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_long_text_and_one_that_reads_like_a_reference_are_referred_to() {
        let reference = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
        for (text, expected) in [("short", false), ("sixteen bytes of", true), (reference, true)] {
            assert_eq!(must_be_referred_to(&json!(text), 15), expected, "{text}");
            assert!(!must_be_referred_to(&json!(text), usize::MAX), "{text}");
        }
    }

    #[test]
    fn only_parameters_that_take_a_content_are_opened() {
        let schema =
            json!({"properties": {"a": {"type": "string", "format": "content"}, "b": {"type": "string"}, "c": true}});
        assert_eq!(content_parameters(&schema), ["a"]);
        assert_eq!(content_parameters(&schema.to_string().into()), ["a"]);
        for other in [json!(null), json!("not JSON"), json!([]), json!({"properties": 7})] {
            assert_eq!(content_parameters(&other), [""; 0], "{other}");
        }
    }
}
