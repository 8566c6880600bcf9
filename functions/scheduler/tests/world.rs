//! The function with its tables, SNS and EventBridge Scheduler, and the rows that tests begin with.

use crate::tables;
use crate::tables::{MESSAGES, SCHEDULES};
use crate::wire::{Fault, State, Wire};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use functions_shared::{Clock, Failure, Variables};
use jiff::Timestamp;
use records::{
    DynamoDb, Message, MessageStatus, MessageType, Messages, Schedule, ScheduleAction, ScheduleStatus, Schedules,
};
use scheduler::{Invocation, Scheduler};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

pub(crate) const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:scheduler-dev";
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/scheduler-invocation-dev";
pub(crate) const ID: &str = "dev-daily-weather";
/// Lambda invokes a function with an asynchronous event at most so often.
const DELIVERIES: usize = 3;

pub(crate) struct World {
    pub(crate) wire: Wire,
    pub(crate) messages: DynamoDb<Message>,
    pub(crate) schedules: DynamoDb<Schedule>,
    aws: SdkConfig,
    clock: Arc<AtomicI64>,
    role: Option<&'static str>,
}

impl World {
    /// On 29 November 2026 at 11:00 UTC.
    pub(crate) async fn start() -> Self {
        let wire = Wire::new(tables::start().await);
        let aws = aws(&wire);
        let client = aws_sdk_dynamodb::Client::new(&aws);
        let now = at("2026-11-29T11:00:00Z").as_second();
        Self {
            messages: DynamoDb::new(client.clone(), MESSAGES),
            schedules: DynamoDb::new(client, SCHEDULES),
            wire,
            aws,
            clock: Arc::new(AtomicI64::new(now)),
            role: Some(ROLE),
        }
    }

    pub(crate) fn with_role(self, role: Option<&'static str>) -> Self {
        Self { role, ..self }
    }

    pub(crate) fn set_clock(&self, time: &str) {
        self.clock.store(at(time).as_second(), Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock.load(Ordering::Relaxed)).unwrap()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.wire.state()
    }

    /// A new sandbox.
    fn sandbox(&self) -> Scheduler {
        let topic = |name: &str| format!("arn:aws:sns:eu-central-1:123456789012:rez-agent-{name}-dev");
        let topics = ["web-actions", "notifications", "agent-response", "schedule-creation"].map(topic);
        let variables = Variables::from([
            ("STAGE", "dev"),
            ("DYNAMODB_TABLE_NAME", MESSAGES),
            ("SCHEDULES_TABLE_NAME", SCHEDULES),
            ("WEB_ACTIONS_TOPIC_ARN", &topics[0]),
            ("NOTIFICATIONS_TOPIC_ARN", &topics[1]),
            ("AGENT_RESPONSE_TOPIC_ARN", &topics[2]),
            ("SCHEDULE_CREATION_TOPIC_ARN", &topics[3]),
            ("EVENTBRIDGE_EXECUTION_ROLE_ARN", self.role.unwrap_or_default()),
        ]);
        let clock = Arc::clone(&self.clock);
        let now = move || SystemTime::UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed).unsigned_abs());
        Scheduler::new(&variables, &self.aws).unwrap().with_clock(Clock::from_fn(now))
    }

    /// Delivers an event once, to a new sandbox. None if the sandbox has ended.
    pub(crate) async fn deliver(&self, event: &Value) -> Option<Result<(), Failure>> {
        let scheduler = self.sandbox();
        let invocation = Invocation { function: FUNCTION, until: Instant::now() + Duration::from_secs(30) };
        tokio::select! {
            biased;
            () = self.wire.ended() => None,
            outcome = scheduler.handle(event.clone(), invocation) => Some(outcome),
        }
    }

    /// Delivers an event as Lambda does, until it succeeds; how often it was delivered.
    pub(crate) async fn deliver_asynchronously(&self, event: &Value) -> usize {
        for delivery in 1..=DELIVERIES {
            if let Some(Ok(())) = self.deliver(event).await {
                return delivery;
            }
        }
        panic!("not dealt with in {DELIVERIES} deliveries: {event}")
    }

    /// The next request but `number` meets a fault.
    pub(crate) fn plan(&self, number: usize, fault: Fault) {
        self.state().fault = Some((number, fault));
    }

    /// What `webapi` leaves when a caller wants a change: the row and its message. The event of the topic.
    pub(crate) async fn wants(&self, change: impl FnOnce(&mut Schedule)) -> Value {
        let before = self.schedules.get(ID).await.unwrap();
        let seen = before.as_ref().map(|row| row.revision);
        let mut row = before.unwrap_or_else(|| self.row());
        (row.status, row.revision) = (ScheduleStatus::Pending, seen.unwrap_or(0) + 1);
        row.updated_date = records::moment::text(self.now());
        change(&mut row);
        assert!(self.schedules.save(&row, seen).await.unwrap());
        self.asks_for(&row).await
    }

    /// The message that points to a row, and the event that carries it.
    pub(crate) async fn asks_for(&self, row: &Schedule) -> Value {
        let message = self.message(row);
        self.messages.create(&message).await.unwrap();
        json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": serde_json::to_string(&message).unwrap()}}]})
    }

    fn row(&self) -> Schedule {
        let now = records::moment::text(self.now());
        Schedule {
            id: ID.to_owned(),
            name: "daily-weather".to_owned(),
            stage: "dev".to_owned(),
            schedule_arn: None,
            schedule_expression: "cron(0 12 * * ? *)".to_owned(),
            timezone: "Europe/Berlin".to_owned(),
            target_type: "web_action".to_owned(),
            message_type: MessageType::WebAction,
            payload: json!({"version": "1.0", "action": "weather", "url": "https://api.weather.gov/points/1,2"}),
            arguments: json!({"days": 2}),
            created_date: now.clone(),
            updated_date: now,
            created_by: "me".to_owned(),
            status: ScheduleStatus::Pending,
            action: ScheduleAction::Create,
            revision: 0,
            last_run: None,
            error_message: None,
        }
    }

    fn message(&self, row: &Schedule) -> Message {
        let now = records::moment::text(self.now());
        Message {
            id: format!("msg_20261129110000_{:06}", row.revision),
            version: "1.0".to_owned(),
            created_date: now.clone(),
            created_by: "webapi".to_owned(),
            stage: "dev".to_owned(),
            message_type: MessageType::ScheduleCreation,
            status: MessageStatus::Queued,
            payload: json!({"schedule_id": row.id, "action": row.action, "revision": row.revision}),
            arguments: json!({}),
            updated_date: now,
            retry_count: 0,
            error_message: None,
            auth_config: None,
        }
    }

    /// A row that is active, with its schedule.
    pub(crate) async fn created(&self) {
        let event = self.wants(|_| ()).await;
        assert_eq!(self.deliver_asynchronously(&event).await, 1);
        self.state().requests.clear();
    }

    pub(crate) async fn stored(&self) -> Schedule {
        self.schedules.get(ID).await.unwrap().unwrap()
    }

    /// The status of the message that asked for the change with this revision, and its reason.
    pub(crate) async fn answer(&self, revision: u64) -> (MessageStatus, Option<String>) {
        let message = self.messages.get(&format!("msg_20261129110000_{revision:06}")).await.unwrap().unwrap();
        (message.status, message.error_message)
    }

    /// The messages that SNS has, by topic and id.
    pub(crate) fn published(&self) -> Vec<(String, String)> {
        let ids = |(topic, message): &(String, Value)| (topic.clone(), message["id"].as_str().unwrap().to_owned());
        self.state().services.published.iter().map(ids).collect()
    }
}

/// The event of a schedule that is due.
pub(crate) fn due(time: &str) -> Value {
    json!({"schedule_id": ID, "scheduled_time": time})
}

pub(crate) fn daily() -> Value {
    json!({"evaluate": "schedules"})
}

pub(crate) fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn aws(wire: &Wire) -> SdkConfig {
    let credentials = Credentials::new("key", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(wire.clone())
        .endpoint_url("http://aws.test")
        .retry_config(RetryConfig::disabled())
        // The wire does not read bodies as a socket does, and would seem to be stuck.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}
