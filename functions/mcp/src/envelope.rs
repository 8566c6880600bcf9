//! What is refused before the protocol is spoken, with the codes of JSON-RPC 2.0 (section 5.1 of its specification).
//!
//! Pure: `rmcp` answers to such bodies with plain text and other statuses, and a client shows its user a code.

use functions_content::refuse_references;
use serde_json::{Value, json};

/// Longer bodies are refused. API Gateway and Lambda refuse those of more than 6 MB themselves.
pub(crate) const LONGEST_BODY: usize = 4 << 20;

/// The text is no JSON.
const PARSE_ERROR: i32 = -32700;
/// It is JSON, and no request.
const INVALID_REQUEST: i32 = -32600;
/// A parameter is not what it should be.
const INVALID_PARAMS: i32 = -32602;

/// Why a body is not passed on. The HTTP status is 400.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    code: i32,
    message: String,
    /// The request's own, or `null` where it cannot be told.
    id: Value,
}

impl Fault {
    /// As JSON-RPC spells it.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "jsonrpc": "2.0", "id": self.id, "error": { "code": self.code, "message": self.message } })
    }
}

/// Checks that a body is one JSON-RPC message without any reference to a content.
pub(crate) fn check(body: &[u8]) -> Result<(), Fault> {
    let message = parsed(body)?;
    let id = id_of(&message);
    let invalid = |message: &str| Fault { code: INVALID_REQUEST, message: message.to_owned(), id: id.clone() };
    let Value::Object(members) = &message else {
        let is_batch = message.is_array();
        return Err(invalid(if is_batch {
            "a batch is not accepted: send one message a request"
        } else {
            "must be an object"
        }));
    };
    if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(invalid("`jsonrpc` must be \"2.0\""));
    }
    if members.get("id").is_some_and(|id| !is_id(id)) {
        return Err(invalid("`id` must be text or a whole number"));
    }
    let is_response = members.contains_key("result") || members.contains_key("error");
    if !is_response && !members.get("method").is_some_and(Value::is_string) {
        return Err(invalid("`method` must be text"));
    }
    let reference = |refusal: functions_shared::Refusal| Fault {
        code: INVALID_PARAMS,
        message: refusal.to_string(),
        id: id.clone(),
    };
    refuse_references("", &message).map_err(reference)
}

fn parsed(body: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(body).map_err(|error| Fault {
        code: PARSE_ERROR,
        message: format!("the body is not JSON: line {}, column {}", error.line(), error.column()),
        id: Value::Null,
    })
}

/// MCP has no `null` ids, and no fractions.
fn is_id(id: &Value) -> bool {
    id.is_string() || id.is_i64() || id.is_u64()
}

fn id_of(message: &Value) -> Value {
    message.get("id").filter(|id| is_id(id)).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> Option<i32> {
        check(body.as_bytes()).err().map(|fault| fault.code)
    }

    #[test]
    fn one_message_passes() {
        for body in [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"unknown","params":{"_meta":{}}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        ] {
            assert_eq!(code(body), None, "{body}");
        }
    }

    #[test]
    fn each_fault_has_its_code() {
        for (body, expected) in [
            ("", PARSE_ERROR),
            ("{", PARSE_ERROR),
            ("\u{0}", PARSE_ERROR),
            ("7", INVALID_REQUEST),
            ("{}", INVALID_REQUEST),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, INVALID_REQUEST),
        ] {
            assert_eq!(code(body), Some(expected), "{body}");
        }
    }

    #[test]
    fn a_reference_is_refused_by_its_place_and_with_the_id_of_its_request() {
        let reference = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call",
            "params": { "name": "document_search", "arguments": { "document": reference } } });
        let fault = check(body.to_string().as_bytes()).expect_err("a reference");
        assert_eq!((fault.code, &fault.id), (INVALID_PARAMS, &json!(7)));
        assert!(fault.message.contains("params.arguments.document"), "{}", fault.message);
    }
}
