//! What people ask for, checked before anything is written.

use super::auth::Auth;
use super::row::OperationName;
use crate::identity;
use crate::names::{check_length, check_target_name};
use crate::toolname::tool_name;
use functions_shared::Refusal;
use http_api::fields::Fields;
use openapi::{ApiInfo, Document, Mistake, generated};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// A tool to be made, but for where its document comes from.
#[derive(Debug)]
pub(crate) struct ToolRequest {
    pub(crate) gateway_id: String,
    pub(crate) tool_name: String,
    pub(crate) description: Option<String>,
    pub(crate) auth: Option<Auth>,
    pub(crate) team: Option<String>,
    pub(crate) created_by: Option<String>,
    pub(crate) request_id: String,
    /// Where the document is, or it itself; what else the request says.
    pub(crate) source: Source,
    /// Of the whole request, less the key.
    pub(crate) digest: String,
}

/// Where a document comes from.
#[derive(Debug)]
pub(crate) enum Source {
    Url(String),
    Document(&'static str, Box<Document>),
    /// Tools of this product, by their names.
    Registry(Vec<String>),
}

impl ToolRequest {
    /// `{gateway_id, tool_name, openapi_spec_url, auth}`
    pub(crate) fn from_url(body: Value) -> Result<Self, Refusal> {
        Self::read(body, |fields, _| Ok(Source::Url(fields.required_text("openapi_spec_url")?)))
    }

    /// `{gateway_id, tool_name, openapi_spec, auth}`
    pub(crate) fn from_spec(body: Value) -> Result<Self, Refusal> {
        Self::read(body, |fields, _| {
            let spec = fields.take("openapi_spec").ok_or_else(|| fields.refuse("openapi_spec", "is missing"))?;
            Ok(Source::Document("spec", Box::new(inline("openapi_spec", spec)?)))
        })
    }

    /// `{gateway_id, tool_name, api_info: {method, url, query_params, headers, body_schema, description}, auth}`
    pub(crate) fn from_api_info(body: Value) -> Result<Self, Refusal> {
        Self::read(body, |fields, name| {
            let info = fields.object("api_info")?.ok_or_else(|| fields.refuse("api_info", "is missing"))?;
            let info = api_info(Fields::at("api_info", Value::Object(info))?)?;
            let document = generated(name, &info).map_err(|mistake| named("api_info", &mistake))?;
            Ok(Source::Document("api-info", Box::new(document)))
        })
    }

    /// `{gateway_id, tool_name, tools: [names]}`
    pub(crate) fn from_registry(body: Value) -> Result<Self, Refusal> {
        Self::read(body, |fields, _| {
            let names = fields.list("tools")?.unwrap_or_default();
            let texts: Option<Vec<_>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
            let texts = texts.filter(|names| !names.is_empty() && names.len() <= 100);
            Ok(Source::Registry(texts.ok_or_else(|| fields.refuse("tools", "must be 1 to 100 names of tools"))?))
        })
    }

    /// Parts of a form: `gateway_id`, `tool_name`, `file`, and the others as JSON or text.
    pub(crate) fn from_file(mut fields: HashMap<String, String>, file: &[u8]) -> Result<Self, Refusal> {
        let document = Document::read(file).map_err(|mistake| named("file", &mistake))?;
        let hash = identity::digest(document.value());
        fields.insert("file".to_owned(), hash);
        let body = fields.into_iter().map(|(name, text)| Ok((name.clone(), part(&name, text)?)));
        let body = body.collect::<Result<_, Refusal>>()?;
        Self::read(Value::Object(body), |fields, _| {
            fields.ignore(&["file"]);
            Ok(Source::Document("file", Box::new(document)))
        })
    }

    fn read(body: Value, source: impl FnOnce(&mut Fields, &str) -> Result<Source, Refusal>) -> Result<Self, Refusal> {
        let digest = digest(&body);
        let mut fields = Fields::of_body(body)?;
        let gateway_id = fields.required_text("gateway_id")?;
        let tool_name = fields.required_text("tool_name")?;
        check_target_name("tool_name", &tool_name)?;
        let description = description(&mut fields)?;
        let source = source(&mut fields, &tool_name)?;
        let auth = Auth::read(&mut fields)?;
        let (team, created_by) = (fields.text("team")?, fields.text("created_by")?);
        let request_id = identity::request_id(fields.text("request_id")?)?;
        fields.finish()?;
        Ok(Self { gateway_id, tool_name, description, auth, team, created_by, request_id, source, digest })
    }
}

/// Texts are themselves; `auth` is JSON, as elsewhere, so that its key is known as one.
fn part(name: &str, text: String) -> Result<Value, Refusal> {
    if name != "auth" {
        return Ok(Value::String(text));
    }
    // What the parser says could quote the key.
    serde_json::from_str(&text).map_err(|_| Refusal::invalid("auth", "must be JSON"))
}

pub(crate) fn description(fields: &mut Fields) -> Result<Option<String>, Refusal> {
    let description = fields.text("description")?.filter(|text| !text.is_empty());
    if let Some(text) = &description {
        check_length("description", text, 1..=200)?;
    }
    Ok(description)
}

/// A document within a request: an object, or its text.
pub(crate) fn inline(field: &str, spec: Value) -> Result<Document, Refusal> {
    let read = match spec {
        Value::String(text) => Document::read(text.as_bytes()),
        other => Document::of(other),
    };
    read.map_err(|mistake| named(field, &mistake))
}

/// A mistake in the value at `field`.
pub(crate) fn named(field: &str, mistake: &Mistake) -> Refusal {
    Refusal::invalid(format!("{field}{}", mistake.path), &mistake.reason)
}

/// What a gateway may not understand of a document, with the places.
pub(crate) fn warnings(document: &Document) -> Vec<String> {
    document.warnings().iter().map(ToString::to_string).collect()
}

fn api_info(mut fields: Fields) -> Result<ApiInfo, Refusal> {
    let info = ApiInfo {
        method: fields.required_text("method")?,
        url: fields.required_text("url")?,
        query_params: fields.nested("query_params")?,
        headers: fields.nested("headers")?,
        body_schema: fields.nested("body_schema")?,
        description: fields.text("description")?,
    };
    fields.finish()?;
    Ok(info)
}

/// A hash of a request must not give away its key: a short key could be found by trying.
fn digest(body: &Value) -> String {
    let mut body = body.clone();
    if let Some(auth) = body.get_mut("auth").and_then(opened)
        && let Some(config) = auth.get_mut("config").and_then(opened)
    {
        config.remove("api_key");
    }
    identity::digest(&body)
}

/// An object, which may be given as its text.
fn opened(value: &mut Value) -> Option<&mut Map<String, Value>> {
    if let Some(inner) = value.as_str().and_then(|text| serde_json::from_str(text).ok()) {
        *value = inner;
    }
    value.as_object_mut()
}

/// What agents call the operations of a target.
pub(crate) fn operation_names(target: &str, document: &Document) -> Result<Vec<OperationName>, Refusal> {
    let mut seen: HashMap<String, String> = HashMap::new();
    let mut names = vec![];
    for operation in document.operations() {
        let remote_name = format!("{target}___{}", operation.id);
        let tool_name = tool_name(&remote_name);
        if let Some(other) = seen.insert(tool_name.clone(), operation.id.clone()) {
            let reason = format!("{} and {other} would both be the agents' tool {tool_name}", operation.id);
            return Err(Refusal::Conflict(reason));
        }
        names.push(OperationName { tool_name, remote_name });
    }
    Ok(names)
}
