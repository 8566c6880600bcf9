//! An authorizer with both ways in.

use authorizer::{Authorizer, handle};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use functions_shared::{Clock, Context, Failure, LambdaEvent, Variables};
use serde_json::{Value, json};
use stand_ins::StandIns;
use std::sync::Arc;
use test_kit::secrets::{Outage, Secret};

pub(crate) const KEY: &str = "a-key-of-more-than-twenty-characters";
pub(crate) const HOST: &str = "birdsfoot.cps.golf";

pub(crate) struct World {
    authorizer: Arc<Authorizer>,
    secret: Secret,
    pub(crate) stand_ins: StandIns,
}

impl World {
    pub(crate) async fn start() -> Self {
        let stand_ins = StandIns::start().await.unwrap();
        let keys = json!({"ann": KEY, "bob": "too-short", "eve": ""}).to_string();
        let secret = Secret::start(Some(&keys)).await;
        let found = stand_ins.variables();
        let jwks = format!("https://{HOST}/identityapi/.well-known/openid-configuration/jwks");
        let issuer = format!("https://{HOST}/identityapi");
        let variables: Variables = [
            ("AUTHORIZER_KEYS_SECRET", "authorizer-keys"),
            ("JWT_JWKS_URL", &jwks),
            ("JWT_ISSUER", &issuer),
            ("JWT_AUDIENCE", "onlinereservation"),
        ]
        .into_iter()
        .chain(found.iter().map(|(name, value)| (*name, value.as_str())))
        .collect();
        let authorizer = Authorizer::new(&variables, client(&secret.endpoint), Clock::system()).unwrap();
        Self { authorizer: Arc::new(authorizer), secret, stand_ins }
    }

    /// Whether a request with these headers is let in, and as whom.
    pub(crate) async fn decide(&self, headers: Value) -> (bool, Option<String>) {
        self.decide_about(json!({"version": "2.0", "type": "REQUEST", "routeArn": "arn:r", "headers": headers})).await
    }

    /// The same of any event.
    pub(crate) async fn decide_about(&self, event: Value) -> (bool, Option<String>) {
        let decision = handle(Arc::clone(&self.authorizer), LambdaEvent::new(event, Context::default())).await.unwrap();
        let decision = json!(decision);
        let caller = decision["context"]["caller"].as_str().map(str::to_owned);
        (decision["isAuthorized"].as_bool().unwrap(), caller)
    }

    /// Secrets Manager does not answer from now on.
    pub(crate) fn secrets_are_down(&self) {
        self.secret.fails(Some(Outage::All));
    }

    /// A token of the provider whose claims have one changed.
    pub(crate) fn token(&self, name: &str, value: Value) -> String {
        let provider = self.stand_ins.golf().oauth();
        let mut claims = provider.claims(HOST);
        claims["sub"] = json!("40712");
        claims[name] = value;
        provider.key().sign(&claims)
    }
}

/// An authorizer that cannot start.
pub(crate) fn refused(variables: &[(&str, &str)]) -> Failure {
    let variables = variables.iter().copied().collect();
    Authorizer::new(&variables, client("http://127.0.0.1:9"), Clock::system()).unwrap_err()
}

fn client(endpoint: &str) -> Client {
    let config = Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1"));
    let config = config.credentials_provider(Credentials::new("key", "secret", None, None, "test"));
    let config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.endpoint_url(endpoint).retry_config(RetryConfig::disabled()).build())
}
