//! The envelope: a tool call comes in, a tool result goes out.

use actions::ToolError;
use serde::Serialize;
use serde_json::{Map, Value};

/// A model's tool call. `input` is not looked at here.
#[derive(Debug)]
pub(crate) struct ToolCall {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) input: Map<String, Value>,
    /// Handles that tools left in the conversation, oldest first, as the caller found them.
    pub(crate) handles: Vec<String>,
}

/// What the model reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolResult {
    /// Always `tool_result`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The tool's name, as it was called.
    pub name: String,
    /// The call's id.
    pub tool_use_id: String,
    /// Text of at most 2 KB where there is a content table.
    pub content: String,
    /// Whether `content` says what went wrong.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
}

impl ToolCall {
    /// Takes an event apart. What is missing or of a wrong type is an answer to the model like any other, addressed as far as the
    /// event tells.
    pub(crate) fn of(mut event: Value) -> Result<Self, ToolResult> {
        let mut text = |field: &str| match event.get_mut(field).map(Value::take) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(ToolError::new(format!("the call's `{field}` is not a text"))),
            None => Err(ToolError::new(format!("the call has no `{field}`"))),
        };
        let (id, name) = (text("id"), text("name"));
        let input = match event.get_mut("input").map(Value::take) {
            Some(Value::Object(input)) => Ok(input),
            Some(Value::Null) | None => Ok(Map::new()),
            Some(_) => Err(ToolError::new("the call's `input` is not an object")),
        };
        let handles = event.get_mut("handles").map(Value::take).map(serde_json::from_value);
        let handles = handles.and_then(Result::ok).unwrap_or_default();
        match (id, name, input) {
            (Ok(id), Ok(name), Ok(input)) => Ok(Self { name, id, input, handles }),
            (id, name, input) => {
                let (known_id, known_name) = (id.clone().unwrap_or_default(), name.clone().unwrap_or_default());
                let error = id.err().or(name.err()).or(input.err()).expect("BUG: one of them is an error");
                Err(ToolResult::new(known_name, known_id, Err(error)))
            }
        }
    }
}

impl ToolCall {
    /// A gateway's call of the tool `name`: the event is its arguments.
    pub(crate) fn of_gateway(name: &str, input: Value) -> Result<Self, ToolError> {
        let Value::Object(input) = input else { return Err(ToolError::new("the arguments are not an object")) };
        Ok(Self { name: name.to_owned(), id: String::new(), input, handles: vec![] })
    }
}

impl ToolResult {
    pub(crate) fn new(name: String, tool_use_id: String, outcome: Result<String, ToolError>) -> Self {
        let is_error = outcome.is_err();
        let content = outcome.unwrap_or_else(|error| error.to_string());
        Self { kind: "tool_result", name, tool_use_id, content, is_error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_an_event_lacks_is_named() {
        let cases = [
            (json!({"name": "a", "input": {}}), "the call has no `id`"),
            (json!({"id": "1", "input": {}}), "the call has no `name`"),
            (json!({"id": "1", "name": 1}), "the call's `name` is not a text"),
            (json!({"id": "1", "name": "a", "input": []}), "the call's `input` is not an object"),
            (json!([]), "the call has no `id`"),
        ];
        for (event, error) in cases {
            let result = ToolCall::of(event).expect_err("no call");
            assert_eq!((result.content.as_str(), result.is_error), (error, true));
        }
    }

    #[test]
    fn an_answer_is_addressed_as_far_as_the_event_tells() {
        let result = ToolCall::of(json!({"id": "tu_1", "input": {}})).expect_err("no call");
        assert_eq!((result.tool_use_id.as_str(), result.name.as_str()), ("tu_1", ""));
    }

    #[test]
    fn a_result_is_spelt_as_models_take_it() {
        let spelt = |outcome| serde_json::to_value(ToolResult::new("a".into(), "1".into(), outcome)).expect("JSON");
        assert_eq!(
            spelt(Ok("b".to_owned())),
            json!({"type": "tool_result", "name": "a", "tool_use_id": "1", "content": "b"})
        );
        assert_eq!(
            spelt(Err(ToolError::new("c"))),
            json!({"type": "tool_result", "name": "a", "tool_use_id": "1", "content": "c", "is_error": true})
        );
    }
}
