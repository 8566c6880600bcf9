//! One batch, and each message in it.

use crate::alarm::Alarm;
use crate::notice::notification;
use aws_sdk_dynamodb::Client;
use bus::{BatchResponse, Delivery, SqsEvent, batch};
use functions_aws::SdkConfig;
use functions_shared::{Failure, LambdaEvent, VariableError, Variables};
use jiff::Timestamp;
use ntfy::{Notification, RetryPolicy, SequenceId, Topic};
use records::MessageStatus::{Completed, Created, Failed, Processing, Queued};
use records::{Change, Changed, DynamoDb, Message, Messages, messages};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The topic that notifications go to.
const NTFY_URL: &str = "NTFY_URL";
/// What is not sent by then is given up, so that its row still gets its status before Lambda ends the invocation.
const MARGIN: Duration = Duration::from_secs(5);
/// How long a batch may take when nobody says.
const WITHOUT_DEADLINE: Duration = Duration::from_mins(1);

/// What lives as long as the sandbox.
#[derive(Debug)]
pub struct Processor<M = DynamoDb<Message>> {
    messages: M,
    ntfy: ntfy::Client,
    stage: String,
}

impl Processor {
    /// Reads the variables:
    /// - `STAGE`: messages of another stage are refused.
    /// - `DYNAMODB_TABLE_NAME`: the table of messages.
    /// - `NTFY_URL`: the topic that notifications go to. It is a secret.
    ///
    /// # Errors
    /// A variable that is not what it should be, by name.
    pub fn new(variables: &Variables, aws: &SdkConfig) -> Result<Self, Failure> {
        let messages = messages(variables, Client::new(aws))?;
        let topic: Topic = variables.parsed(NTFY_URL)?.ok_or(VariableError::Missing(NTFY_URL))?;
        let ntfy = ntfy::Client::new(topic, RetryPolicy::default());
        let ntfy = ntfy.map_err(|error| Failure::new("NoCertificates", error.to_string()))?;
        Ok(Self { messages, ntfy, stage: variables.required("STAGE")?.to_owned() })
    }
}

/// Sends what is in a batch.
///
/// # Errors
/// None: what fails is named in the response, and SQS delivers it again.
pub async fn handle<M: Messages>(
    processor: &Processor<M>,
    event: LambdaEvent<SqsEvent>,
) -> Result<BatchResponse, Failure> {
    let until = deadline(event.context.deadline());
    Ok(batch::run(event.payload, |delivery| async move { processor.deliver(&delivery, until).await }).await)
}

/// On the clock that timers use. One that has passed already says nothing: stand-ins for the Runtime API make one up.
fn deadline(deadline: SystemTime) -> Instant {
    let left = deadline.duration_since(SystemTime::now()).unwrap_or(WITHOUT_DEADLINE);
    Instant::now() + left.saturating_sub(MARGIN)
}

impl<M: Messages> Processor<M> {
    /// From parts, for tests.
    pub fn of(messages: M, ntfy: ntfy::Client, stage: &str) -> Self {
        Self { messages, ntfy, stage: stage.to_owned() }
    }

    async fn deliver(&self, delivery: &Delivery, until: Instant) -> Result<(), Failure> {
        if let Some(alarm) = Alarm::of(&delivery.body) {
            return self.send(&alarm.notification(), &alarm.id(), until).await;
        }
        let message = delivery.message().map_err(|error| Failure::new("NotAMessage", error.to_string()))?;
        if message.stage != self.stage {
            return Err(Failure::new("OtherStage", format!("the message is not of the stage {}", self.stage)));
        }
        let received = Change::to(Processing).from(&[Created, Queued, Processing, Failed]);
        match self.change(&message.id, received.retry_count(delivery.retries())).await? {
            // It was sent already.
            Changed::Refused(_) => Ok(()),
            // Without a row it is sent all the same: what a person should know must not be lost.
            Changed::Made(_) | Changed::Absent => self.notify(&message, until).await,
        }
    }

    async fn notify(&self, message: &Message, until: Instant) -> Result<(), Failure> {
        let sent = match notification(message) {
            Ok(notification) => self.send(&notification, &SequenceId::of(&message.id), until).await,
            Err(failure) => Err(failure),
        };
        let settled = self.change(&message.id, ending(&sent)).await;
        // That it was not sent says more than that this could not be written down.
        sent.and(settled.map(|_| ()).map_err(Failure::from))
    }

    async fn send(&self, notification: &Notification, id: &SequenceId, until: Instant) -> Result<(), Failure> {
        let sent = self.ntfy.send(notification, id, until).await;
        sent.map_err(|error| Failure::new("NotSent", error.to_string()))
    }

    async fn change(&self, id: &str, change: Change) -> Result<Changed<Message>, records::RecordError> {
        self.messages.change(id, change, Timestamp::now()).await
    }
}

/// How a message ends that was `processing`.
fn ending(sent: &Result<(), Failure>) -> Change {
    match sent {
        Ok(()) => Change::to(Completed).from(&[Processing]),
        Err(failure) => Change::to(Failed).from(&[Processing]).because(&failure.to_string()),
    }
}
