//! An authorizer with both ways in.

use authorizer::{Authorizer, handle};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use data_encoding::BASE64URL_NOPAD;
use functions_shared::{Clock, Context, Failure, LambdaEvent, Variables};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use test_kit::{Exchange, Peer, Reply};

pub(crate) const KEY: &str = "a-key-of-more-than-twenty-characters";
pub(crate) const ISSUER: &str = "https://issuer.example.com";
pub(crate) const AUDIENCE: &str = "api";

pub(crate) struct World {
    authorizer: Arc<Authorizer>,
    secrets: Peer,
    habit: Arc<Mutex<SecretsManager>>,
    variables: Variables,
}

/// What Secrets Manager does with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SecretsManager {
    Answers,
    HangsUp,
    IsLate(Duration),
    Garbage,
    Refuses(u16),
}

impl SecretsManager {
    fn reply(self) -> Reply {
        let keys = json!({"ann": KEY, "bob": "too-short", "eve": ""}).to_string();
        let secret = Reply::new(200, json!({ "SecretString": keys }).to_string());
        match self {
            Self::Answers => secret,
            Self::HangsUp => Reply::hang_up(),
            Self::IsLate(time) => secret.late(time),
            Self::Garbage => Reply::new(200, "<html><title>Sign in to the network</title></html>"),
            Self::Refuses(status) => Reply::new(status, json!({"__type": "InternalServiceError"}).to_string()),
        }
    }
}

impl World {
    /// Nobody answers for the issuer.
    pub(crate) async fn start() -> Self {
        Self::with(&[("TEST_ENDPOINTS", "issuer.example.com=127.0.0.1:9".to_owned())]).await
    }

    /// With variables that say where the issuer is.
    pub(crate) async fn with(variables: &[(&'static str, String)]) -> Self {
        let habit = Arc::new(Mutex::new(SecretsManager::Answers));
        let now = Arc::clone(&habit);
        let secrets = Peer::start(move |_: &Exchange| Some(now.lock().unwrap().reply())).await;
        let jwks_url = format!("{ISSUER}/.well-known/jwks.json");
        let settings = [
            ("AUTHORIZER_KEYS_SECRET", "authorizer-keys"),
            ("JWT_JWKS_URL", &jwks_url),
            ("JWT_ISSUER", ISSUER),
            ("JWT_AUDIENCE", AUDIENCE),
        ];
        let given = variables.iter().map(|(name, value)| (*name, value.as_str()));
        let variables: Variables = settings.into_iter().chain(given).collect();
        let authorizer = Arc::new(Authorizer::new(&variables, client(&secrets.url()), Clock::system()).unwrap());
        Self { authorizer, secrets, habit, variables }
    }

    /// The same authorizer in a sandbox that has just started.
    pub(crate) fn sandbox(&self) -> Arc<Authorizer> {
        Arc::new(Authorizer::new(&self.variables, client(&self.secrets.url()), Clock::system()).unwrap())
    }

    /// Whether a request with these headers is let in, and as whom.
    pub(crate) async fn decide(&self, headers: &Value) -> (bool, Option<String>) {
        self.decide_about(event(headers)).await
    }

    /// The same of any event.
    pub(crate) async fn decide_about(&self, event: Value) -> (bool, Option<String>) {
        decided(&self.authorizer, event).await
    }

    /// What Secrets Manager does from now on.
    pub(crate) fn secrets(&self, habit: SecretsManager) {
        *self.habit.lock().unwrap() = habit;
    }
}

/// A request with these headers.
pub(crate) fn event(headers: &Value) -> Value {
    json!({"version": "2.0", "type": "REQUEST", "routeArn": "arn:r", "headers": headers})
}

/// What a sandbox decides.
pub(crate) async fn decided(authorizer: &Arc<Authorizer>, event: Value) -> (bool, Option<String>) {
    let decision = handle(Arc::clone(authorizer), LambdaEvent::new(event, Context::default())).await.unwrap();
    let decision = json!(decision);
    let caller = decision["context"]["caller"].as_str().map(str::to_owned);
    (decision["isAuthorized"].as_bool().unwrap(), caller)
}

/// A token whose header names this algorithm, and whose signature nobody made.
pub(crate) fn token(algorithm: &str) -> String {
    let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let header = json!({"alg": algorithm, "kid": "a", "typ": "JWT"});
    let claims = json!({"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": 4_000_000_000_u64, "nbf": 1});
    format!("{}.{}.{}", part(header), part(claims), BASE64URL_NOPAD.encode(&[1; 256]))
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
