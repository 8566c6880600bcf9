//! A stack registers something: events of a CloudFormation custom resource, and the answer that the stack waits for.
//!
//! A stack waits for an hour unless it is answered, so every event is: a failure with its reason, and work that takes too long
//! as a failure too, before Lambda ends it.

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use functions_shared::{Context, Failure, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime};

/// What a stack wants.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceEvent {
    /// What is to be done.
    pub request_type: RequestType,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    physical_resource_id: Option<String>,
    #[serde(default)]
    resource_properties: Map<String, Value>,
}

/// What is to be done. Each may come twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum RequestType {
    /// Register it.
    Create,
    /// Register it as it is now; under another name it is another one, and the old one is deleted by a separate event.
    Update,
    /// It is not needed any more, if it was ever there.
    Delete,
}

/// Something that a stack has registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisioned {
    /// Its name, which says all that deleting it needs.
    pub physical_id: String,
    /// What `Fn::GetAtt` finds.
    pub data: Value,
}

impl ResourceEvent {
    /// Whether an event is of this kind.
    pub fn is(event: &Value) -> bool {
        event.get("RequestType").is_some() && event.get("ResponseURL").is_some()
    }

    /// What is registered: the properties without those that are CloudFormation's.
    pub fn body(&self) -> Value {
        let mut properties = self.resource_properties.clone();
        properties.retain(|name, _| name != "ServiceToken" && name != "ServiceTimeout");
        Value::Object(properties)
    }

    /// Who registers: no two resources of any two stacks are called the same.
    pub fn owner(&self) -> String {
        format!("{}/{}", self.stack_id, self.logical_resource_id)
    }

    /// The name under which it was registered before, or one that nothing is registered under.
    pub fn physical_id(&self) -> String {
        let never_registered = || format!("unregistered/{}", self.logical_resource_id);
        self.physical_resource_id.clone().unwrap_or_else(never_registered)
    }
}

/// What the stack is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct StackResponse<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: String,
    physical_resource_id: String,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

/// Left of an invocation's time when the stack is told that it was too short.
const TO_ANSWER: Duration = Duration::from_secs(5);
/// How often an answer is sent, and how often somebody else may come first.
const ATTEMPTS: u32 = 4;

/// Who makes, changes and removes the resources of stacks.
pub trait Provisioner: Sync {
    /// What a stack wants.
    fn provision(&self, event: &ResourceEvent) -> impl Future<Output = Result<Provisioned, Refusal>> + Send;
}

/// The way to the stacks. Made once: it keeps a connection to where their answers go.
#[derive(Clone, Debug)]
pub struct Stacks {
    connector: SharedHttpConnector,
    pause: Duration,
}

impl Default for Stacks {
    fn default() -> Self {
        let connector = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).build();
        Self { connector: SharedHttpConnector::new(connector), pause: Duration::from_millis(500) }
    }
}

impl Stacks {
    /// Without pauses between attempts, for tests.
    #[must_use]
    pub fn without_pauses(self) -> Self {
        Self { pause: Duration::ZERO, ..self }
    }

    /// Has the work done and answers the stack, whatever comes of it. What the stack was told also goes back.
    pub async fn serve(
        &self,
        event: &ResourceEvent,
        context: &Context,
        provisioner: &impl Provisioner,
    ) -> Result<Value, Failure> {
        let time = time_left(context.deadline).saturating_sub(TO_ANSWER);
        let done = tokio::time::timeout(time, self.persistently(event, provisioner)).await;
        let done = done.unwrap_or_else(|_| Err(Refusal::Unavailable(format!("it was not completed within {time:?}"))));
        let answer = answer(event, done);
        self.send(&event.response_url, &answer).await?;
        Ok(serde_json::json!(answer))
    }

    /// The resources of one stack are made at the same time, and may be versions of one agent.
    async fn persistently(
        &self,
        event: &ResourceEvent,
        provisioner: &impl Provisioner,
    ) -> Result<Provisioned, Refusal> {
        for attempt in 1..ATTEMPTS {
            match provisioner.provision(event).await {
                Err(Refusal::Overtaken(_)) => tokio::time::sleep(self.pause * attempt).await,
                done => return done,
            }
        }
        provisioner.provision(event).await
    }

    async fn send(&self, url: &str, answer: &StackResponse<'_>) -> Result<(), Failure> {
        let body = serde_json::json!(answer).to_string();
        for attempt in 1..ATTEMPTS {
            match self.put(url, body.clone()).await {
                Ok(()) => return Ok(()),
                // The URL is a key to what it names: no log contains it.
                Err(reason) => tracing::warn!(attempt, reason, "CloudFormation did not accept the answer"),
            }
            tokio::time::sleep(self.pause * attempt).await;
        }
        // Lambda delivers the event again, since a stack does not wait for the function.
        self.put(url, body).await.map_err(|reason| Failure::new("AnswerNotTaken", reason))
    }

    async fn put(&self, url: &str, body: String) -> Result<(), String> {
        // No content type: the URL is signed for a request that has none.
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("PUT").map_err(|_| "no method".to_owned())?;
        request.set_uri(url).map_err(|_| "the ResponseURL is not a URL".to_owned())?;
        let response =
            self.connector.call(request).await.map_err(|_| "the ResponseURL cannot be reached".to_owned())?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(format!("the ResponseURL answers {}", status.as_u16())) }
    }
}

fn answer(event: &ResourceEvent, done: Result<Provisioned, Refusal>) -> StackResponse<'_> {
    let (status, reason, physical_resource_id, data) = match done {
        Ok(provisioned) => ("SUCCESS", String::new(), provisioned.physical_id, Some(provisioned.data)),
        // Under the name that it has, for another would be the name of another resource.
        Err(refusal) => ("FAILED", refusal.to_string(), event.physical_id(), None),
    };
    let ResourceEvent { stack_id, request_id, logical_resource_id, .. } = event;
    StackResponse { status, reason, physical_resource_id, stack_id, request_id, logical_resource_id, data }
}

/// Until Lambda ends the invocation; `deadline` is in milliseconds since 1970.
fn time_left(deadline: u64) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Duration::from_millis(deadline).saturating_sub(now)
}
