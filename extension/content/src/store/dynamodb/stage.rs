//! A client for the write of the warm-up: it answers requests at once and never sends them.

use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;

/// The answer of `DynamoDB` to a write that succeeded.
const ANSWER: &str = r#"{"ConsumedCapacity":{"TableName":"warm-up","CapacityUnits":1.0}}"#;

/// Answers every request at once, and sends none.
#[derive(Debug)]
struct Stage;

impl HttpConnector for Stage {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let ok = 200.try_into().expect("BUG: a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(ok, SdkBody::from(ANSWER))))
    }
}

/// The same client, whose requests are not sent.
pub(super) fn staged(client: &Client) -> Client {
    let connector = SharedHttpConnector::new(Stage);
    let config = client.config().to_builder().http_client(http_client_fn(move |_, _| connector.clone()));
    Client::from_conf(config.build())
}
