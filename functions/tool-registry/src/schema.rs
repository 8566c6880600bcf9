//! Whether a schema is one: a model is given what is here, and its providers refuse what is none, much later.

use functions_shared::Refusal;
use serde_json::Value;

/// Checks a JSON Schema that is at `field`; what is wrong is named with its path. Nothing that it refers to is fetched.
pub(crate) fn check(field: &str, schema: &Value) -> Result<(), Refusal> {
    if !schema.is_object() {
        return Err(Refusal::invalid(field, "must be a JSON Schema, which is an object"));
    }
    let invalid = |error: jsonschema::ValidationError| {
        let reason = error.to_string();
        Refusal::invalid(
            format!("{field}{}", error.instance_path()),
            format!("is not a JSON Schema: {}", one_line(&reason)),
        )
    };
    jsonschema::validator_for(schema).map(|_| ()).map_err(invalid)
}

/// The same of what a tool takes: an object with named members, for a model gives nothing else.
pub(crate) fn check_input(field: &str, schema: &Value) -> Result<(), Refusal> {
    check(field, schema)?;
    if schema.get("type").and_then(Value::as_str) == Some("object") {
        return Ok(());
    }
    Err(Refusal::invalid(format!("{field}/type"), "must be \"object\": a tool takes named values"))
}

/// The first line, and not more of it than a person reads.
fn one_line(reason: &str) -> String {
    const LONGEST: usize = 200;
    reason.lines().next().unwrap_or_default().chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_with_a_schema_is_named_by_its_path() {
        let cases = [
            (json!({"type": "strin"}), "input_schema/type"),
            (json!({"type": "object", "properties": {"days": {"type": 1}}}), "input_schema/properties/days/type"),
            (json!({"type": "object", "properties": {"at": {"pattern": "("}}}), "input_schema/properties/at/pattern"),
            (json!({"type": "object", "required": "days"}), "input_schema/required"),
            (json!({"type": "array"}), "input_schema/type"),
            (json!({}), "input_schema/type"),
            (json!([]), "input_schema"),
        ];
        for (schema, field) in cases {
            let refusal = check_input("input_schema", &schema).expect_err(field);
            assert_eq!(refusal.field(), Some(field), "{refusal}");
        }
    }

    #[test]
    fn nothing_is_fetched() {
        let schema = json!({"type": "object", "$ref": "https://127.0.0.1:1/schema.json"});
        assert!(check_input("input_schema", &schema).is_err());
    }

    #[test]
    fn a_schema_is_one() {
        let schema = json!({"type": "object", "properties": {"document": {"type": "string", "format": "content"}}});
        assert_eq!(check_input("input_schema", &schema), Ok(()));
        assert_eq!(check("output_schema", &json!({})), Ok(()));
    }
}
