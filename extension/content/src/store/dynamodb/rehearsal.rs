//! A rehearsal: everything that a write does but for the network, while the sandbox still starts.
//!
//! What runs for the first time is slow: its code is mapped in page by page, and what is made when it is first needed is made
//! then (credentials, a signing key, the compressor's tables). The first response that offloads would pay for that, and it is
//! paid for with the share of a processor that the function has. Init has a whole one.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;

use super::DynamoDbStore;
use crate::reference::{Content, Scope, Ttl};
use crate::store::ContentStore;

/// How long it may take: where credentials come from may be slow.
const TIME: Duration = Duration::from_secs(2);

/// Answers every request at once with a document that has nothing in it, and sends none.
#[derive(Debug)]
struct Stage;

impl HttpConnector for Stage {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let ok = 200.try_into().expect("BUG: a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(ok, SdkBody::from("{}"))))
    }
}

/// The same client, whose requests go nowhere.
pub(super) fn staged(client: &Client) -> Client {
    let connector = SharedHttpConnector::new(Stage);
    let config = client.config().to_builder().http_client(http_client_fn(move |_, _| connector.clone()));
    Client::from_conf(config.build())
}

/// Stores a content of a common size nowhere.
pub(super) async fn rehearse(store: &DynamoDbStore) {
    let text = (0..4_000).map(|number| number.to_string()).collect::<String>();
    let (scope, content) = (Scope::new("rehearsal"), Content::string(text));
    let reference = scope.reference(Ttl::NONE, &content);
    let stage = DynamoDbStore { table: store.table.staged(), ..store.clone() };
    if let Err(error) = stage.put(&scope, &[(reference, content.bytes)], Instant::now() + TIME).await {
        tracing::debug!(%error, "the rehearsal of a write failed");
    }
}
