//! An authorizer with both ways in.

use authorizer::{Authorizer, handle};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use data_encoding::BASE64URL_NOPAD;
use functions_shared::{Clock, Context, Failure, LambdaEvent, Variables};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use test_kit::{Exchange, Peer, Reply};

pub(crate) const KEY: &str = "a-key-of-more-than-twenty-characters";

pub(crate) struct World {
    authorizer: Arc<Authorizer>,
    is_down: Arc<AtomicBool>,
    _secrets: Peer,
}

impl World {
    pub(crate) async fn start() -> Self {
        let keys = json!({"ann": KEY, "bob": "too-short", "eve": ""}).to_string();
        let is_down = Arc::new(AtomicBool::new(false));
        let down = Arc::clone(&is_down);
        let secrets = Peer::start(move |_: &Exchange| Some(answer(down.load(Ordering::SeqCst), &keys))).await;
        let variables = Variables::from([
            ("AUTHORIZER_KEYS_SECRET", "authorizer-keys"),
            ("JWT_JWKS_URL", "https://issuer.test.example/jwks"),
            ("JWT_ISSUER", "https://issuer.test.example"),
            ("JWT_AUDIENCE", "api"),
            // Nobody answers there.
            ("TEST_ENDPOINTS", "issuer.test.example=127.0.0.1:9"),
        ]);
        let authorizer = Authorizer::new(&variables, client(&secrets.url()), Clock::system()).unwrap();
        Self { authorizer: Arc::new(authorizer), is_down, _secrets: secrets }
    }

    /// Whether a request with these headers is let in, and as whom.
    pub(crate) async fn decide(&self, headers: &Value) -> (bool, Option<String>) {
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
        self.is_down.store(true, Ordering::SeqCst);
    }
}

/// A token whose header names this algorithm, and whose signature nobody made.
pub(crate) fn token(algorithm: &str) -> String {
    let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let header = json!({"alg": algorithm, "kid": "a", "typ": "JWT"});
    let claims = json!({
        "sub": "ann", "iss": "https://issuer.test.example", "aud": "api", "exp": 4_000_000_000_u64, "nbf": 1,
    });
    format!("{}.{}.{}", part(header), part(claims), BASE64URL_NOPAD.encode(&[1; 256]))
}

/// What Secrets Manager answers to `GetSecretValue`.
fn answer(is_down: bool, keys: &str) -> Reply {
    if is_down {
        return Reply::new(500, json!({"__type": "InternalServiceError"}).to_string());
    }
    Reply::new(200, json!({ "SecretString": keys }).to_string())
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
