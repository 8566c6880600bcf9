//! What is asked, as it comes over HTTP or in a message.

use functions_content::refuse_references;
use functions_shared::Refusal;
use registries::fields::Fields;
use serde_json::Value;

/// Bytes of a message.
const LONGEST_MESSAGE: usize = 1 << 20;

/// A question to an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) message: String,
    /// The session that goes on; another one begins if it is left out.
    pub(crate) session_id: Option<String>,
    /// The agent; the one of this function if it is left out.
    pub(crate) agent_name: Option<String>,
    /// The agent's version; its newest active one if it is left out.
    pub(crate) version: Option<String>,
    pub(crate) mode: Option<Mode>,
    /// Whether the answer should come piece by piece.
    pub(crate) stream: bool,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// This function, at once.
    Turn,
    /// The state machine, later.
    Workflow,
}

impl Question {
    /// Reads the body of a request.
    pub(crate) fn of_body(body: Value) -> Result<Self, Refusal> {
        // The layer would replace one by its content wherever the question goes.
        refuse_references("", &body)?;
        let mut fields = Fields::of_body(body)?;
        let message = fields.required_text("message")?;
        if message.len() > LONGEST_MESSAGE {
            return Err(Refusal::TooLarge(format!("message: must not be longer than {LONGEST_MESSAGE} bytes")));
        }
        let mode = fields.text("mode")?;
        let mode = mode.map(|mode| Mode::read(&mode)).transpose()?;
        let session_id = fields.text("session_id")?;
        session_id.as_deref().map_or(Ok(()), check_session_id)?;
        let question = Self {
            message,
            session_id,
            agent_name: fields.text("agent_name")?,
            version: fields.text("version")?,
            mode,
            stream: fields.truth("stream")?.unwrap_or(false),
        };
        fields.finish()?;
        Ok(question)
    }
}

impl Question {
    /// Reads the payload of a message.
    pub(crate) fn of_payload(payload: Value) -> Result<Self, Refusal> {
        let mut fields = Fields::of_body(payload)?;
        let session_id = fields.text("session_id")?;
        session_id.as_deref().map_or(Ok(()), check_session_id)?;
        Ok(Self {
            message: fields.required_text("message")?,
            session_id,
            agent_name: fields.text("agent_name")?,
            version: None,
            mode: None,
            stream: false,
        })
    }
}

impl Mode {
    /// Reads a mode, of a request or of an agent's row.
    pub(crate) fn read(text: &str) -> Result<Self, Refusal> {
        match text {
            "turn" => Ok(Self::Turn),
            "workflow" => Ok(Self::Workflow),
            _ => Err(Refusal::invalid("mode", "must be turn or workflow")),
        }
    }
}

/// A session's id is a key, and part of a path.
pub(crate) fn check_session_id(id: &str) -> Result<(), Refusal> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (1..=128).contains(&id.len()) && id.bytes().all(is_allowed) {
        return Ok(());
    }
    Err(Refusal::invalid("session_id", "must be 1 to 128 letters, digits, _ or -"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_is_enough() {
        let question =
            Question::of_body(json!({"message": "Book a tee time", "session_id": null})).expect("a question");
        assert_eq!((question.message.as_str(), question.session_id, question.stream), ("Book a tee time", None, false));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let reference = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
        let with = |name: &str, value: Value| {
            let mut body = json!({"message": "m"});
            body[name] = value;
            body
        };
        for (body, reason) in [
            (json!({}), "message: is missing"),
            (json!([]), "body: must be a JSON object"),
            (with("message", json!(" ")), "message: must not be empty"),
            (with("message", json!(reference)), "message: must not be a reference to a content"),
            (with("session_id", json!("a/b")), "session_id: must be 1 to 128 letters, digits, _ or -"),
            (with("session_id", json!("")), "session_id: must be 1 to 128 letters, digits, _ or -"),
            (with("session_id", json!("a".repeat(129))), "session_id: must be 1 to 128 letters, digits, _ or -"),
            (with("mode", json!("later")), "mode: must be turn or workflow"),
            (with("stream", json!(7)), "stream: must be true or false"),
            (with("colour", json!("red")), "colour: is not a known field"),
        ] {
            assert_eq!(Question::of_body(body).expect_err(reason).to_string(), reason);
        }
        let long = Question::of_body(with("message", json!("x".repeat(LONGEST_MESSAGE + 1))));
        assert!(matches!(long, Err(Refusal::TooLarge(_))));
    }
}
