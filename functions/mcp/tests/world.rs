//! A server with a content table, and the web of one test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use functions_aws::SdkConfig;
use functions_shared::{LambdaEvent, Variables};
use http_api::streaming::{Answer, Streamed};
use lambda_local::table::{ContentTable, TableConfig};
use lambda_runtime::Context;
use mcp::{State, handle};
use serde_json::{Value, json};
use test_kit::{Exchange, Peer, Reply as Response};

use crate::site::{Asked, Authority, Reply, Site};

pub const TABLE: &str = "AgentContext-test";
pub const DOMAIN: &str = "url-id.lambda-url.eu-central-1.on.aws";
pub const KEY: &str = "the-key-of-a-test";
pub const PREVIOUS_KEY: &str = "the-key-before";

pub struct World {
    authority: Authority,
    documents: Site,
    weather: Site,
    _table: ContentTable,
    endpoint: String,
    secrets: Peer,
    /// Whether Secrets Manager fails.
    pub is_down: Arc<AtomicBool>,
}

impl World {
    /// Sites that answer so, whatever their name.
    pub async fn new(answer: impl Fn(&Asked) -> Reply + Clone + Send + Sync + 'static) -> Self {
        let authority = Authority::new();
        let documents = Site::start(&authority, "documents.test", answer.clone()).await;
        let weather = Site::start(&authority, "api.weather.gov", answer).await;
        let config = TableConfig { name: TABLE.to_owned(), sweep_interval: 0, ..TableConfig::default() };
        let table = ContentTable::start(config).await.expect("a table");
        let is_down = Arc::new(AtomicBool::new(false));
        let down = Arc::clone(&is_down);
        let secrets = Peer::start(move |_: &Exchange| Some(secret(down.load(Ordering::SeqCst)))).await;
        Self { authority, documents, weather, endpoint: table.endpoint(), _table: table, secrets, is_down }
    }

    /// A server in a sandbox that has just started, with a key.
    pub fn server(&self) -> Server {
        self.server_with([("MCP_API_KEY_SECRET", "mcp-key")])
    }

    /// A server with these variables besides those that say where everything is.
    pub fn server_with<const N: usize>(&self, more: [(&str, &str); N]) -> Server {
        let endpoints = [self.documents.named("documents.test"), self.weather.named("api.weather.gov")].join(",");
        let authority = self.authority.path();
        let usual = [
            ("TEST_ENDPOINTS", endpoints.as_str()),
            ("TEST_CA_FILE", &authority),
            ("ALLOWED_HOSTS", "documents.test api.weather.gov"),
            ("AGENT_CONTEXT_TABLE", TABLE),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.endpoint),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        let variables: Variables = usual.into_iter().chain(more).collect();
        Server(Arc::new(State::new(&variables, &self.aws()).expect("a state")))
    }

    /// Its credentials are made up; Secrets Manager is here, and whatever else a test names.
    fn aws(&self) -> SdkConfig {
        let config =
            SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1"));
        let credentials = Credentials::new("key", "secret", None, None, "test");
        let config = config.credentials_provider(SharedCredentialsProvider::new(credentials));
        let config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
        config.endpoint_url(self.secrets.url()).retry_config(RetryConfig::disabled()).build()
    }
}

fn secret(is_down: bool) -> Response {
    if is_down {
        return Response::new(500, r#"{"__type": "InternalServiceError"}"#);
    }
    let keys = json!({ "api_key": KEY, "previous_api_key": PREVIOUS_KEY });
    Response::new(200, json!({ "SecretString": keys.to_string() }).to_string())
}

/// A function in a sandbox that has started.
#[derive(Clone)]
pub struct Server(Arc<State>);

impl Server {
    /// What one event gives, as an HTTP API takes it.
    pub async fn invoke(&self, event: &Value) -> Value {
        match self.answer(event).await {
            Answer::Whole(reply) => reply,
            Answer::Streamed(Streamed { status, headers, mut pieces }) => {
                let mut body = Vec::new();
                while let Some(piece) = pieces.next().await {
                    body.extend_from_slice(&piece);
                }
                let named =
                    headers.iter().map(|(name, value)| (name.to_string(), value.to_str().expect("text").into()));
                let headers: serde_json::Map<String, Value> = named.collect();
                json!({ "statusCode": status, "headers": headers, "body": String::from_utf8(body).expect("text") })
            }
        }
    }

    /// The same before it is read.
    pub async fn answer(&self, event: &Value) -> Answer {
        let payload = serde_json::from_str(&event.to_string()).expect("an event of HTTP");
        handle(Arc::clone(&self.0), LambdaEvent::new(payload, Context::default())).await.expect("an answer")
    }

    /// What a request with the key gives: status, headers, and the body, as JSON if it is.
    pub async fn post(&self, body: &str) -> (u64, Value) {
        self.ask("POST", "/mcp", &json!({ "x-api-key": KEY }), body).await
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &Value, body: &str) -> (u64, Value) {
        let reply = self.invoke(&event(method, path, headers, body)).await;
        let text = reply["body"].as_str().unwrap_or_default();
        let body = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
        (reply["statusCode"].as_u64().expect("a status"), body)
    }

    /// The result of one request of the protocol, or its error.
    pub async fn result(&self, method: &str, params: Value) -> Value {
        let (status, body) = self.post(&message(method, &params)).await;
        assert_eq!(status, 200, "{body}");
        if body["error"].is_null() { body["result"].clone() } else { body["error"].clone() }
    }

    /// What a call of a tool returns.
    pub async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.result("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }
}

/// One request of the protocol.
pub fn message(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string()
}

/// An event of a Function URL that anybody may call.
pub fn event(method: &str, path: &str, headers: &Value, body: &str) -> Value {
    let mut headers = headers.clone();
    for (name, value) in [("host", DOMAIN), ("content-type", "application/json")] {
        if headers[name].is_null() {
            headers[name] = json!(value);
        }
    }
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
        "requestContext": {
            "accountId": "anonymous", "apiId": "url-id", "domainName": DOMAIN, "domainPrefix": "url-id",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test" },
            "requestId": "id", "routeKey": "$default", "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_i64,
        },
        "body": if body.is_empty() { Value::Null } else { json!(body) }, "isBase64Encoded": false,
    })
}
