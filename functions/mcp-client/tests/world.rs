//! A client with a content table and secrets, and the server `mcp.test`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use functions_aws::SdkConfig;
use functions_content::{Asking, ContentTable as Contents, Handle};
use functions_shared::{Failure, LambdaEvent, Variables};
use lambda_local::table::{ContentTable, TableConfig};
use lambda_runtime::Context;
use mcp_client::{State, handle};
use registries::tools::digest;
use serde_json::{Value, json};
use test_kit::{Exchange, Peer, Reply as Answer};

use crate::server::schema;
use crate::site::{Asked, Authority, Reply, Site};

const TABLE: &str = "AgentContext-test";
pub const TOKEN: &str = "the-token-of-a-test";

pub struct World {
    authority: Authority,
    pub site: Site,
    table: ContentTable,
    secrets: Peer,
}

impl World {
    /// The server at `mcp.test` answers so.
    pub async fn new(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let authority = Authority::new();
        let site = Site::start(&authority, "mcp.test", answer).await;
        Self::with(authority, site).await
    }

    /// The server at `mcp.test` says these bytes, and then neither speaks nor hangs up.
    pub async fn saying(bytes: Vec<u8>) -> Self {
        let authority = Authority::new();
        let site = Site::saying(&authority, "mcp.test", bytes).await;
        Self::with(authority, site).await
    }

    async fn with(authority: Authority, site: Site) -> Self {
        let config = TableConfig { name: TABLE.to_owned(), sweep_interval: 0, ..TableConfig::default() };
        let table = ContentTable::start(config).await.expect("a table");
        let secrets = Peer::start(|asked: &Exchange| Some(Answer::new(200, secret(&asked.body)))).await;
        Self { authority, site, table, secrets }
    }

    fn variables(&self) -> Variables {
        let (endpoint, authority, table) = (self.site.named("mcp.test"), self.authority.path(), self.table.endpoint());
        let endpoints = format!("{endpoint},inside.test=10.0.0.5:443");
        [
            ("TEST_ENDPOINTS", endpoints.as_str()),
            ("TEST_CA_FILE", &authority),
            ("ALLOWED_HOSTS", "mcp.test inside.test"),
            ("AGENT_CONTEXT_TABLE", TABLE),
            ("AWS_ENDPOINT_URL_DYNAMODB", &table),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]
        .into_iter()
        .collect()
    }

    fn aws(&self) -> SdkConfig {
        let config =
            SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1"));
        let credentials = Credentials::new("key", "secret", None, None, "test");
        let config = config.credentials_provider(SharedCredentialsProvider::new(credentials));
        let config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
        config.endpoint_url(self.secrets.url()).retry_config(RetryConfig::disabled()).build()
    }

    /// What one event gives, in an invocation that may take so long.
    pub async fn invoke_within(&self, time: Duration, event: Value) -> Result<Value, Failure> {
        let state = State::new(&self.variables(), &self.aws()).expect("a state");
        let deadline = SystemTime::now() + time;
        let mut context = Context::default();
        let since_1970 = deadline.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        context.deadline = since_1970.as_millis().try_into().expect("a time of this age");
        handle(Arc::new(state), LambdaEvent::new(event, context)).await
    }

    pub async fn invoke(&self, event: Value) -> Value {
        self.invoke_within(Duration::from_secs(30), event).await.expect("an answer")
    }

    /// The text of a call that must fail.
    pub async fn error(&self, event: Value) -> String {
        let result = self.invoke(event).await;
        assert_eq!(result["is_error"], true, "{result}");
        result["content"].as_str().expect("text").to_owned()
    }

    /// The text behind a handle.
    pub async fn content(&self, handle: &str) -> String {
        let contents = Contents::from_variables(&self.variables()).expect("variables").expect("a table");
        let until = std::time::Instant::now() + Duration::from_secs(10);
        let handle = Handle::of(handle).expect("a handle");
        contents.get(handle, Asking { tenant: None, until }).await.expect("a content")
    }

    /// The methods that the server was asked for.
    pub fn methods(&self) -> Vec<String> {
        let method = |asked: &Asked| serde_json::from_slice::<Value>(&asked.body).unwrap_or_default()["method"].clone();
        self.site.asked().iter().map(|asked| method(asked).as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// The secret that is asked for: `a` is for `mcp.test`, `b` for another host, `c` for none.
fn secret(asked: &[u8]) -> String {
    let asked: Value = serde_json::from_slice(asked).expect("JSON");
    let mut keys = json!({ "token": TOKEN });
    match asked["SecretId"].as_str() {
        Some("a") => keys["hosts"] = json!("mcp.test, *.mcp.example"),
        Some("b") => keys["hosts"] = json!("other.test"),
        _ => {}
    }
    json!({ "SecretString": keys.to_string() }).to_string()
}

/// A call as the state machine makes it, of a tool whose row describes it as "Reads a file.".
pub fn call(change: Value) -> Value {
    let mut event = json!({
        "name": "files_read_file", "id": "tu_7", "input": { "path": "/a" }, "idempotency_key": "execution/1/0",
        "endpoint": "https://mcp.test/mcp", "auth": r#"{"type":"none"}"#, "remote_name": "readFile",
        "remote_digest": digest("Reads a file.", &schema()),
    });
    let (Some(members), Value::Object(change)) = (event.as_object_mut(), change) else { panic!("objects") };
    members.extend(change);
    event
}
