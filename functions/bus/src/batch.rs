//! A batch of records from a queue: what fails is delivered again, and nothing else.

use crate::delivery::Delivery;
use functions_shared::Failure;
use futures_util::FutureExt;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use std::panic::AssertUnwindSafe;

/// After so many receives SQS moves a message to the dead-letter queue: `maxReceiveCount` of the stack `messaging`.
pub const MAX_RECEIVES: u32 = 3;

/// An event of an SQS event source mapping.
#[derive(Debug, Deserialize)]
pub struct SqsEvent {
    /// At most as many as the mapping's batch size.
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    approximate_receive_count: Option<String>,
}

/// Which records SQS must deliver again. The mapping needs `ReportBatchItemFailures`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    batch_item_failures: Vec<FailedRecord>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct FailedRecord {
    item_identifier: String,
}

/// Handles the records of an event, all at once, but those with one message's id one after the other. A record whose handler fails or
/// panics is reported as failed. The failure of a last receive is logged as an error, for then the message goes to the dead-letter queue.
pub async fn run<F>(event: SqsEvent, handler: impl Fn(Delivery) -> F) -> BatchResponse
where
    F: Future<Output = Result<(), Failure>>,
{
    let failed = join_all(grouped(event).into_iter().map(|deliveries| handled(deliveries, &handler))).await;
    let failed = failed.into_iter().flatten().map(|item_identifier| FailedRecord { item_identifier });
    BatchResponse { batch_item_failures: failed.collect() }
}

/// The deliveries of an event; in one group those of one message.
fn grouped(event: SqsEvent) -> Vec<Vec<Delivery>> {
    let mut groups: Vec<(Option<String>, Vec<Delivery>)> = Vec::new();
    for record in event.records {
        let delivery = record.into_delivery();
        let message_id = delivery.message_id();
        match groups.iter_mut().find(|(id, _)| id.is_some() && *id == message_id) {
            Some((_, group)) => group.push(delivery),
            None => groups.push((message_id, vec![delivery])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The ids of those that failed.
async fn handled<F>(deliveries: Vec<Delivery>, handler: &impl Fn(Delivery) -> F) -> Vec<String>
where
    F: Future<Output = Result<(), Failure>>,
{
    let mut failed = Vec::new();
    for delivery in deliveries {
        let (id, receive_count, message_id) = (delivery.id.clone(), delivery.receive_count, delivery.message_id());
        let outcome = AssertUnwindSafe(async { handler(delivery).await }).catch_unwind().await;
        let failure = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(failure)) => failure,
            Err(_panic) => Failure::new("Panic", "the handler of the record panicked"),
        };
        log(&id, message_id.as_deref(), receive_count, &failure);
        failed.push(id);
    }
    failed
}

fn log(record_id: &str, message_id: Option<&str>, receive_count: u32, failure: &Failure) {
    if receive_count >= MAX_RECEIVES {
        tracing::error!(
            record_id,
            message_id,
            receive_count,
            %failure,
            "a message failed on its last receive and goes to the dead-letter queue"
        );
    } else {
        tracing::warn!(record_id, message_id, receive_count, %failure, "a message failed and is received again");
    }
}

impl Record {
    fn into_delivery(self) -> Delivery {
        let count = self.attributes.approximate_receive_count.and_then(|count| count.parse().ok());
        Delivery::new(self.message_id, count.unwrap_or(1), self.body)
    }
}
