//! One request, one reply.

use crate::routes::{Operation, route};
use crate::settings::Settings;
use aws_sdk_dynamodb::Client;
use bus::Topics;
use functions_aws::SdkConfig;
use functions_content::ContentTable;
use functions_shared::{Clock, Context, Failure, LambdaEvent, Variables};
use http_api::{Request, Response};
use records::usage::Usage;
use records::{ActionResult, DynamoDb, Message, Schedule, moment};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::time::timeout_at;

/// The longest body that is taken, in bytes.
pub const MAX_BODY: usize = 512 << 10;
/// What is left of an invocation when a reply must be made, and the longest that a reply may take: API Gateway waits 30 seconds.
const RESERVE: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(20);

/// The tables, topics and settings behind the API.
#[derive(Debug)]
pub struct WebApi {
    pub(crate) settings: Settings,
    pub(crate) messages: DynamoDb<Message>,
    pub(crate) schedules: DynamoDb<Schedule>,
    pub(crate) results: DynamoDb<ActionResult>,
    pub(crate) usage: Option<Usage>,
    pub(crate) topics: Topics,
    pub(crate) contents: Option<Arc<ContentTable>>,
    pub(crate) clock: Clock,
}

/// A request, and until when it must be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a Request,
    pub(crate) until: Instant,
}

impl WebApi {
    /// As the variables say.
    pub fn new(variables: &Variables, aws: &SdkConfig) -> Result<Self, Failure> {
        Self::with(variables, &Client::new(aws), aws_sdk_sns::Client::new(aws), Clock::system())
    }

    /// The same with clients and a clock of one's own.
    pub fn with(
        variables: &Variables,
        tables: &Client,
        topics: aws_sdk_sns::Client,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let settings = Settings::read(variables)?;
        let contents = ContentTable::from_variables(variables)?.map(Arc::new);
        Ok(Self {
            usage: Usage::from_variables(variables, tables, &settings.stage)?,
            settings,
            messages: records::messages(variables, tables.clone())?,
            schedules: records::schedules(variables, tables.clone())?,
            results: records::results(variables, tables.clone())?,
            topics: Topics::from_variables(variables, topics, contents.clone())?,
            contents,
            clock,
        })
    }

    async fn respond(&self, asked: Asked<'_>) -> Response {
        if let Some(preflight) = self.settings.cors.preflight(asked.request) {
            return preflight;
        }
        let response = match route(asked.request) {
            Ok(operation) => self.reply(operation, asked).await,
            Err(response) => *response,
        };
        self.settings.cors.applied(asked.request, response)
    }

    async fn reply(&self, operation: Operation, asked: Asked<'_>) -> Response {
        let response = match operation {
            Operation::CreateMessage => Box::pin(self.create_message(asked)).await,
            Operation::ListMessages => self.list_messages(asked.request).await,
            Operation::GetMessage => self.get_message(asked).await,
            Operation::ChangeSchedule => Ok(Box::pin(self.change_schedule(asked)).await),
            Operation::ListSchedules => self.list_schedules(asked.request).await,
            Operation::GetResult => self.get_result(asked).await,
            Operation::GetUsage => self.get_usage(asked.request).await,
            Operation::GetHealth => self.get_health().await,
            Operation::GetMetrics => self.get_metrics().await,
        };
        response.unwrap_or_else(Response::from)
    }

    /// Now, on the clock of this API.
    pub(crate) fn now(&self) -> jiff::Timestamp {
        moment::now(&self.clock)
    }
}

/// Answers one event of an HTTP API; another is an `InvalidEvent`. Neither path nor body is logged: they may hold content.
pub async fn handle(api: Arc<WebApi>, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let LambdaEvent { payload, context } = event;
    let read = Request::read(payload).map_err(|error| Failure::invalid_event(&error))?;
    let (method, request_id, response) = match read {
        Ok(request) => {
            let until = until(&context);
            // On the heap: the future of a request is large, and so is its type.
            let response = timeout_at(until.into(), Box::pin(api.respond(Asked { request: &request, until }))).await;
            let response = response.unwrap_or_else(|_| late());
            (request.method, request.sender.request_id, response)
        }
        Err(refusal) => (String::new(), String::new(), Response::from(refusal)),
    };
    tracing::info!(method, api_request_id = request_id, status = response.status, "request answered");
    Ok(response.into_event())
}

/// A table does not answer. What was written stays written: a named request may be sent again.
fn late() -> Response {
    Response::problem(503, "a table does not answer in time, send the request again").with("retry-after", "1")
}

fn until(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or(LONGEST);
    Instant::now() + left.saturating_sub(RESERVE).min(LONGEST)
}
