//! Reads the object that somebody registers, field by field; what is wrong is refused with the field's name.
//!
//! By hand and not by derived types, for two reasons: a derived type says `invalid type: string`, and not where; and a
//! registration also comes through a template, where CloudFormation turns every number and every truth value into text.

use functions_shared::Refusal;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// The fields of one object that were not read yet. `null` is a field that is not there.
#[derive(Debug)]
pub struct Fields {
    /// In front of a field's name: empty, or `parameters.`.
    path: String,
    left: Map<String, Value>,
}

/// Whether a request's body has a value for the field `name`. `null` is none.
pub fn states(body: &Value, name: &str) -> bool {
    body.get(name).is_some_and(|value| !value.is_null())
}

impl Fields {
    /// The fields of a request's body.
    pub fn of_body(body: Value) -> Result<Self, Refusal> {
        Self::of(String::new(), body)
    }

    /// The fields of the object at `place`.
    pub fn at(place: &str, value: Value) -> Result<Self, Refusal> {
        Self::of(format!("{place}."), value)
    }

    fn of(path: String, value: Value) -> Result<Self, Refusal> {
        let Value::Object(mut left) = value else {
            let field = if path.is_empty() { "body" } else { path.trim_end_matches('.') };
            return Err(Refusal::invalid(field, "must be a JSON object"));
        };
        left.retain(|_, value| !value.is_null());
        Ok(Self { path, left })
    }

    /// A text that must be there and not be empty.
    pub fn required_text(&mut self, name: &str) -> Result<String, Refusal> {
        let text = self.text(name)?.ok_or_else(|| self.refuse(name, "is missing"))?;
        if text.trim().is_empty() { Err(self.refuse(name, "must not be empty")) } else { Ok(text) }
    }

    /// A text, if it is there.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.left.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.refuse(name, "must be text")),
        }
    }

    /// A value of any kind, if it is there.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name)
    }

    /// A truth value or its text.
    pub fn truth(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        let truth = match self.left.remove(name) {
            None => return Ok(None),
            Some(Value::Bool(truth)) => Some(truth),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        truth.map(Some).ok_or_else(|| self.refuse(name, "must be true or false"))
    }

    /// A whole number or its text.
    pub fn whole_number(&mut self, name: &str, range: &RangeInclusive<u64>) -> Result<Option<u64>, Refusal> {
        let Some(value) = self.left.remove(name) else { return Ok(None) };
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let reason = || format!("must be a whole number from {} to {}", range.start(), range.end());
        number.filter(|number| range.contains(number)).map(Some).ok_or_else(|| self.refuse(name, &reason()))
    }

    /// A number or its text.
    pub fn number(&mut self, name: &str, range: &RangeInclusive<f64>) -> Result<Option<f64>, Refusal> {
        let Some(value) = self.left.remove(name) else { return Ok(None) };
        let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
        let reason = || format!("must be a number from {} to {}", range.start(), range.end());
        number.filter(|number| range.contains(number)).map(Some).ok_or_else(|| self.refuse(name, &reason()))
    }

    /// An object or a list, or the JSON text of one: rows and templates hold text.
    pub fn nested(&mut self, name: &str) -> Result<Option<Value>, Refusal> {
        match self.left.remove(name) {
            Some(Value::String(text)) => {
                let invalid = |error: serde_json::Error| {
                    self.refuse(name, &format!("is not JSON: line {}, column {}", error.line(), error.column()))
                };
                serde_json::from_str(&text).map(Some).map_err(invalid)
            }
            other => Ok(other),
        }
    }

    /// What [`Fields::nested`] finds, if it is an object.
    pub fn object(&mut self, name: &str) -> Result<Option<Map<String, Value>>, Refusal> {
        match self.nested(name)? {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(self.refuse(name, "must be a JSON object")),
        }
    }

    /// What [`Fields::nested`] finds, if it is a list.
    pub fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, Refusal> {
        match self.nested(name)? {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => Err(self.refuse(name, "must be a list")),
        }
    }

    /// Leaves out what only the registry writes: who sends a row back as it was read should not have to cut them off.
    pub fn ignore(&mut self, names: &[&str]) {
        self.left.retain(|name, _| !names.contains(&name.as_str()));
    }

    /// Whether a field is there and was not read.
    pub fn holds(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    /// Refuses a field that others decide about.
    pub fn must_not_hold(&self, name: &str) -> Result<(), Refusal> {
        if self.holds(name) { Err(self.refuse(name, "cannot be changed")) } else { Ok(()) }
    }

    /// What was not read, for objects that may hold more than is known here.
    pub fn rest(self) -> Map<String, Value> {
        self.left
    }

    /// Every field was read; one that nobody knows is a mistake that would otherwise be found much later.
    pub fn finish(self) -> Result<(), Refusal> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(unknown) => Err(self.refuse(unknown, "is not a known field")),
        }
    }

    /// A refusal that names a field of this object.
    pub fn refuse(&self, name: &str, reason: &str) -> Refusal {
        Refusal::invalid(format!("{}{name}", self.path), reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(body: Value) -> Fields {
        Fields::of_body(body).expect("an object")
    }

    #[test]
    fn a_missing_or_empty_text_is_named() {
        assert_eq!(fields(json!({})).required_text("a").unwrap_err().to_string(), "a: is missing");
        assert_eq!(fields(json!({"a": null})).required_text("a").unwrap_err().to_string(), "a: is missing");
        assert_eq!(fields(json!({"a": " "})).required_text("a").unwrap_err().to_string(), "a: must not be empty");
        assert_eq!(fields(json!({"a": 1})).required_text("a").unwrap_err().to_string(), "a: must be text");
    }

    #[test]
    fn what_a_template_turned_into_text_is_read() {
        let mut fields = fields(json!({"on": "true", "steps": "5", "heat": "0.5", "tags": "[\"a\"]"}));
        assert_eq!(fields.truth("on"), Ok(Some(true)));
        assert_eq!(fields.whole_number("steps", &(1..=9)), Ok(Some(5)));
        assert_eq!(fields.number("heat", &(0.0..=1.0)), Ok(Some(0.5)));
        assert_eq!(fields.list("tags"), Ok(Some(vec![json!("a")])));
    }

    #[test]
    fn a_number_out_of_range_is_named_with_its_place() {
        let mut fields = Fields::at("parameters", json!({"steps": 10, "heat": "NaN"})).expect("an object");
        let steps = fields.whole_number("steps", &(1..=9)).unwrap_err().to_string();
        assert_eq!(steps, "parameters.steps: must be a whole number from 1 to 9");
        assert!(fields.number("heat", &(0.0..=1.0)).is_err());
    }

    #[test]
    fn an_unknown_field_is_named() {
        assert_eq!(fields(json!({"sytem": ""})).finish().unwrap_err().to_string(), "sytem: is not a known field");
    }
}
