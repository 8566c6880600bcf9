//! A rehearsal: everything that an invocation does but for the network, while the sandbox still starts.
//!
//! What runs for the first time is slow: its code is mapped in page by page, and what is made when it is first needed is made
//! then (credentials, a signing key, the compressor's tables). The first response that offloads would pay for that, and it is
//! paid for with the share of a processor that the function has. Init has a whole one.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use super::DynamoDbStore;
use crate::outgoing::{Outgoing, Terms};
use crate::reference::{Scope, Ttl};
use crate::screen::{EventScreen, ResponseScreen};
use crate::store::ContentStore;

/// Bytes of memory for what the proxy holds of such an invocation beside what the store does.
const HEAP: usize = 128 << 10;

/// How long it may take: where credentials come from may be slow.
const TIME: Duration = Duration::from_secs(2);

/// What `DynamoDB` says of a write that succeeded.
const ANSWER: &str = r#"{"ConsumedCapacity":{"TableName":"rehearsal","CapacityUnits":1.0}}"#;

/// Answers every request at once, and sends none.
#[derive(Debug)]
struct Stage;

impl HttpConnector for Stage {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let ok = 200.try_into().expect("BUG: a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(ok, SdkBody::from(ANSWER))))
    }
}

/// The same client, whose requests go nowhere.
pub(super) fn staged(client: &Client) -> Client {
    let connector = SharedHttpConnector::new(Stage);
    let config = client.config().to_builder().http_client(http_client_fn(move |_, _| connector.clone()));
    Client::from_conf(config.build())
}

/// Takes an event and a response of a common size through everything, and stores nothing.
pub(super) async fn rehearse(store: &DynamoDbStore) {
    let (response, terms) = (response(), Terms::new(Scope::new("rehearsal"), Ttl::NONE));
    EventScreen::default().push(&response);
    ResponseScreen::new(terms.max_content_size).push(&response);
    if let Ok(outgoing) = Outgoing::of(&response, &terms) {
        put(store, &outgoing).await;
    }
    warm_heap();
}

async fn put(store: &DynamoDbStore, outgoing: &Outgoing) {
    let stage = DynamoDbStore { table: store.table.staged(), ..store.clone() };
    if let Err(error) = stage.put(&outgoing.scope, &outgoing.contents, Instant::now() + TIME).await {
        tracing::debug!(%error, "the rehearsal of a write failed");
    }
}

/// Has the allocator keep memory that was used once: it is there at once when it is needed again.
fn warm_heap() {
    drop(std::hint::black_box(vec![1_u8; HEAP]));
}

/// One string of 27 KB, which compresses about as well as prose.
fn response() -> Bytes {
    let text = (0..7_000).map(|number| number.to_string()).collect::<String>();
    format!(r#"{{"text":"{text}"}}"#).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rehearsed_is_a_response_that_offloads() {
        let outgoing = Outgoing::of(&response(), &Terms::new(Scope::new("rehearsal"), Ttl::NONE)).unwrap();
        let lens: Vec<_> = outgoing.contents.iter().map(|(_, content)| content.len()).collect();
        assert_eq!(lens, [26_890]);
    }
}
