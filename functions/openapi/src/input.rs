//! What an operation takes, as one JSON Schema that refers to nothing outside of itself.
//!
//! References are replaced by what they lead to, since a row of the tool registry holds one schema and no components. A schema that
//! contains itself ends where it does so again, and one that would become too large ends where the limit is.

use serde_json::{Map, Value, json};

use crate::pointers::{at, followed, reference};

/// Nodes of one operation's schema. A model is given all of it with every call.
const MAX_NODES: usize = 2000;

/// Headers that are not an operation's to set (OpenAPI, "Parameter Object").
const NOT_PARAMETERS: [&str; 3] = ["accept", "content-type", "authorization"];

/// Parameters of the path's item and of the operation, and what a JSON body holds.
pub(crate) fn schema(document: &Value, item: &Value, operation: &Value) -> Value {
    let input = input(document, item, operation);
    json!({ "type": "object", "properties": input.properties, "required": input.required })
}

/// Where the arguments that such a schema describes go.
pub(crate) fn places<'a>(document: &'a Value, item: &'a Value, operation: &'a Value) -> Places<'a> {
    let Input { parameters, body, .. } = input(document, item, operation);
    Places { parameters, body }
}

fn input<'a>(document: &'a Value, item: &'a Value, operation: &'a Value) -> Input<'a> {
    let mut inliner = Inliner { document, left: MAX_NODES };
    let mut input = Input::default();
    for parameter in parameters(item).chain(parameters(operation)) {
        let Some(parameter) = followed(document, parameter) else { continue };
        input.add_parameter(parameter, &mut inliner);
    }
    if let Some(body) = operation.get("requestBody").and_then(|body| followed(document, body)) {
        input.add_body(body, &mut inliner);
    }
    input
}

fn parameters(holder: &Value) -> impl Iterator<Item = &Value> {
    holder.get("parameters").and_then(Value::as_array).into_iter().flatten()
}

/// Where the arguments of a call go.
#[derive(Debug, Default)]
pub(crate) struct Places<'a> {
    /// Each parameter's name, and where it is: `path`, `query` or `header`.
    pub(crate) parameters: Vec<(&'a str, &'a str)>,
    /// None without a JSON body.
    pub(crate) body: Option<Body>,
}

/// How a JSON body is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// Its members are arguments beside the parameters.
    Members,
    /// It is the argument [`BODY`].
    Whole,
}

/// The argument that is a whole body.
pub(crate) const BODY: &str = "body";

#[derive(Default)]
struct Input<'a> {
    properties: Map<String, Value>,
    required: Vec<String>,
    parameters: Vec<(&'a str, &'a str)>,
    body: Option<Body>,
}

impl<'a> Input<'a> {
    fn add_parameter(&mut self, parameter: &'a Value, inliner: &mut Inliner<'a>) {
        let (Some(name), Some(place)) = (parameter["name"].as_str(), parameter["in"].as_str()) else { return };
        let is_set_elsewhere = place == "header" && NOT_PARAMETERS.contains(&name.to_ascii_lowercase().as_str());
        if place == "cookie" || is_set_elsewhere {
            return;
        }
        let schema = parameter.get("schema").or_else(|| json_schema(parameter));
        let mut schema = schema.map_or_else(|| json!({ "type": "string" }), |schema| inliner.inlined(schema));
        if let (Some(text), Some(members)) = (parameter["description"].as_str(), schema.as_object_mut()) {
            members.insert("description".to_owned(), json!(text));
        }
        self.parameters.push((name, place));
        self.add(name, schema, parameter["required"] == true);
    }

    /// The members of an object, beside the parameters; anything else as [`BODY`].
    fn add_body(&mut self, body: &'a Value, inliner: &mut Inliner<'a>) {
        let Some(schema) = json_schema(body) else { return };
        let schema = inliner.inlined(schema);
        let is_required = body["required"] == true;
        match schema["properties"].as_object() {
            Some(members) if !members.keys().any(|name| self.properties.contains_key(name)) => {
                self.body = Some(Body::Members);
                let required: Vec<_> = schema["required"].as_array().into_iter().flatten().cloned().collect();
                for (name, member) in members.clone() {
                    let is_needed = is_required && required.contains(&json!(name));
                    self.add(&name, member, is_needed);
                }
            }
            _ => {
                self.body = Some(Body::Whole);
                self.add(BODY, schema, is_required);
            }
        }
    }

    /// A parameter of the operation replaces one of its path with the same name.
    fn add(&mut self, name: &str, schema: Value, is_required: bool) {
        self.properties.insert(name.to_owned(), schema);
        self.required.retain(|required| required != name);
        if is_required {
            self.required.push(name.to_owned());
        }
    }
}

/// The schema of the first content that is JSON: `application/json`, `application/merge-patch+json; charset=utf-8`.
fn json_schema(holder: &Value) -> Option<&Value> {
    let is_json = |media: &str| {
        let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        media == "application/json" || media.ends_with("+json") || media == "*/*"
    };
    let content = holder.get("content")?.as_object()?;
    content.iter().find(|(media, _)| is_json(media))?.1.get("schema")
}

struct Inliner<'a> {
    document: &'a Value,
    left: usize,
}

/// What only documents need, and models do not.
const LEFT_OUT: [&str; 8] =
    ["example", "examples", "xml", "externalDocs", "discriminator", "deprecated", "readOnly", "writeOnly"];

impl<'a> Inliner<'a> {
    fn inlined(&mut self, schema: &'a Value) -> Value {
        self.within(schema, &mut vec![])
    }

    /// `open` are the references that this is inside of.
    fn within(&mut self, schema: &'a Value, open: &mut Vec<&'a str>) -> Value {
        if self.left == 0 {
            return json!({});
        }
        self.left -= 1;
        match (reference(schema), schema) {
            (Some(reference), _) => self.referred(reference, open),
            (None, Value::Object(members)) => self.object(members, open),
            (None, Value::Array(entries)) => entries.iter().map(|entry| self.within(entry, open)).collect(),
            (None, other) => other.clone(),
        }
    }

    fn referred(&mut self, reference: &'a str, open: &mut Vec<&'a str>) -> Value {
        let Some(schema) = at(self.document, reference).filter(|_| !open.contains(&reference)) else {
            return json!({});
        };
        open.push(reference);
        let inlined = self.within(schema, open);
        open.pop();
        inlined
    }

    fn object(&mut self, members: &'a Map<String, Value>, open: &mut Vec<&'a str>) -> Value {
        let kept = members.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()) && !name.starts_with("x-"));
        let mut object: Map<_, _> =
            kept.map(|(name, member)| (name.clone(), self.member(name, member, open))).collect();
        modernise(&mut object);
        Value::Object(object)
    }

    /// What is a schema or holds some; names of properties are none of a schema's keywords.
    fn member(&mut self, name: &str, member: &'a Value, open: &mut Vec<&'a str>) -> Value {
        match (name, member) {
            ("properties" | "patternProperties" | "$defs" | "definitions", Value::Object(schemas)) => {
                schemas.iter().map(|(name, schema)| (name.clone(), self.within(schema, open))).collect()
            }
            ("enum" | "const" | "default" | "required", _) => member.clone(),
            _ => self.within(member, open),
        }
    }
}

/// What 3.0 says in its own way, as JSON Schema says it.
fn modernise(schema: &mut Map<String, Value>) {
    if schema.remove("nullable") == Some(json!(true))
        && let Some(Value::String(kind)) = schema.get("type")
    {
        let kinds = json!([kind, "null"]);
        schema.insert("type".to_owned(), kinds);
    }
    for (exclusive, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match schema.get(exclusive) {
            Some(Value::Bool(true)) => {
                let limit = schema.remove(limit).unwrap_or_default();
                schema.insert(exclusive.to_owned(), limit);
            }
            Some(Value::Bool(false)) => drop(schema.remove(exclusive)),
            _ => {}
        }
    }
}
