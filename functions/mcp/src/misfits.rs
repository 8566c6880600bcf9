//! Requests that `rmcp` could not read: either no server has the method, or the parameters do not fit it. `rmcp` takes both for unknown methods.

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, ErrorCode, InitializeRequestParams, PaginatedRequestParams, ReadResourceRequestParams,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The error that says which.
pub(crate) fn error(method: &str, params: Option<Value>) -> ErrorData {
    let params = params.unwrap_or(Value::Null);
    let misfit = match method {
        "initialize" => misfit::<InitializeRequestParams>(params),
        "tools/call" => misfit::<CallToolRequestParams>(params),
        "resources/read" => misfit::<ReadResourceRequestParams>(params),
        "tools/list" | "resources/list" | "resources/templates/list" => {
            misfit::<Option<PaginatedRequestParams>>(params)
        }
        _ => return ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("there is no method `{method}`"), None),
    };
    ErrorData::invalid_params(
        format!("`params`: {}", misfit.unwrap_or_else(|| "they do not fit this method".to_owned())),
        None,
    )
}

/// What does not fit. Without values: they may be long.
fn misfit<T: DeserializeOwned>(params: Value) -> Option<String> {
    let params = if params.is_null() { Value::Object(serde_json::Map::new()) } else { params };
    serde_json::from_value::<T>(params).err().map(|error| {
        let text = error.to_string();
        let named = text.starts_with("missing field");
        if named {
            text
        } else {
            text.rsplit_once(", expected ").map_or(text.clone(), |(_, expected)| format!("expected {expected}"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_missing_parameter_is_named() {
        let error = error("tools/call", Some(json!({ "arguments": {} })));
        assert_eq!((error.code, &*error.message), (ErrorCode::INVALID_PARAMS, "`params`: missing field `name`"));
        assert!(super::error("resources/read", None).message.contains("`uri`"));
    }

    #[test]
    fn a_wrong_type_is_described_and_not_quoted() {
        let error = error("tools/call", Some(json!({ "name": "a", "arguments": "secret" })));
        assert!(error.message.contains("expected") && !error.message.contains("secret"), "{}", error.message);
    }

    #[test]
    fn another_method_is_unknown() {
        assert_eq!(error("tools/pull", None).code, ErrorCode::METHOD_NOT_FOUND);
    }
}
