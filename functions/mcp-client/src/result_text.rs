//! What a model reads of a server's result: its texts, and in words what is no text.

use rmcp::model::CallToolResult;
use serde_json::Value;

/// The texts of a result, one below the other. Without any, its structured content. Of images, sounds and files a model only hears that
/// they are there: a result of a state machine is text.
pub(crate) fn of(result: &CallToolResult) -> String {
    let result = serde_json::to_value(result).unwrap_or_default();
    let blocks = result["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<_> = blocks.iter().map(block).collect();
    match &result["structuredContent"] {
        Value::Null => texts.join("\n"),
        structured if texts.iter().all(String::is_empty) => structured.to_string(),
        _ => texts.join("\n"),
    }
}

fn block(block: &Value) -> String {
    let text = |pointer: &str| block.pointer(pointer).and_then(Value::as_str);
    let kind = text("/type").unwrap_or("block");
    let described = |what: &str, mime: Option<&str>| {
        let mime = mime.map(|mime| format!(" of type {mime}")).unwrap_or_default();
        format!("[{what}{mime}, which is not shown]")
    };
    match kind {
        "text" => text("/text").unwrap_or_default().to_owned(),
        "resource" => match text("/resource/text") {
            Some(content) => content.to_owned(),
            None => described("a file", text("/resource/mimeType")),
        },
        "resource_link" => format!("[a link to {}]", text("/uri").unwrap_or("a resource")),
        "image" => described("an image", text("/mimeType")),
        "audio" => described("a sound", text("/mimeType")),
        _ => described("a block", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(result: Value) -> String {
        of(&serde_json::from_value(result).expect("a result"))
    }

    #[test]
    fn texts_are_joined_and_other_blocks_are_named() {
        let blocks = json!([
            { "type": "text", "text": "one" },
            { "type": "image", "data": "AA==", "mimeType": "image/png" },
            { "type": "resource", "resource": { "uri": "file:///a", "text": "two" } },
            { "type": "resource", "resource": { "uri": "file:///b", "blob": "AA==", "mimeType": "application/pdf" } },
            { "type": "resource_link", "uri": "file:///c", "name": "c" },
        ]);
        let expected = "one\n[an image of type image/png, which is not shown]\ntwo\n\
            [a file of type application/pdf, which is not shown]\n[a link to file:///c]";
        assert_eq!(read(json!({ "content": blocks })), expected);
    }

    #[test]
    fn structured_content_counts_where_there_is_no_text() {
        assert_eq!(read(json!({ "content": [], "structuredContent": { "a": 1 } })), r#"{"a":1}"#);
        let both = json!({ "content": [{ "type": "text", "text": "one" }], "structuredContent": { "a": 1 } });
        assert_eq!(read(both), "one");
    }
}
