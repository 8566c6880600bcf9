//! Tables, AgentCore, and a registry between them.

use crate::recorder::{Crash, Recorder};
use agentcore::AgentCore;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_bedrockagentcorecontrol::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use data_encoding::BASE64;
use dynoxide::Database;
use functions_shared::{LambdaEvent, Variables};
use gateway_registry::{Bucket, Clients, Registry};
use http_body_util::Full;
use http_guard::Network;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use lambda_runtime::Context;
use registries::tools::{ToolRegistry, ToolStatus};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::future::ready;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const GATEWAYS: &str = "Gateways-dev";
pub(crate) const TOOLS: &str = "Tools-dev";
pub(crate) const AGENTS_TOOLS: &str = "ToolRegistry-dev";
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/gateway-dev";
/// The longest that AgentCore may take for one request: on a busy machine, and where it is to be silent.
const TIMEOUT: Duration = Duration::from_secs(10);
const SHORT_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) agentcore: AgentCore,
    pub(crate) recorder: Recorder,
    pub(crate) registry: Arc<Registry>,
    tables: aws_sdk_dynamodb::Client,
    agentcore_address: SocketAddr,
    /// What gateways say of their tools, where it is not what their documents say.
    pub(crate) said: Said,
    /// What was stored, by bucket and key.
    pub(crate) documents: Documents,
}

/// Descriptions by the names of tools there; `None` while the function that asks gateways fails.
pub(crate) type Said = Arc<Mutex<Option<BTreeMap<String, String>>>>;
pub(crate) type Documents = Arc<Mutex<BTreeMap<String, String>>>;

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Network::from_variables(|_| None).unwrap(), TIMEOUT).await
    }

    /// One that soon gives up waiting for AgentCore.
    pub(crate) async fn impatient() -> Self {
        Self::with(Network::from_variables(|_| None).unwrap(), SHORT_TIMEOUT).await
    }

    /// With a network that leads to servers of a test.
    pub(crate) async fn to(network: Network) -> Self {
        Self::with(network, TIMEOUT).await
    }

    async fn with(network: Network, timeout: Duration) -> Self {
        let (tables_url, listener) = listening().await;
        tokio::spawn(dynoxide::server::serve_on(listener, database()));
        let (agentcore_url, listener) = listening().await;
        let agentcore_address = listener.local_addr().unwrap();
        let agentcore = AgentCore::new("https://agentcore.example");
        tokio::spawn(agentcore::serve(agentcore.clone(), listener));
        let recorder = Recorder::new();
        let (bucket, documents) = bucket(recorder.clone()).await;
        let tables = tables_client(&tables_url, Recorder::new());
        let said = Said::new(Mutex::new(Some(BTreeMap::new())));
        let mcp_client = mcp_client(tables.clone(), Arc::clone(&said)).await;
        let clients = Clients {
            tables: tables_client(&tables_url, recorder.clone()),
            control: control_client(&agentcore_url, recorder.clone(), timeout),
            functions: functions_client(&mcp_client, recorder.clone()),
            bucket,
            network,
        };
        let registry = Registry::of(&variables(), clients, "eu-central-1").unwrap().without_grace();
        Self { agentcore, recorder, registry: Arc::new(registry), tables, agentcore_address, said, documents }
    }

    /// Status and body of one request, which has `seconds` to be answered.
    pub(crate) async fn ask_within(&self, seconds: u64, method: &str, path: &str, body: Value) -> (u64, Value) {
        self.send(request(method, path, &body), seconds).await
    }

    async fn send(&self, event: Value, seconds: u64) -> (u64, Value) {
        let event = LambdaEvent::new(event, context(seconds));
        let answer = Box::pin(gateway_registry::handle(&self.registry, event)).await.unwrap();
        let body = answer["body"].as_str().map_or(Value::Null, |body| serde_json::from_str(body).unwrap());
        (answer["statusCode"].as_u64().unwrap(), body)
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: Value) -> (u64, Value) {
        self.ask_within(20, method, path, body).await
    }

    /// Gives a tool another document while AgentCore is slow, and has a reconciliation finish the change.
    pub(crate) async fn reconcile_to(&self, path: &str, document: &Value) {
        assert_eq!(self.ask_within(3, "PUT", path, json!({"openapi_spec": document})).await.0, 202);
        self.agentcore.settle();
        self.ask("POST", "/reconcile", Value::Null).await;
    }

    /// A form with a file among its parts, as an HTTP API hands it over.
    pub(crate) async fn upload(&self, path: &str, parts: &[(&str, &str)]) -> (u64, Value) {
        let part = |(name, text): &(&str, &str)| {
            let file = if *name == "file" { "; filename=\"api.yaml\"" } else { "" };
            format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{text}\r\n")
        };
        let body = parts.iter().map(part).collect::<String>() + "--frontier--\r\n";
        let mut event = request("POST", path, &Value::Null);
        event["headers"] = json!({"content-type": "multipart/form-data; boundary=frontier"});
        event["body"] = json!(BASE64.encode(body.as_bytes()));
        event["isBase64Encoded"] = json!(true);
        self.send(event, 20).await
    }

    /// The same request, in which the function crashes. Whether it did: it may have answered before it came so far.
    pub(crate) async fn ask_and_crash(&self, crash: Crash, method: &str, path: &str, body: Value) -> bool {
        self.recorder.forget();
        self.recorder.crash(Some(crash));
        let has_crashed = tokio::select! {
            biased;
            () = self.recorder.crashed() => true,
            _ = self.ask(method, path, body) => false,
        };
        self.recorder.crash(None);
        has_crashed
    }

    /// What a schedule asks for.
    pub(crate) async fn scheduled(&self) -> Value {
        let event = LambdaEvent::new(json!({"reconcile": true}), context(20));
        gateway_registry::handle(&self.registry, event).await.unwrap()
    }

    /// A request that reaches AgentCore without the registry.
    pub(crate) async fn by_hand(&self, method: &str, path: &str, body: Value) {
        let stream = TcpStream::connect(self.agentcore_address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::builder().method(method).uri(path).header("host", "agentcore");
        let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
        let status = sender.send_request(request).await.unwrap().status();
        assert!(status.is_success() || method == "GET", "{method} {path}: {status}");
    }

    /// Every row of a table, as plain JSON.
    pub(crate) async fn rows(&self, table: &str) -> Vec<Value> {
        let items = self.tables.scan().table_name(table).send().await.unwrap().items.unwrap_or_default();
        items.into_iter().map(|item| serde_dynamo::from_item(item).unwrap()).collect()
    }

    /// A row that agents' tools have besides.
    pub(crate) async fn register(&self, row: Value) {
        let item = serde_dynamo::to_item(row).unwrap();
        self.tables.put_item().table_name(AGENTS_TOOLS).set_item(Some(item)).send().await.unwrap();
    }

    /// Changes whether agents may have a tool as a person does, through the registry of tools.
    pub(crate) async fn set_status(&self, name: &str, status: ToolStatus) {
        ToolRegistry::new(self.tables.clone(), AGENTS_TOOLS).set_status(name, status).await.unwrap();
    }

    /// What agents may call: names and statuses, in alphabetical order.
    pub(crate) async fn statuses(&self) -> Vec<(String, String)> {
        let rows = self.agents_tools().await.into_iter();
        rows.map(|(name, row)| (name, row["status"].as_str().unwrap().to_owned())).collect()
    }

    /// The rows of what agents may call, by name.
    pub(crate) async fn agents_tools(&self) -> BTreeMap<String, Value> {
        let rows = self.rows(AGENTS_TOOLS).await;
        rows.into_iter().map(|row| (row["tool_name"].as_str().unwrap().to_owned(), row)).collect()
    }

    /// The one row of tools.
    pub(crate) async fn tool_row(&self) -> Value {
        let mut rows = self.rows(TOOLS).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    /// The one row of gateways.
    pub(crate) async fn gateway_row(&self) -> Value {
        let mut rows = self.rows(GATEWAYS).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }
}

fn variables() -> Variables {
    Variables::from([
        ("STAGE", "dev"),
        ("GATEWAYS_TABLE_NAME", GATEWAYS),
        ("TOOLS_TABLE_NAME", TOOLS),
        ("TOOL_REGISTRY_TABLE_NAME", AGENTS_TOOLS),
        ("OPENAPI_SPECS_BUCKET", "specs"),
        ("GATEWAY_ROLE_ARN", ROLE),
        ("MCP_CLIENT_FUNCTION_ARN", "arn:aws:lambda:eu-central-1:123456789012:function:mcp-client-dev"),
        ("OAUTH_PROVIDER_HOSTS", "corporate=weather.example, nobodys=weather.example"),
        ("GATEWAY_TOOLS_FUNCTION_ARN", "arn:aws:lambda:eu-central-1:123456789012:function:tool-gateway-dev"),
    ])
}

/// A bucket that takes what is signed.
async fn bucket(http: Recorder) -> (Bucket, Documents) {
    let (url, listener) = listening().await;
    let documents = Documents::default();
    let stored = Arc::clone(&documents);
    let put = move |Path(key): Path<String>, headers: HeaderMap, body: String| {
        let is_signed =
            headers.get("authorization").is_some_and(|value| value.to_str().unwrap().contains("/s3/aws4_request"));
        if is_signed && headers.contains_key("x-amz-content-sha256") {
            stored.lock().unwrap().insert(key, body);
            return ready(StatusCode::OK);
        }
        ready(StatusCode::FORBIDDEN)
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/{*key}", axum::routing::put(put))).await });
    let credentials = SharedCredentialsProvider::new(credentials());
    let connector = SharedHttpConnector::new(http);
    let (name, region) = ("specs".to_owned(), "eu-central-1".to_owned());
    (Bucket { url: format!("{url}/{name}"), name, region, credentials, connector }, documents)
}

/// The function that asks gateways, which say of each tool what its row says, unless it is said otherwise.
async fn mcp_client(tables: aws_sdk_dynamodb::Client, said: Said) -> String {
    let (url, listener) = listening().await;
    let answer = move |Path(_): Path<String>, body: String| {
        let (tables, said) = (tables.clone(), said.lock().unwrap().clone());
        async move {
            let asked: Value = serde_json::from_str(&body).unwrap();
            let Some(said) = said.filter(|_| asked["type"] == "list") else {
                return (
                    [("x-amz-function-error", "Unhandled")],
                    json!({"errorType": "ServerUnavailable"}).to_string(),
                );
            };
            let items = tables.scan().table_name(AGENTS_TOOLS).send().await.unwrap().items.unwrap_or_default();
            let rows = items.into_iter().map(|item| serde_dynamo::from_item::<_, Value>(item).unwrap());
            let listed = rows.filter(|row| row["endpoint"] == asked["endpoint"]).map(|row| listed(&row, &said));
            ([("x-amz-executed-version", "1")], json!({"tools": listed.collect::<Vec<_>>()}).to_string())
        }
    };
    let router = Router::new().route("/2015-03-31/functions/{name}/invocations", axum::routing::post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn listed(row: &Value, said: &BTreeMap<String, String>) -> Value {
    let name = row["remote_name"].as_str().unwrap();
    let schema: Value = serde_json::from_str(row["input_schema"].as_str().unwrap()).unwrap();
    let description = said.get(name).map_or_else(|| row["description"].clone(), |text| json!(text));
    json!({"remote_name": name, "description": description, "input_schema": schema, "output_schema": null})
}

async fn listening() -> (String, TcpListener) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

fn database() -> Database {
    let database = Database::memory().unwrap();
    let mut tools = table(TOOLS, &["tool_id", "gateway_id"]);
    tools["GlobalSecondaryIndexes"] = json!([{"IndexName": "ToolsByGateway", "Projection": {"ProjectionType": "ALL"},
        "KeySchema": [{"AttributeName": "gateway_id", "KeyType": "HASH"}, {"AttributeName": "tool_id", "KeyType": "RANGE"}]}]);
    for table in [table(GATEWAYS, &["gateway_id"]), tools, table(AGENTS_TOOLS, &["tool_name"])] {
        database.create_table(serde_json::from_value(table).unwrap()).unwrap();
    }
    database
}

fn table(name: &str, keys: &[&str]) -> Value {
    let kinds = keys.iter().zip(["HASH", "RANGE"]);
    let schema: Vec<_> = kinds.map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind})).collect();
    let attributes: Vec<_> = keys.iter().map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect();
    json!({"TableName": name, "KeySchema": schema, "AttributeDefinitions": attributes, "BillingMode": "PAY_PER_REQUEST"})
}

fn tables_client(url: &str, http: Recorder) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder().behavior_version(BehaviorVersion::latest());
    let config = config.region(Region::new("eu-central-1")).credentials_provider(credentials()).http_client(http);
    aws_sdk_dynamodb::Client::from_conf(config.endpoint_url(url).retry_config(RetryConfig::disabled()).build())
}

fn control_client(url: &str, http: Recorder, timeout: Duration) -> aws_sdk_bedrockagentcorecontrol::Client {
    let config = aws_sdk_bedrockagentcorecontrol::Config::builder().behavior_version(BehaviorVersion::latest());
    let config = config.region(Region::new("eu-central-1")).credentials_provider(credentials()).http_client(http);
    let timeouts = TimeoutConfig::builder().operation_timeout(timeout).build();
    let config = config.timeout_config(timeouts).retry_config(RetryConfig::disabled());
    aws_sdk_bedrockagentcorecontrol::Client::from_conf(config.endpoint_url(url).build())
}

fn functions_client(url: &str, http: Recorder) -> aws_sdk_lambda::Client {
    let config = aws_sdk_lambda::Config::builder().behavior_version(BehaviorVersion::latest());
    let config = config.region(Region::new("eu-central-1")).credentials_provider(credentials()).http_client(http);
    aws_sdk_lambda::Client::from_conf(config.endpoint_url(url).retry_config(RetryConfig::disabled()).build())
}

fn credentials() -> Credentials {
    Credentials::new("key", "secret", None, None, "test")
}

fn context(seconds: u64) -> Context {
    let mut context = Context::default();
    "arn:aws:lambda:eu-central-1:123456789012:function:gateway-registry-dev"
        .clone_into(&mut context.invoked_function_arn);
    let deadline = SystemTime::now() + Duration::from_secs(seconds);
    context.deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap();
    context
}

/// An event of an HTTP API; the query string is part of `path`.
fn request(method: &str, path: &str, body: &Value) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query: Map<String, Value> = pairs.map(|(name, value)| (name.to_owned(), json!(value))).collect();
    json!({
        "version": "2.0", "rawPath": path, "queryStringParameters": query, "isBase64Encoded": false,
        "requestContext": {
            "stage": "$default", "http": {"method": method, "path": path},
            "authorizer": {"iam": {"userArn": "arn:aws:iam::123456789012:user/ann"}},
        },
        "body": if body.is_null() { Value::Null } else { json!(body.to_string()) },
    })
}
