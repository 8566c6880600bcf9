//! The event and the answer: what `document-reader` returns comes in, an [`Analysis`] goes out.

use crate::analysis::Analysis;
use data_encoding::BASE64;
use functions_shared::{Failure, LambdaEvent};
use serde::{Deserialize, Serialize};

/// A document as `document-reader` returns it. Other fields are ignored.
#[derive(Deserialize)]
pub(crate) struct Event {
    document: Document,
    text: String,
}

/// Of what describes the document, the part that is needed.
#[derive(Deserialize)]
struct Document {
    name: String,
    encoding: Encoding,
}

/// How the document's bytes became `text`.
#[derive(Deserialize, Clone, Copy)]
enum Encoding {
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "base64")]
    Base64,
}

/// The answer.
#[derive(Serialize)]
pub(crate) struct Analysed {
    name: String,
    analysis: Analysis,
}

/// Analyses the document of one event. Fails as `InvalidEncoding` when the text is not the base64 it says it is.
pub(crate) async fn handle(event: LambdaEvent<Event>) -> Result<Analysed, Failure> {
    answer(event.payload)
}

fn answer(Event { document, text }: Event) -> Result<Analysed, Failure> {
    let content = match document.encoding {
        Encoding::Utf8 => text.into_bytes(),
        Encoding::Base64 => decoded(&text)?,
    };
    let analysis = Analysis::of(&content);
    Ok(Analysed { name: document.name, analysis })
}

fn decoded(text: &str) -> Result<Vec<u8>, Failure> {
    // The error tells a position, never what is there.
    let invalid = |error| Failure::new("InvalidEncoding", format!("`text` is not base64: {error}"));
    BASE64.decode(text.as_bytes()).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use functions_shared::Diagnostic;
    use serde_json::{Value, json};

    fn ask(event: Value) -> Result<Value, Diagnostic> {
        let event = serde_json::from_value(event).map_err(|error| Failure::invalid_event(&error))?;
        Ok(serde_json::to_value(answer(event)?).expect("JSON"))
    }

    fn failure_of(event: Value) -> (String, String) {
        let failure = ask(event).expect_err("a failure");
        (failure.error_type, failure.error_message)
    }

    #[test]
    fn text_and_its_base64_are_the_same_document() {
        let text = ask(json!({"document": {"name": "a", "encoding": "utf-8"}, "text": "Grüße"}));
        let base64 = ask(json!({"document": {"name": "a", "encoding": "base64"}, "text": "R3LDvMOfZQ=="}));
        assert_eq!(text, base64);
        assert_eq!(text.expect("an answer")["analysis"]["bytes"], 7);
    }

    #[test]
    fn a_missing_field_is_named() {
        let whole = json!({"document": {"name": "a", "encoding": "utf-8"}, "text": ""});
        for (parent, field) in [("", "document"), ("", "text"), ("/document", "name"), ("/document", "encoding")] {
            let mut event = whole.clone();
            event.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").remove(field);
            let (name, message) = failure_of(event);
            assert_eq!(name, "InvalidEvent");
            assert!(message.contains(&format!("missing field `{field}`")), "{message}");
        }
    }

    #[test]
    fn what_is_not_base64_has_its_own_name() {
        let event = json!({"document": {"name": "a", "encoding": "base64"}, "text": "no!"});
        assert_eq!(failure_of(event).0, "InvalidEncoding");
    }
}
