//! The world of one test: a function, its tables, its secrets, and the services that it asks.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use functions_aws::SdkConfig;
use functions_content::{Asking, ContentTable, Handle};
use functions_shared::{Clock, LambdaEvent, Variables};
use lambda_local::table::{ContentTable as Table, TableConfig};
use lambda_runtime::Context;
use records::{ActionResult, DynamoDb, Message, MessageStatus, MessageType, Messages, Results, id, messages, results};
use serde_json::{Value, json};
use stand_ins::StandIns;
use stand_ins::oauth::{CLIENT, CLIENT_SECRET, PASSWORD, USERNAME};
use tempfile::NamedTempFile;
use test_kit::{Exchange, Peer, Reply};
use webaction::{WebActions, WebServices, handle};

use crate::site::{Asked, Authority, Reply as Page, Site, status};
use crate::steps::{SteppedMessages, SteppedResults, Steps, Topic};
use crate::tables;

/// A web API, which answers as a test says.
pub const API: &str = "api.example.test";
/// How long an answer may take: services that are slow take longer.
pub const TIME: Duration = Duration::from_secs(2);
/// How long SQS hides a message from other receivers.
const VISIBILITY: Duration = Duration::from_mins(3);
const HOSTS: &str = "api.weather.gov, birdsfoot.cps.golf, totteridge.cps.golf, api.example.test";
pub const MESSAGE: &str = "msg_20240115120000_123456";

pub struct World {
    pub stand_ins: StandIns,
    pub api: Site,
    pub steps: Arc<Steps>,
    pub contents: Table,
    secrets: Peer,
    authorities: NamedTempFile,
    messages: DynamoDb<Message>,
    results: DynamoDb<ActionResult>,
}

impl World {
    pub async fn new() -> Self {
        Self::answering(|_| status(404)).await
    }

    /// A world whose web API answers this.
    pub async fn answering(answer: impl Fn(&Asked) -> Page + Send + Sync + 'static) -> Self {
        let stand_ins = StandIns::start().await.expect("stand-ins");
        let authority = Authority::new();
        let api = Site::start(&authority, API, answer).await;
        let client = tables::start().await;
        let config = TableConfig { name: "AgentContext-dev".to_owned(), sweep_interval: 0, ..TableConfig::default() };
        Self {
            authorities: both(&variable(&stand_ins, "TEST_CA_FILE"), &authority.path()),
            secrets: Peer::start(|exchange: &Exchange| Some(secret(&String::from_utf8_lossy(&exchange.body)))).await,
            messages: messages(&tables::variables(), client.clone()).expect("a table"),
            results: results(&tables::variables(), client).expect("a table"),
            contents: Table::start(config).await.expect("a table"),
            steps: Arc::default(),
            stand_ins,
            api,
        }
    }

    /// A function in a sandbox that has just started.
    pub fn function(&self) -> WebActions<SteppedMessages, SteppedResults, Topic> {
        self.function_with(HOSTS)
    }

    /// The same with other allowed hosts.
    pub fn function_with(&self, hosts: &str) -> WebActions<SteppedMessages, SteppedResults, Topic> {
        let variables = self.variables(hosts);
        WebActions {
            messages: SteppedMessages(self.messages.clone(), Arc::clone(&self.steps)),
            results: SteppedResults(self.results.clone(), Arc::clone(&self.steps)),
            publisher: Topic(Arc::clone(&self.steps)),
            services: WebServices::within(TIME, &variables, &self.aws()).expect("services"),
            contents: Arc::new(ContentTable::from_variables(&variables).expect("variables").expect("a table")),
            stage: "dev".to_owned(),
            clock: Clock::system(),
        }
    }

    fn variables(&self, hosts: &str) -> Variables {
        let mut endpoints = variable(&self.stand_ins, "TEST_ENDPOINTS");
        let _ = write!(endpoints, ",{}", self.api.named(API)); // A text takes everything.
        let authorities = self.authorities.path().to_str().expect("UTF-8");
        Variables::from([
            ("TEST_ENDPOINTS", endpoints.as_str()),
            ("TEST_CA_FILE", authorities),
            ("ALLOWED_HOSTS", hosts),
            ("GOLF_SECRET_NAME", "rez-agent/golf/credentials-dev"),
            ("AGENT_CONTEXT_TABLE", "AgentContext-dev"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.contents.endpoint()),
            ("LRAP_STORE_TIMEOUT", "1"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ])
    }

    fn aws(&self) -> SdkConfig {
        let credentials = Credentials::new("key", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(self.secrets.url())
            .retry_config(aws_sdk_dynamodb::config::retry::RetryConfig::disabled())
            .build()
    }

    /// Puts the message into its table, as the API does, and gives it.
    pub async fn message(&self, payload: Value, arguments: Value) -> Message {
        let message = Message { id: MESSAGE.to_owned(), ..Self::unsaved(payload, arguments) };
        self.save(&message).await;
        message
    }

    pub async fn save(&self, message: &Message) {
        assert_eq!(self.messages.create(message).await, Ok(true));
    }

    /// A message with a new id.
    pub fn unsaved(payload: Value, arguments: Value) -> Message {
        let made = "2024-01-15T12:00:00Z".parse().expect("a moment");
        Message {
            id: id::message(made),
            version: "1.0".to_owned(),
            created_date: "2024-01-15T12:00:00Z".to_owned(),
            created_by: "test".to_owned(),
            stage: "dev".to_owned(),
            message_type: MessageType::WebAction,
            status: MessageStatus::Queued,
            payload,
            arguments,
            updated_date: "2024-01-15T12:00:00Z".to_owned(),
            retry_count: 0,
            error_message: None,
            auth_config: None,
        }
    }

    /// Performs an action in one delivery, which must not fail.
    pub async fn done(&self, payload: Value, arguments: Value) -> ActionResult {
        let message = self.message(payload, arguments).await;
        assert!(self.deliver(&message, 1).await, "delivered");
        self.result().await.expect("a result")
    }

    /// Delivers a message to a new sandbox, the second and third time so much later as SQS does. Whether it is done with.
    pub async fn deliver(&self, message: &Message, receive_count: u32) -> bool {
        let later = VISIBILITY * (receive_count - 1);
        let function = WebActions { clock: Clock::from_fn(move || SystemTime::now() + later), ..self.function() };
        let response = self.batch(&function, &[(json!(message).to_string(), receive_count)]).await;
        response["batchItemFailures"] == json!([])
    }

    /// Delivers a message until it is done with, or dead. How often that was. The first delivery meets the planned faults, and no other.
    pub async fn deliver_until_done(&self, message: &Message) -> u32 {
        if self.deliver(message, 1).await {
            return 1;
        }
        self.stand_ins.script().clear();
        for receive_count in 2..=3 {
            if self.deliver(message, receive_count).await {
                return receive_count;
            }
        }
        4
    }

    /// A batch of these bodies, and what the function answers.
    pub async fn batch(
        &self,
        function: &WebActions<SteppedMessages, SteppedResults, Topic>,
        bodies: &[(String, u32)],
    ) -> Value {
        let record = |(at, (body, count)): (usize, &(String, u32))| {
            let attributes = json!({ "ApproximateReceiveCount": count.to_string() });
            json!({ "messageId": at.to_string(), "body": body, "attributes": attributes })
        };
        let records: Vec<_> = bodies.iter().enumerate().map(record).collect();
        let event = serde_json::from_value(json!({ "Records": records })).expect("an event");
        json!(handle(function, LambdaEvent::new(event, Context::default())).await.expect("an answer"))
    }

    pub async fn row(&self) -> Message {
        Messages::get(&self.messages, MESSAGE).await.expect("a table").expect("a row")
    }

    pub async fn result(&self) -> Option<ActionResult> {
        Results::get(&self.results, &id::result_of(MESSAGE)).await.expect("a table")
    }

    pub async fn result_of(&self, message: &Message) -> Option<ActionResult> {
        Results::get(&self.results, &id::result_of(&message.id)).await.expect("a table")
    }

    /// The content behind a handle.
    pub async fn content(&self, handle: &str) -> String {
        let asking = Asking { tenant: None, until: Instant::now() + Duration::from_secs(5) };
        let handle = Handle::of(handle).expect("a handle");
        self.function().contents.get(handle, asking).await.expect("a content")
    }

    /// How many notifications a person sees: repeats have the same id.
    pub fn notifications(&self) -> usize {
        self.steps.published().into_iter().map(|message| message.id).collect::<BTreeSet<_>>().len()
    }

    /// The names of the services that were asked, in their order.
    pub fn asked(&self) -> Vec<String> {
        self.stand_ins.record().calls().into_iter().map(|call| call.service).collect()
    }

    /// The same for one service: how often.
    pub fn asked_for(&self, service: &str) -> usize {
        self.stand_ins.record().of(service).len()
    }

    pub fn bookings(&self) -> usize {
        self.stand_ins.golf().reservations().len()
    }

    /// Secrets Manager works again.
    pub fn mend_secrets(&self) {
        self.secrets.forget_reply("POST /");
    }

    /// Secrets Manager fails once.
    pub fn break_secrets(&self) {
        self.next_secret(Reply::new(500, "{}"));
    }

    /// What Secrets Manager answers to the next request.
    pub fn next_secret(&self, reply: Reply) {
        self.secrets.reply("POST /", reply);
    }
}

/// A variable for tests, as the stand-ins give it.
fn variable(stand_ins: &StandIns, name: &str) -> String {
    let [one, other] = stand_ins.variables();
    if one.0 == name { one.1 } else { other.1 }
}

/// The certificates of two authorities in one file.
fn both(one: &str, other: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    for path in [one, other] {
        let certificate = std::fs::read(path).expect("a certificate");
        std::io::Write::write_all(&mut file, &certificate).expect("written");
    }
    file
}

/// Secrets Manager's answer for the golf provider.
pub fn golf_secret() -> Reply {
    secret(&json!({ "SecretId": "rez-agent/golf/credentials-dev" }).to_string())
}

/// Secrets Manager's answer: every secret that tests know.
fn secret(request: &str) -> Reply {
    let name =
        serde_json::from_str::<Value>(request).ok().and_then(|request| Some(request["SecretId"].as_str()?.to_owned()));
    let hosts = format!("{API} birdsfoot.cps.golf");
    let keys = match name.as_deref().unwrap_or_default() {
        "rez-agent/golf/credentials-dev" => {
            json!({ "username": USERNAME, "password": PASSWORD, "client_id": CLIENT, "website_id": "w-1" })
        }
        "api/password" => json!({
            "username": USERNAME, "password": PASSWORD, "hosts": hosts, "audience": "onlinereservation",
            "issuer": "https://birdsfoot.cps.golf/identityapi",
        }),
        "api/client" => json!({ "client_id": CLIENT, "client_secret": CLIENT_SECRET, "hosts": hosts }),
        "api/key" => json!({ "api_key": "hush-key", "header": "X-Key", "hosts": hosts }),
        "api/bearer" => json!({ "token": "hush-token", "hosts": hosts }),
        "api/foreign" => json!({ "token": "hush-token", "hosts": "bank.example" }),
        _ => return Reply::new(400, r#"{"__type":"ResourceNotFoundException"}"#),
    };
    Reply::new(200, json!({ "Name": name, "SecretString": keys.to_string() }).to_string())
}
