//! An API with its tables, a content table and a stand-in of SNS.

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use functions_shared::{Clock, Context, LambdaEvent, Variables};
use jiff::Timestamp;
use lambda_local::table::{ContentTable, Faults, TableConfig};
use records::{ActionResult, DynamoDb, Message, Schedule};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use test_kit::{Exchange, Peer, Reply};
use webapi::{WebApi, handle};

const CONTENTS: &str = "AgentContext-dev";
const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
    <MessageId>1</MessageId></PublishResult></PublishResponse>";

/// What is on the clock of the API.
pub(crate) const NOW: &str = "2026-11-29T12:00:00Z";

pub(crate) struct World {
    api: Arc<WebApi>,
    sns: Peer,
    habit: Arc<Mutex<Sns>>,
    passed: Arc<AtomicU64>,
    pub(crate) tables: ContentTable,
    pub(crate) client: aws_sdk_dynamodb::Client,
    variables: Variables,
}

/// What SNS does with a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sns {
    Takes,
    IsSilent,
    /// It takes the message, and says so after this time.
    IsLate(Duration),
    HangsUp,
    /// Something else than SNS answers, with status 200.
    Garbage,
    Refuses(u16),
}

impl Sns {
    fn reply(self) -> Option<Reply> {
        let error = "<ErrorResponse><Error><Type>Sender</Type><Code>InternalError</Code></Error></ErrorResponse>";
        match self {
            Self::Takes => Some(Reply::new(200, PUBLISHED)),
            Self::IsSilent => None,
            Self::IsLate(time) => Some(Reply::new(200, PUBLISHED).late(time)),
            Self::HangsUp => Some(Reply::hang_up()),
            Self::Garbage => Some(Reply::new(200, "<html><title>Sign in to the network</title></html>")),
            Self::Refuses(status) => Some(Reply::new(status, error)),
        }
    }
}

/// A reply, its body read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    pub(crate) body: Value,
}

impl World {
    pub(crate) async fn start() -> Self {
        let config = TableConfig { name: CONTENTS.to_owned(), sweep_interval: 0, ..TableConfig::default() };
        let tables = ContentTable::start(config).await.unwrap();
        let habit = Arc::new(Mutex::new(Sns::Takes));
        let now = Arc::clone(&habit);
        let sns = Peer::start(move |_: &Exchange| now.lock().unwrap().reply()).await;
        let client = client(&tables.endpoint());
        make_tables(&client).await;
        let variables = variables(&tables.endpoint());
        let passed = Arc::new(AtomicU64::new(0));
        let later = Arc::clone(&passed);
        let start: SystemTime = NOW.parse::<Timestamp>().unwrap().into();
        let clock = Clock::from_fn(move || start + Duration::from_secs(later.load(Ordering::SeqCst)));
        let api = WebApi::with(&variables, &client, topics(&sns.url()), clock).unwrap();
        Self { api: Arc::new(api), sns, habit, passed, tables, client, variables }
    }

    /// What a `POST` gets.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &json!({}), Some(&body.to_string())).await
    }

    /// The same of a request that its client has named.
    pub(crate) async fn post_named(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.ask("POST", path, &json!({ "idempotency-key": key }), Some(&body.to_string())).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &json!({}), None).await
    }

    /// What a request gets in an invocation with so much time left.
    pub(crate) async fn post_within(&self, time: Duration, path: &str, body: &Value) -> Answer {
        self.post_named_within(time, path, "k-1", body).await
    }

    /// The same of a request that its client has named.
    pub(crate) async fn post_named_within(&self, time: Duration, path: &str, key: &str, body: &Value) -> Answer {
        let event = event("POST", path, &json!({ "idempotency-key": key }), Some(&body.to_string()));
        self.answer(event, context(time)).await
    }

    /// What a named request of this sender gets, whom an authorizer knows.
    pub(crate) async fn post_as(&self, sender: &str, key: &str, body: &Value) -> Answer {
        let mut event = event("POST", "/api/messages", &json!({ "idempotency-key": key }), Some(&body.to_string()));
        event["requestContext"]["authorizer"] = json!({ "lambda": { "caller": sender } });
        self.answer(event, context(Duration::from_secs(30))).await
    }

    /// What any request gets; the query string is part of `path`.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &Value, body: Option<&str>) -> Answer {
        self.answer(event(method, path, headers, body), context(Duration::from_secs(30))).await
    }

    async fn answer(&self, event: Value, context: Context) -> Answer {
        let reply = handle(Arc::clone(&self.api), LambdaEvent::new(event, context)).await.unwrap();
        let body = reply["body"].as_str().unwrap_or("null");
        Answer {
            status: reply["statusCode"].as_u64().unwrap(),
            headers: reply["headers"].clone(),
            body: serde_json::from_str(body).unwrap_or_else(|_| json!(body)),
        }
    }

    /// Time passes.
    pub(crate) fn pass(&self, time: Duration) {
        self.passed.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    /// SNS refuses the next message.
    pub(crate) fn refuse_next(&self) {
        self.sns.reply("POST /", Sns::Refuses(500).reply().unwrap());
    }

    /// What SNS does from now on.
    pub(crate) fn sns(&self, habit: Sns) {
        *self.habit.lock().unwrap() = habit;
        self.sns.changed();
    }

    /// What SNS was asked to publish, by parameter.
    pub(crate) fn published(&self) -> Vec<HashMap<String, String>> {
        let parameters = |request: &Exchange| form_urlencoded::parse(&request.body).into_owned().collect();
        self.sns.with_log(|log| log.exchanges.iter().map(parameters).collect())
    }

    /// The messages that were published.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.published().iter().map(|request| serde_json::from_str(&request["Message"]).unwrap()).collect()
    }

    pub(crate) fn message_table(&self) -> DynamoDb<Message> {
        records::messages(&self.variables, self.client.clone()).unwrap()
    }

    pub(crate) fn schedule_table(&self) -> DynamoDb<Schedule> {
        records::schedules(&self.variables, self.client.clone()).unwrap()
    }

    pub(crate) fn result_table(&self) -> DynamoDb<ActionResult> {
        records::results(&self.variables, self.client.clone()).unwrap()
    }

    /// Every row of the tables of messages and schedules, and every content.
    pub(crate) async fn rows(&self) -> usize {
        let mut rows = self.tables.items().await.unwrap().len();
        for table in ["messages", "schedules"] {
            let scan = self.client.scan().table_name(table).send().await.unwrap();
            rows += scan.items.unwrap_or_default().len();
        }
        rows
    }

    /// Tables answer as `faults` say, from now on.
    pub(crate) fn faults(&self, faults: Faults) {
        self.tables.faults().set(faults);
    }

    /// The handle of a text in the content table.
    pub(crate) async fn stored(&self, text: &str) -> String {
        let contents = functions_content::ContentTable::from_variables(&self.variables).unwrap().unwrap();
        let asking = functions_content::Asking { tenant: None, until: Instant::now() + Duration::from_secs(20) };
        contents.put(text.to_owned().into(), asking).await.unwrap().to_string()
    }
}

impl Answer {
    /// The reason of a refusal.
    pub(crate) fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }

    /// The id of a message that was made.
    pub(crate) fn id(&self) -> &str {
        self.body["id"].as_str().or(self.body["message_id"].as_str()).unwrap()
    }
}

/// A notification that is accepted.
pub(crate) fn notification() -> Value {
    json!({"message_type": "notify", "stage": "dev", "payload": {"message": "hi"}})
}

/// A schedule that is accepted.
pub(crate) fn schedule(name: &str) -> Value {
    json!({
        "action": "create", "name": name, "schedule_expression": "cron(0 12 * * ? *)", "timezone": "America/New_York",
        "target_type": "web_action", "message_type": "web_action",
        "payload": {
            "version": "1.0", "action": "weather", "url": "https://api.weather.gov/gridpoints/TOP/31,80/forecast",
        },
        "arguments": {},
    })
}

fn event(method: &str, path: &str, headers: &Value, body: Option<&str>) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query: Map<String, Value> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.into(), json!(value)))
        .collect();
    let user = "arn:aws:iam::123456789012:user/ann";
    json!({
        "version": "2.0", "rawPath": path, "queryStringParameters": query, "headers": headers, "isBase64Encoded": false,
        "requestContext": {
            "stage": "$default", "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
            "requestId": "r-1", "authorizer": {"iam": {"userArn": user}},
        },
        "body": body,
    })
}

fn context(time: Duration) -> Context {
    let mut context = Context::default();
    let deadline = SystemTime::now() + time;
    context.deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap();
    context
}

fn variables(tables: &str) -> Variables {
    Variables::from([
        ("STAGE", "dev"),
        ("ALLOWED_HOSTS", "api.weather.gov,*.cps.golf,api.example.com"),
        ("CORS_ORIGINS", "https://app.example.com"),
        ("DYNAMODB_TABLE_NAME", "messages"),
        ("SCHEDULES_TABLE_NAME", "schedules"),
        ("WEB_ACTION_RESULTS_TABLE_NAME", "results"),
        ("COST_TABLE_NAME", "costs"),
        ("WEB_ACTIONS_TOPIC_ARN", "arn:web-actions"),
        ("NOTIFICATIONS_TOPIC_ARN", "arn:notifications"),
        ("AGENT_RESPONSE_TOPIC_ARN", "arn:agent-response"),
        ("SCHEDULE_CREATION_TOPIC_ARN", "arn:schedule-creation"),
        ("AGENT_CONTEXT_TABLE", CONTENTS),
        ("AWS_ENDPOINT_URL_DYNAMODB", tables),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ])
}

/// A client that never tries twice.
fn client(endpoint: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder().behavior_version(BehaviorVersion::latest());
    let config = config.region(Region::new("eu-central-1")).retry_config(RetryConfig::disabled());
    let config = config.credentials_provider(Credentials::new("key", "secret", None, None, "test"));
    let config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_dynamodb::Client::from_conf(config.endpoint_url(endpoint).build())
}

fn topics(endpoint: &str) -> aws_sdk_sns::Client {
    let config = aws_sdk_sns::Config::builder().behavior_version(BehaviorVersion::latest());
    let config = config.region(Region::new("eu-central-1")).retry_config(RetryConfig::disabled());
    let config = config.credentials_provider(Credentials::new("key", "secret", None, None, "test"));
    let config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_sns::Client::from_conf(config.endpoint_url(endpoint).build())
}

async fn make_tables(client: &aws_sdk_dynamodb::Client) {
    make_table(client, "messages", &[("stage", "created_date"), ("status", "created_date")]).await;
    make_table(client, "schedules", &[("status", "created_date")]).await;
    make_table(client, "results", &[("message_id", "")]).await;
    make_table(client, "costs", &[]).await;
}

/// A table with the key `id` and these indexes, named as the template names them.
async fn make_table(client: &aws_sdk_dynamodb::Client, name: &str, indexes: &[(&str, &str)]) {
    let mut attributes = vec!["id"];
    attributes.extend(indexes.iter().flat_map(|(hash, range)| [*hash, *range]).filter(|name| !name.is_empty()));
    attributes.sort_unstable();
    attributes.dedup();
    let mut create = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    create = create.set_key_schema(Some(keys("id", "")));
    for attribute in attributes {
        let definition = AttributeDefinition::builder().attribute_name(attribute);
        let definition = definition.attribute_type(ScalarAttributeType::S).build().unwrap();
        create = create.attribute_definitions(definition);
    }
    for (hash, range) in indexes {
        create = create.global_secondary_indexes(index(hash, range));
    }
    create.send().await.unwrap();
}

fn index(hash: &str, range: &str) -> GlobalSecondaryIndex {
    let name = if range.is_empty() { format!("{hash}-index") } else { format!("{hash}-{range}-index") };
    let projection = Projection::builder().projection_type(ProjectionType::All).build();
    let index = GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(keys(hash, range)));
    index.projection(projection).build().unwrap()
}

fn keys(hash: &str, range: &str) -> Vec<KeySchemaElement> {
    let keys = [(hash, KeyType::Hash), (range, KeyType::Range)];
    let keys = keys.into_iter().filter(|(name, _)| !name.is_empty());
    keys.map(|(name, kind)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()).collect()
}
