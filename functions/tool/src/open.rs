//! The input of another function's tool, with the text in place of each handle that a parameter of the tool takes as a content.
//!
//! Such a function has the layer, but no access to contents by handles. What is opened here leaves by this function's layer as a reference, and
//! the other function's layer puts the text in its place.

use functions_content::{Asking, ContentError, ContentTable, Handle};
use serde_json::{Map, Value};

/// The input with texts. `schema` is the tool's, as an object or as its JSON text.
pub(crate) async fn opened(
    mut input: Map<String, Value>,
    schema: &Value,
    contents: &ContentTable,
    asking: Asking<'_>,
) -> Result<Value, ContentError> {
    for name in content_parameters(schema) {
        let Some(Value::String(given)) = input.get(&name) else { continue };
        if let Some(handle) = Handle::of(given) {
            let text = contents.get(handle, asking).await?;
            input.insert(name, text.into());
        }
    }
    Ok(input.into())
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
