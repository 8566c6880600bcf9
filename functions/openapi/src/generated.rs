//! A document for one URL, of what little is known about it.

use serde_json::{Map, Value, json};
use url::Url;

use crate::document::Document;
use crate::mistake::Mistake;

/// What is known of an API.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiInfo {
    /// Of HTTP.
    pub method: String,
    /// `https://api.example/forecast/daily`; the query string is left out.
    pub url: String,
    /// JSON Schema of an object: the query's parameters.
    pub query_params: Option<Value>,
    /// JSON Schema of an object: headers.
    pub headers: Option<Value>,
    /// JSON Schema of the body of a POST, PUT or PATCH.
    pub body_schema: Option<Value>,
    /// For the model.
    pub description: Option<String>,
}

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
const WITH_BODY: [&str; 3] = ["post", "put", "patch"];

/// The document of a tool: OpenAPI 3.0.3, with one operation.
pub fn generated(tool_name: &str, api: &ApiInfo) -> Result<Document, Mistake> {
    let method = api.method.to_ascii_lowercase();
    if !METHODS.contains(&method.as_str()) {
        return Err(Mistake::new("/method", "must be GET, POST, PUT, PATCH or DELETE"));
    }
    let (server, path) = server_and_path(&api.url)?;
    let description = api.description.clone().filter(|text| !text.trim().is_empty());
    let described = description.unwrap_or_else(|| format!("{} {path}", api.method.to_ascii_uppercase()));
    let operation = json!({
        "operationId": operation_id(tool_name, &path), "summary": described, "description": described,
        "parameters": parameters(api)?, "responses": { "200": { "description": "The answer" } },
    });
    let operation = with_body(operation, api.body_schema.as_ref().filter(|_| WITH_BODY.contains(&method.as_str())));
    Document::of(json!({
        "openapi": "3.0.3",
        "info": { "title": tool_name, "description": described, "version": "1.0.0" },
        "servers": [{ "url": server }],
        "paths": { path: { method: operation } },
    }))
}

fn server_and_path(url: &str) -> Result<(String, String), Mistake> {
    let parsed = Url::parse(url).map_err(|error| Mistake::new("/url", format!("is not a URL: {error}")))?;
    if parsed.scheme() != "https" {
        return Err(Mistake::new("/url", "must be https://"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(Mistake::new("/url", "must hold no user info"));
    }
    Ok((parsed.origin().ascii_serialization(), parsed.path().to_owned()))
}

/// `{tool_name}__forecastDaily` for `/forecast/daily`, `{tool_name}__root` for `/`.
fn operation_id(tool_name: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let camel: String = words.enumerate().map(|(index, word)| camel(index, word)).collect();
    format!("{tool_name}__{}", if camel.is_empty() { "root" } else { &camel })
}

fn camel(index: usize, word: &str) -> String {
    let (first, rest) = word.split_at(1);
    let rest = rest.to_ascii_lowercase();
    if index == 0 { first.to_ascii_lowercase() + &rest } else { first.to_ascii_uppercase() + &rest }
}

fn parameters(api: &ApiInfo) -> Result<Vec<Value>, Mistake> {
    let mut parameters = of_schema("/query_params", api.query_params.as_ref(), "query")?;
    parameters.extend(of_schema("/headers", api.headers.as_ref(), "header")?);
    Ok(parameters)
}

fn of_schema(path: &str, schema: Option<&Value>, place: &str) -> Result<Vec<Value>, Mistake> {
    let Some(schema) = schema else { return Ok(vec![]) };
    let none = Map::new();
    let members = schema.get("properties").map_or(Some(&none), Value::as_object);
    let members = members
        .filter(|_| schema.is_object())
        .ok_or_else(|| Mistake::new(path, "must be the JSON Schema of an object, with its properties"))?;
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    Ok(members.iter().map(|(name, member)| parameter(name, member, place, required.contains(&json!(name)))).collect())
}

fn parameter(name: &str, schema: &Value, place: &str, is_required: bool) -> Value {
    let mut schema = schema.clone();
    let description = schema.as_object_mut().and_then(|members| members.remove("description"));
    let mut parameter = json!({ "name": name, "in": place, "required": is_required, "schema": schema });
    if let Some(description) = description {
        parameter["description"] = description;
    }
    parameter
}

fn with_body(mut operation: Value, schema: Option<&Value>) -> Value {
    if let Some(schema) = schema {
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(url: &str) -> ApiInfo {
        ApiInfo {
            method: "GET".to_owned(),
            url: url.to_owned(),
            query_params: None,
            headers: None,
            body_schema: None,
            description: None,
        }
    }

    #[test]
    fn an_operation_is_named_after_its_path() {
        for (path, id) in
            [("/", "t__root"), ("", "t__root"), ("/mars-photos/api_v1/Rovers", "t__marsPhotosApiV1Rovers")]
        {
            let document = generated("t", &api(&format!("https://a.example{path}"))).expect("a document");
            assert_eq!(document.operations()[0].id, id);
        }
    }

    #[test]
    fn a_document_is_made_of_what_is_known() {
        let info = ApiInfo {
            method: "post".to_owned(),
            query_params: Some(
                json!({"properties": {"days": {"type": "integer", "description": "How many"}}, "required": ["days"]}),
            ),
            headers: Some(json!({"properties": {"X-Unit": {"type": "string", "enum": ["C", "F"]}}})),
            body_schema: Some(
                json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
            ),
            description: Some("The weather".to_owned()),
            ..api("https://a.example:8443/forecast?key=secret")
        };
        let document = generated("weather", &info).expect("a document");
        let expected = json!({
            "openapi": "3.0.3",
            "info": {"title": "weather", "description": "The weather", "version": "1.0.0"},
            "servers": [{"url": "https://a.example:8443"}],
            "paths": {"/forecast": {"post": {
                "operationId": "weather__forecast", "summary": "The weather", "description": "The weather",
                "parameters": [
                    {"name": "days", "in": "query", "required": true, "description": "How many", "schema": {"type": "integer"}},
                    {"name": "X-Unit", "in": "header", "required": false, "schema": {"type": "string", "enum": ["C", "F"]}},
                ],
                "requestBody": {"required": true, "content": {"application/json": {
                    "schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}},
                "responses": {"200": {"description": "The answer"}},
            }}},
        });
        assert_eq!(document.value(), &expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut wrong = api("https://a.example/");
        wrong.method = "BREW".to_owned();
        assert_eq!(generated("t", &wrong).expect_err("a method").path, "/method");
        for url in ["http://a.example/", "ftp://a.example/", "a.example", "https://me:pw@a.example/"] {
            assert_eq!(generated("t", &api(url)).expect_err(url).path, "/url");
        }
        let wrong = ApiInfo { query_params: Some(json!(["days"])), ..api("https://a.example/") };
        assert_eq!(generated("t", &wrong).expect_err("no schema").path, "/query_params");
    }

    #[test]
    fn only_what_has_a_body_gets_one() {
        let info = ApiInfo { body_schema: Some(json!({"type": "object"})), ..api("https://a.example/") };
        let document = generated("t", &info).expect("a document");
        assert!(document.value()["paths"]["/"]["get"].get("requestBody").is_none());
    }
}
