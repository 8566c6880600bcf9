//! The tools of a gateway: `target___operationId` of each document, `target___name` of each function's tool.

use std::sync::Arc;

use openapi::{Document, Operation};
use serde_json::{Value, json};

use crate::call_error::CallError;
use crate::outside::{self, Outside};
use crate::store::{Gateway, Provider, Store, Target};

const SEPARATOR: &str = "___";

/// A target as it is when it is asked, with the key of its provider.
pub(crate) struct Served {
    name: String,
    configuration: Value,
    key: Option<Key>,
}

/// What an API is to get with each request.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) parameter: String,
    pub(crate) is_in_query: bool,
    /// With its prefix.
    pub(crate) text: String,
}

/// One tool.
pub(crate) struct Offer {
    /// As the protocol lists it.
    pub(crate) listed: Value,
    pub(crate) means: Means,
}

/// What answers a call.
#[derive(Clone)]
pub(crate) enum Means {
    Operation { document: Arc<Document>, id: String, key: Option<Key> },
    Function { arn: String },
}

/// The targets that are ready.
pub(crate) fn served(store: &Store, gateway: &Gateway) -> Vec<Served> {
    let ready = gateway.targets.values().filter(|target| target.thing.status == "READY");
    ready.map(|target| Served::of(store, target)).collect()
}

impl Served {
    fn of(store: &Store, target: &Target) -> Self {
        let asked = &target.thing.asked;
        let configuration = asked.get("targetConfiguration").cloned().unwrap_or_default();
        let credentials = asked.get("credentialProviderConfigurations").and_then(|all| all.get(0));
        let used = credentials.map(|credentials| &credentials["credentialProvider"]["apiKeyCredentialProvider"]);
        let key = used.and_then(|used| Key::of(used, store.providers.values()));
        Self { name: target.thing.name().to_owned(), configuration, key }
    }

    /// Its tools.
    pub(crate) async fn offers(&self, outside: &Outside) -> Result<Vec<Offer>, CallError> {
        let mcp = &self.configuration["mcp"];
        match (&mcp["openApiSchema"], &mcp["lambda"]) {
            (Value::Object(_), _) => self.operations(&mcp["openApiSchema"], outside).await,
            (_, Value::Object(_)) => self.tools(&mcp["lambda"], outside).await,
            _ => Err(CallError::Target(format!("the stand-in serves no target of the kind of {}", self.name))),
        }
    }

    async fn operations(&self, schema: &Value, outside: &Outside) -> Result<Vec<Offer>, CallError> {
        let document = match (schema["inlinePayload"].as_str(), schema["s3"]["uri"].as_str()) {
            (Some(text), _) => Arc::new(outside::read(text.as_bytes())?),
            (None, uri) => outside.document(uri.unwrap_or_default()).await?,
        };
        Ok(document.operations().into_iter().map(|operation| self.operation(operation, &document)).collect())
    }

    fn operation(&self, operation: Operation, document: &Arc<Document>) -> Offer {
        let name = format!("{}{SEPARATOR}{}", self.name, operation.id);
        let listed =
            json!({ "name": name, "description": operation.description, "inputSchema": operation.input_schema });
        let document = Arc::clone(document);
        Offer { listed, means: Means::Operation { document, id: operation.id, key: self.key.clone() } }
    }

    async fn tools(&self, lambda: &Value, outside: &Outside) -> Result<Vec<Offer>, CallError> {
        let arn = lambda["lambdaArn"].as_str().unwrap_or_default();
        let schema = &lambda["toolSchema"];
        let tools = match (&schema["inlinePayload"], schema["s3"]["uri"].as_str()) {
            (Value::Array(tools), _) => tools.clone(),
            (_, uri) => {
                let text = outside.machine.object(uri.unwrap_or_default()).await?;
                serde_json::from_slice(&text)
                    .map_err(|error| CallError::Target(format!("the tools of {}: {error}", self.name)))?
            }
        };
        Ok(tools.into_iter().map(|tool| self.tool(tool, arn)).collect())
    }

    fn tool(&self, mut tool: Value, arn: &str) -> Offer {
        tool["name"] = json!(format!("{}{SEPARATOR}{}", self.name, tool["name"].as_str().unwrap_or_default()));
        Offer { listed: tool, means: Means::Function { arn: arn.to_owned() } }
    }
}

impl Key {
    /// Names are the model's defaults where a target leaves them out.
    fn of<'a>(used: &Value, mut providers: impl Iterator<Item = &'a Provider>) -> Option<Self> {
        let arn = used["providerArn"].as_str()?;
        let provider = providers.find(|provider| provider.arn == arn)?;
        let text = |name: &str| used[name].as_str().filter(|text| !text.is_empty());
        let prefix = text("credentialPrefix").map(|prefix| format!("{prefix} ")).unwrap_or_default();
        Some(Self {
            parameter: text("credentialParameterName").unwrap_or("Authorization").to_owned(),
            is_in_query: text("credentialLocation") == Some("QUERY_PARAMETER"),
            text: prefix + &provider.key,
        })
    }
}
