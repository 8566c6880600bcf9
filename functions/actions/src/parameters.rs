//! Parameters: what a tool takes, said once. The schema that a model sees and the check of what it sends are both made of it.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::tool_error::ToolError;

/// One parameter of a tool.
#[derive(Debug)]
pub struct Parameter {
    /// As models spell it.
    pub name: &'static str,
    /// For the model.
    pub description: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether it must be there.
    pub is_required: bool,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text.
    Text,
    /// Text, or the handle of a long one.
    Content,
    /// A whole number.
    Integer {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A number.
    Number {
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
}

/// Arguments that fit the parameters they were checked against.
#[derive(Debug)]
pub struct Arguments {
    values: HashMap<&'static str, Value>,
    /// What the function's caller knows, and no model says.
    handles: Vec<String>,
}

/// The JSON Schema of an object with these parameters. `"format": "content"` marks those that take a handle.
pub fn schema(parameters: &[Parameter]) -> Value {
    let property = |parameter: &Parameter| (parameter.name.to_owned(), parameter.schema());
    let properties: Map<_, _> = parameters.iter().map(property).collect();
    let required: Vec<_> = parameters.iter().filter(|parameter| parameter.is_required).map(|p| p.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

impl Parameter {
    /// One that must be there.
    pub const fn required(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self { name, description, kind, is_required: true }
    }

    /// One that may be left out.
    pub const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self { name, description, kind, is_required: false }
    }

    /// Whether a handle may replace it.
    pub fn is_content(&self) -> bool {
        matches!(self.kind, Kind::Content)
    }

    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Text => json!({ "type": "string" }),
            Kind::Content => json!({ "type": "string", "format": "content" }),
            Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Kind::Number { min, max } => json!({ "type": "number", "minimum": min, "maximum": max }),
        };
        schema["description"] = self.description.into();
        schema
    }

    /// What is wrong with a value, if anything. The value itself is not quoted: it may be long.
    fn mistake(&self, value: &Value) -> Option<String> {
        let fits = match self.kind {
            Kind::Text | Kind::Content => value.is_string(),
            Kind::Integer { min, max } => whole(value).is_some_and(|number| (min..=max).contains(&number)),
            Kind::Number { min, max } => value.as_f64().is_some_and(|number| (min..=max).contains(&number)),
        };
        (!fits).then(|| format!("`{}` is not {}", self.name, self.kind.wanted()))
    }
}

impl Kind {
    fn wanted(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Content => "a text or a handle".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Number { min, max } => format!("a number from {min} to {max}"),
        }
    }
}

impl Arguments {
    /// The arguments in `input`, or everything that is wrong with them at once. `null` is an argument left out.
    pub fn of(parameters: &'static [Parameter], mut input: Map<String, Value>) -> Result<Self, ToolError> {
        input.retain(|_, value| !value.is_null());
        let mut mistakes = vec![];
        let mut arguments = HashMap::new();
        for parameter in parameters {
            match input.remove(parameter.name) {
                Some(value) => {
                    mistakes.extend(parameter.mistake(&value));
                    arguments.insert(parameter.name, value);
                }
                None if parameter.is_required => mistakes.push(format!("`{}` is missing", parameter.name)),
                None => {}
            }
        }
        mistakes.extend(input.keys().map(|name| format!("`{name}` is not a parameter of this tool")));
        if mistakes.is_empty() {
            Ok(Self { values: arguments, handles: vec![] })
        } else {
            Err(ToolError::new(mistakes.join("; ")))
        }
    }

    /// A text that is required.
    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).and_then(Value::as_str).expect("BUG: a declared, required text")
    }

    /// A number that is required.
    pub fn number(&self, name: &str) -> f64 {
        self.values.get(name).and_then(Value::as_f64).expect("BUG: a declared, required number")
    }

    /// A whole number, if it is given.
    pub fn integer(&self, name: &str) -> Option<usize> {
        self.values.get(name).and_then(whole).map(|number| number as usize)
    }

    /// With the handles that the caller of the function knows of.
    #[must_use]
    pub fn with_handles(mut self, handles: Vec<String>) -> Self {
        self.handles = handles;
        self
    }

    /// The handles that the caller of the function knows of, oldest first. They may be any text.
    pub fn handles(&self) -> &[String] {
        &self.handles
    }

    /// A text in another's place.
    pub fn replace(&mut self, name: &'static str, text: String) {
        self.values.insert(name, text.into());
    }

    /// A text, if it is given.
    pub fn given_text(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(Value::as_str)
    }
}

/// `3`, and `3.0`, which is as whole to JSON, and printed the same.
fn whole(value: &Value) -> Option<u32> {
    value.as_f64()?.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    static PARAMETERS: [Parameter; 4] = [
        Parameter::required("url", Kind::Text, "Where."),
        Parameter::required("document", Kind::Content, "What."),
        Parameter::optional("days", Kind::Integer { min: 1, max: 7 }, "How many."),
        Parameter::optional("latitude", Kind::Number { min: -90.0, max: 90.0 }, "How far north."),
    ];

    fn mistakes(input: Value) -> String {
        let Value::Object(input) = input else { panic!("not an object") };
        Arguments::of(&PARAMETERS, input).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn what_fits_is_taken() {
        assert_eq!(mistakes(json!({"url": "", "document": "", "days": 7, "latitude": -90})), "");
        assert_eq!(mistakes(json!({"url": "", "document": "", "days": 1.0, "latitude": null})), "");
    }

    #[test]
    fn every_mistake_names_its_field() {
        let cases = [
            (json!({"url": 1}), "`url` is not a text; `document` is missing"),
            (json!({"url": null, "document": {}}), "`url` is missing; `document` is not a text or a handle"),
            (json!({"url": "", "document": "", "days": 8}), "`days` is not a whole number from 1 to 7"),
            (json!({"url": "", "document": "", "days": 1.5}), "`days` is not a whole number from 1 to 7"),
            (json!({"url": "", "document": "", "days": "2"}), "`days` is not a whole number from 1 to 7"),
            (json!({"url": "", "document": "", "latitude": 90.1}), "`latitude` is not a number from -90 to 90"),
            (json!({"url": "", "document": "", "dasy": 1}), "`dasy` is not a parameter of this tool"),
        ];
        for (input, expected) in cases {
            assert_eq!(mistakes(input), expected);
        }
    }

    #[test]
    fn the_schema_says_the_same() {
        let schema = schema(&PARAMETERS);
        assert_eq!(schema["required"], json!(["url", "document"]));
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["url"], json!({"type": "string", "description": "Where."}));
        assert_eq!(
            schema["properties"]["document"],
            json!({"type": "string", "format": "content", "description": "What."})
        );
        assert_eq!(
            schema["properties"]["days"],
            json!({"type": "integer", "minimum": 1, "maximum": 7, "description": "How many."})
        );
    }
}
