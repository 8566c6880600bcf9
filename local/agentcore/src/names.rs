//! What the model's patterns allow, and identifiers as it has them.

use serde_json::Value;
use uuid::Uuid;

use crate::api_error::ApiError;

/// `([0-9a-zA-Z][-]?){1,max}`
fn is_name(text: &str, max: usize) -> bool {
    let letters = text.bytes().filter(u8::is_ascii_alphanumeric).count();
    let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    fits && (1..=max).contains(&letters) && !text.starts_with('-') && !text.contains("--")
}

/// The text in `field`, which must be there.
pub(crate) fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str, ApiError> {
    body[field].as_str().ok_or_else(|| ApiError::invalid(field, "is missing"))
}

/// The name in a request: letters, digits and single hyphens.
pub(crate) fn name(body: &Value, max: usize) -> Result<&str, ApiError> {
    let name = text(body, "name")?;
    if is_name(name, max) { Ok(name) } else { Err(ApiError::invalid("name", "does not match its pattern")) }
}

/// `[a-zA-Z0-9\-_]{1,128}`
pub(crate) fn provider_name(body: &Value) -> Result<&str, ApiError> {
    let name = text(body, "name")?;
    let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let fits = fits && (1..=128).contains(&name.len());
    if fits { Ok(name) } else { Err(ApiError::invalid("name", "does not match its pattern")) }
}

/// A text that may be left out, of 1 to `max` characters.
pub(crate) fn check_length(body: &Value, field: &str, max: usize) -> Result<(), ApiError> {
    match body[field].as_str() {
        Some(text) if !(1..=max).contains(&text.chars().count()) => {
            Err(ApiError::invalid(field, &format!("must have 1 to {max} characters")))
        }
        _ => Ok(()),
    }
}

/// The token, if there is one: 33 to 256 letters, digits and hyphens between them.
pub(crate) fn client_token(body: &Value) -> Result<Option<&str>, ApiError> {
    let Some(token) = body["clientToken"].as_str() else { return Ok(None) };
    let fits = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let fits = fits && (33..=256).contains(&token.len()) && !token.starts_with('-') && !token.ends_with('-');
    if fits { Ok(Some(token)) } else { Err(ApiError::invalid("clientToken", "does not match its pattern")) }
}

/// Ten letters and digits, as identifiers end in.
pub(crate) fn ten() -> String {
    Uuid::new_v4().simple().to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_letters_digits_and_single_hyphens() {
        for text in ["golf", "G-1", "a-", &"a".repeat(48)] {
            assert!(is_name(text, 48), "{text}");
        }
        for text in ["", "-a", "a--b", "a_b", "ä", &"a".repeat(49)] {
            assert!(!is_name(text, 48), "{text}");
        }
    }

    #[test]
    fn a_token_has_33_to_256_characters() {
        assert!(client_token(&json!({ "clientToken": "a".repeat(64) })).is_ok());
        for token in ["a".repeat(32), "a".repeat(257), format!("-{}", "a".repeat(40))] {
            assert!(client_token(&json!({ "clientToken": token })).is_err(), "{token}");
        }
    }
}
