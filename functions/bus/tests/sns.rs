//! A stand-in of SNS that records what is published.

use aws_sdk_sns::Client;
use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::config::{BehaviorVersion, Config, Credentials, Region};
use std::collections::HashMap;
use test_kit::{Exchange, Peer, Reply};

const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
    <MessageId>1</MessageId></PublishResult></PublishResponse>";

/// A stand-in of SNS, which takes everything.
pub(crate) struct Sns(Peer);

impl Sns {
    pub(crate) async fn start() -> Self {
        Self(Peer::start(|_: &Exchange| Some(Reply::new(200, PUBLISHED))).await)
    }

    /// A client that never tries twice.
    pub(crate) fn client(&self) -> Client {
        let config = Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1"));
        let config = config.credentials_provider(Credentials::new("key", "secret", None, None, "test"));
        let config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
        Client::from_conf(config.endpoint_url(self.0.url()).retry_config(RetryConfig::disabled()).build())
    }

    /// The next request is refused.
    pub(crate) fn refuse(&self, code: &str) {
        let error = format!("<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code></Error></ErrorResponse>");
        self.0.reply("POST /", Reply::new(400, error));
    }

    /// The parameters of each request.
    pub(crate) fn requests(&self) -> Vec<HashMap<String, String>> {
        self.0.with_log(|log| log.exchanges.iter().map(|request| parameters(&request.body)).collect())
    }
}

fn parameters(body: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}
