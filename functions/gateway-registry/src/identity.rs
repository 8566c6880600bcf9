//! Keys and tokens that follow from a request's id: the same request, sent again, leads to the same row and the same gateway.

use data_encoding::HEXLOWER;
use functions_shared::Refusal;
use serde_json::Value;
use uuid::Uuid;

/// `gw-` and 32 hexadecimal digits.
pub(crate) fn gateway_id(request_id: &str) -> String {
    format!("gw-{}", &hash(&["gateway", request_id])[..32])
}

/// `tool-` and 32 hexadecimal digits.
pub(crate) fn tool_id(gateway_id: &str, request_id: &str) -> String {
    format!("tool-{}", &hash(&["tool", gateway_id, request_id])[..32])
}

/// The `clientToken` of what is made for a row: 64 hexadecimal digits, where the service takes 33 to 256.
pub(crate) fn client_token(key: &str) -> String {
    hash(&["clientToken", key])
}

/// What tells requests with the same id apart. The order of members does not.
pub(crate) fn digest(request: &Value) -> String {
    let mut request = request.clone();
    request.sort_all_objects();
    hash(&["request", &request.to_string()])
}

/// The id in a request, or one that no other has.
pub(crate) fn request_id(given: Option<String>) -> Result<String, Refusal> {
    let Some(id) = given else { return Ok(Uuid::new_v4().to_string()) };
    let fits = (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(id) } else { Err(Refusal::invalid("request_id", "must be 1 to 128 visible ASCII characters")) }
}

fn hash(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    HEXLOWER.encode(hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_request_has_the_same_key_and_token() {
        assert_eq!(gateway_id("req-1"), gateway_id("req-1"));
        assert_ne!(gateway_id("req-1"), gateway_id("req-2"));
        assert_ne!(tool_id("gw-1", "a"), tool_id("gw-1a", ""));
        assert_eq!(client_token("gw-1").len(), 64);
    }

    #[test]
    fn an_id_is_short_and_visible() {
        assert!(request_id(Some("req-1".to_owned())).is_ok() && request_id(None).is_ok());
        for id in ["", "a b", "ä", "a\n", &"a".repeat(129)] {
            assert!(request_id(Some(id.to_owned())).is_err(), "{id}");
        }
    }
}
