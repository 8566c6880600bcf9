//! Tables, AgentCore, and a registry between them.

use crate::recorder::{Crash, Recorder};
use agentcore::AgentCore;
use aws_sdk_bedrockagentcorecontrol::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use bytes::Bytes;
use dynoxide::Database;
use functions_shared::{LambdaEvent, Variables};
use gateway_registry::Registry;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use lambda_runtime::Context;
use serde_json::{Map, Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const GATEWAYS: &str = "Gateways-dev";
pub(crate) const TOOLS: &str = "Tools-dev";
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/gateway-dev";
/// The longest that AgentCore may take for one request here.
const TIMEOUT: Duration = Duration::from_millis(300);

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) agentcore: AgentCore,
    pub(crate) recorder: Recorder,
    pub(crate) registry: Arc<Registry>,
    tables: aws_sdk_dynamodb::Client,
    agentcore_address: SocketAddr,
}

impl World {
    pub(crate) async fn start() -> Self {
        let (tables_url, listener) = listening().await;
        tokio::spawn(dynoxide::server::serve_on(listener, database()));
        let (agentcore_url, listener) = listening().await;
        let agentcore_address = listener.local_addr().unwrap();
        let agentcore = AgentCore::new(format!("{agentcore_url}/_agentcore"));
        tokio::spawn(agentcore::serve(agentcore.clone(), listener));
        let recorder = Recorder::new();
        let tables = tables_client(&tables_url, Recorder::new());
        let control = control_client(&agentcore_url, recorder.clone());
        let registry =
            Registry::of(&variables(), tables_client(&tables_url, recorder.clone()), control, "eu-central-1");
        Self { agentcore, recorder, registry: Arc::new(registry.unwrap()), tables, agentcore_address }
    }

    /// Status and body of one request, which has `seconds` to be answered.
    pub(crate) async fn ask_within(&self, seconds: u64, method: &str, path: &str, body: Value) -> (u64, Value) {
        let event = LambdaEvent::new(request(method, path, &body), context(seconds));
        let answer = gateway_registry::handle(&self.registry, event).await.unwrap();
        let body = answer["body"].as_str().map_or(Value::Null, |body| serde_json::from_str(body).unwrap());
        (answer["statusCode"].as_u64().unwrap(), body)
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: Value) -> (u64, Value) {
        self.ask_within(20, method, path, body).await
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

    /// The one row of gateways.
    pub(crate) async fn gateway_row(&self) -> Value {
        let mut rows = self.rows(GATEWAYS).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }
}

fn variables() -> Variables {
    Variables::from([("GATEWAYS_TABLE_NAME", GATEWAYS), ("TOOLS_TABLE_NAME", TOOLS), ("GATEWAY_ROLE_ARN", ROLE)])
}

async fn listening() -> (String, TcpListener) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

fn database() -> Database {
    let database = Database::memory().unwrap();
    for table in [table(GATEWAYS, &["gateway_id"]), table(TOOLS, &["tool_id", "gateway_id"])] {
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

fn control_client(url: &str, http: Recorder) -> aws_sdk_bedrockagentcorecontrol::Client {
    let config = aws_sdk_bedrockagentcorecontrol::Config::builder().behavior_version(BehaviorVersion::latest());
    let config = config.region(Region::new("eu-central-1")).credentials_provider(credentials()).http_client(http);
    let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
    let config = config.timeout_config(timeouts).retry_config(RetryConfig::disabled());
    aws_sdk_bedrockagentcorecontrol::Client::from_conf(config.endpoint_url(url).build())
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

/// An event of an HTTP API; what stands behind the question mark is in `path`.
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
