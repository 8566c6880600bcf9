//! A call of an operation: arguments become a path, a query, headers and a body, in OpenAPI's default styles.

use serde_json::{Map, Value, json};
use url::Url;

use crate::input::{self, BODY, Body, Places};
use crate::operations::{Place, places};

/// An HTTP request, without what it is authorized by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// Whole: the server's, the path and the query.
    pub url: String,
    /// Those that are parameters.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: Option<String>,
}

/// Why an operation cannot be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCalled {
    /// The document has none of this id.
    #[error("there is no operation {0}")]
    Unknown(String),
    /// A part of the path was not given.
    #[error("the argument `{0}` is missing")]
    Missing(String),
    /// `.` or `..` in a path.
    #[error("the argument `{0}` must not be a folder's name")]
    Folder(String),
    /// The document names no server, or one without a host.
    #[error("the document's server is not a whole URL: `{0}`")]
    Server(String),
}

pub(crate) fn request(
    document: &Value,
    operation_id: &str,
    arguments: &Map<String, Value>,
) -> Result<Request, NotCalled> {
    let all = places(document);
    let place = all.iter().find(|place| place.operation["operationId"] == operation_id);
    let place = place.ok_or_else(|| NotCalled::Unknown(operation_id.to_owned()))?;
    let given = input::places(document, place.item, place.operation);
    let headers = of_kind(&given, arguments, "header").map(|(name, value)| (name.to_owned(), joined(value))).collect();
    let method = place.method.to_ascii_uppercase();
    Ok(Request { method, url: url(document, place, &given, arguments)?, headers, body: body(&given, arguments) })
}

fn url(
    document: &Value,
    place: &Place<'_>,
    given: &Places<'_>,
    arguments: &Map<String, Value>,
) -> Result<String, NotCalled> {
    let mut url = server(document, place)?;
    let mut path = url.path().trim_end_matches('/').to_owned();
    path.push_str(&filled(place.route, given, arguments)?);
    url.set_path(&path);
    for (name, value) in of_kind(given, arguments, "query") {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        url.query_pairs_mut().extend_pairs(values.iter().map(|value| (name, text(value))));
    }
    Ok(url.into())
}

/// The operation's own server, its path's, or the document's first, with the default values of its variables.
fn server(document: &Value, place: &Place<'_>) -> Result<Url, NotCalled> {
    let server = [place.operation, place.item, document].into_iter().find_map(|holder| holder["servers"].get(0));
    let server = server.unwrap_or(&Value::Null);
    let mut text = server["url"].as_str().unwrap_or_default().to_owned();
    for (name, variable) in server["variables"].as_object().into_iter().flatten() {
        text = text.replace(&format!("{{{name}}}"), variable["default"].as_str().unwrap_or_default());
    }
    Url::parse(&text).ok().filter(Url::has_host).ok_or(NotCalled::Server(text))
}

/// The route with the arguments in its places, each as one part of the path.
fn filled(route: &str, given: &Places<'_>, arguments: &Map<String, Value>) -> Result<String, NotCalled> {
    let mut path = route.to_owned();
    for (name, _) in given.parameters.iter().filter(|(_, kind)| *kind == "path") {
        let value = arguments.get(*name).ok_or_else(|| NotCalled::Missing((*name).to_owned()))?;
        let value = joined(value);
        // Escaped too, they would lead to another folder.
        if [".", ".."].contains(&value.as_str()) {
            return Err(NotCalled::Folder((*name).to_owned()));
        }
        path = path.replace(&format!("{{{name}}}"), &escaped(&value));
    }
    Ok(path)
}

/// Percent-encodes all but letters, digits and `-._~,`: an argument must not become another part of the path.
fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~,".contains(&byte);
    let escape = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}

fn of_kind<'a>(
    given: &'a Places<'a>,
    arguments: &'a Map<String, Value>,
    kind: &'a str,
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let names = given.parameters.iter().filter(move |(_, of)| *of == kind);
    names.filter_map(|(name, _)| arguments.get_key_value(*name)).map(|(name, value)| (name.as_str(), value))
}

/// What is no parameter, or the one argument that is the body.
fn body(given: &Places<'_>, arguments: &Map<String, Value>) -> Option<String> {
    let is_parameter = |name: &String| given.parameters.iter().any(|(parameter, _)| parameter == name);
    match given.body? {
        Body::Whole => arguments.get(BODY).map(Value::to_string),
        Body::Members => {
            let members = arguments.iter().filter(|(name, _)| !is_parameter(name));
            Some(json!(members.collect::<std::collections::BTreeMap<_, _>>()).to_string())
        }
    }
}

/// A list as `a,b`.
fn joined(value: &Value) -> String {
    match value {
        Value::Array(entries) => entries.iter().map(text).collect::<Vec<_>>().join(","),
        other => text(other),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        let schema = json!({ "type": "object", "properties": { "text": { "type": "string" } } });
        let body = |schema: &Value| json!({ "content": { "application/json": { "schema": schema } } });
        let parameter = |name: &str, place: &str| json!({ "name": name, "in": place, "schema": { "type": "string" } });
        json!({
            "servers": [{ "url": "https://{region}.example.com/v1/", "variables": { "region": { "default": "eu" } } }],
            "paths": {
                "/cities/{city}": {
                    "parameters": [parameter("city", "path")],
                    "get": { "operationId": "get", "parameters": [parameter("tags", "query"), parameter("X-Trace", "header")] },
                    "put": { "operationId": "put", "requestBody": body(&schema) },
                    "post": { "operationId": "post", "requestBody": body(&json!({ "type": "array" })),
                        "servers": [{ "url": "/relative" }] },
                    "patch": { "operationId": "patch", "requestBody": body(&json!({ "type": "array" })) },
                },
            },
        })
    }

    fn called(id: &str, arguments: &Value) -> Result<Request, NotCalled> {
        request(&document(), id, arguments.as_object().expect("arguments"))
    }

    #[test]
    fn arguments_go_where_the_document_has_them() {
        let got = called("get", &json!({ "city": "a/../b c", "tags": ["x", "y&z"], "X-Trace": 7 })).expect("a request");
        assert_eq!(got.url, "https://eu.example.com/v1/cities/a%2F..%2Fb%20c?tags=x&tags=y%26z");
        assert_eq!((got.method.as_str(), got.headers, got.body), ("GET", vec![("X-Trace".into(), "7".into())], None));
        let put = called("put", &json!({ "city": "Bergen", "text": "rain" })).expect("a request");
        assert_eq!(put.body.as_deref(), Some(r#"{"text":"rain"}"#));
        let patch = called("patch", &json!({ "city": "Bergen", "body": [1, 2] })).expect("a request");
        assert_eq!(patch.body.as_deref(), Some("[1,2]"));
    }

    #[test]
    fn what_cannot_be_called_says_why() {
        for (id, arguments, reason) in [
            ("got", json!({}), NotCalled::Unknown("got".into())),
            ("get", json!({}), NotCalled::Missing("city".into())),
            ("get", json!({ "city": ".." }), NotCalled::Folder("city".into())),
            ("post", json!({ "city": "Bergen" }), NotCalled::Server("/relative".into())),
        ] {
            assert_eq!(called(id, &arguments), Err(reason));
        }
    }
}
