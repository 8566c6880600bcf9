//! Secrets by the real SDK, from a stand-in that changes its mind.

#![allow(clippy::unwrap_used)]

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use functions_shared::Clock;
use secrets::{SecretError, Secrets};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;

const NAME: &str = "/ai-agent/llm-secrets/test";

/// What Secrets Manager answers now, and how often it was asked.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    body: Value,
    asked: usize,
}

/// Secrets, with everything that they depend on in a test's hands.
struct World {
    secrets: Secrets,
    answer: Arc<Mutex<Answer>>,
    time: Arc<Mutex<SystemTime>>,
}

impl World {
    async fn holding(keys: Value) -> Self {
        let answer = Arc::new(Mutex::new(Answer { status: StatusCode::OK, body: secret(&keys), asked: 0 }));
        let router = Router::new().fallback(get_secret_value).with_state(Arc::clone(&answer));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        let time = Arc::new(Mutex::new(SystemTime::UNIX_EPOCH));
        let hands = Arc::clone(&time);
        let clock = Clock::from_fn(move || *hands.lock().unwrap());
        Self { secrets: Secrets::new(client(&endpoint), clock), answer, time }
    }

    fn answers(&self, status: StatusCode, body: Value) {
        let mut answer = self.answer.lock().unwrap();
        (answer.status, answer.body) = (status, body);
    }

    fn refuses(&self, status: StatusCode, error: &str) {
        self.answers(status, json!({"__type": error, "Message": "no"}));
    }

    fn after(&self, time: Duration) {
        *self.time.lock().unwrap() += time;
    }

    async fn key(&self) -> Result<String, SecretError> {
        self.secrets.key(NAME, "KEY").await.map(|key| key.expose().to_owned())
    }

    fn asked(&self) -> usize {
        self.answer.lock().unwrap().asked
    }
}

fn secret(keys: &Value) -> Value {
    json!({"ARN": "arn", "Name": NAME, "SecretString": keys.to_string()})
}

async fn get_secret_value(State(answer): State<Arc<Mutex<Answer>>>) -> (StatusCode, String) {
    let mut answer = answer.lock().unwrap();
    answer.asked += 1;
    (answer.status, answer.body.to_string())
}

fn client(endpoint: &str) -> Client {
    let config = Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1"));
    let config = config.credentials_provider(Credentials::new("key", "secret", None, None, "test"));
    let config = config.http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.endpoint_url(endpoint).retry_config(RetryConfig::disabled()).build())
}

#[tokio::test]
async fn a_secret_is_read_once_in_five_minutes() {
    let world = World::holding(json!({"KEY": "first"})).await;
    assert_eq!(world.key().await.unwrap(), "first");
    world.answers(StatusCode::OK, secret(&json!({"KEY": "second"})));
    world.after(Duration::from_secs(299));
    assert_eq!((world.key().await.unwrap().as_str(), world.asked()), ("first", 1));
    world.after(Duration::from_secs(1));
    assert_eq!((world.key().await.unwrap().as_str(), world.asked()), ("second", 2));
}

#[tokio::test]
async fn an_outage_takes_no_key_away_and_every_call_tries_again() {
    let world = World::holding(json!({"KEY": "first"})).await;
    world.key().await.unwrap();
    world.after(Duration::from_hours(1));
    for (status, error) in [
        (StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError"),
        (StatusCode::BAD_REQUEST, "ThrottlingException"),
        (StatusCode::SERVICE_UNAVAILABLE, ""),
    ] {
        world.refuses(status, error);
        assert_eq!(world.key().await.as_deref(), Ok("first"), "{error}");
    }
    world.answers(StatusCode::OK, secret(&json!({"KEY": "second"})));
    assert_eq!((world.key().await.unwrap().as_str(), world.asked()), ("second", 5));
}

#[tokio::test]
async fn a_secret_that_is_gone_or_denied_is_forgotten() {
    for error in ["ResourceNotFoundException", "AccessDeniedException", "InvalidRequestException", "DecryptionFailure"]
    {
        let world = World::holding(json!({"KEY": "first"})).await;
        world.key().await.unwrap();
        world.after(Duration::from_mins(5));
        world.refuses(StatusCode::BAD_REQUEST, error);
        let refused = SecretError::Refused { secret: NAME.to_owned(), reason: error.to_owned() };
        assert_eq!(world.key().await, Err(refused));
        world.refuses(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError");
        let unavailable = world.key().await.unwrap_err();
        assert!(matches!(unavailable, SecretError::Unavailable { .. }), "{error}: it was kept: {unavailable}");
    }
}

#[tokio::test]
async fn without_a_key_the_secret_and_the_key_are_named() {
    for (keys, message) in [
        (json!({"OTHER": "x"}), "the secret `/ai-agent/llm-secrets/test` has no key `KEY`"),
        (json!({"KEY": ""}), "the secret `/ai-agent/llm-secrets/test` has no key `KEY`"),
        (json!({"KEY": 1}), "the secret `/ai-agent/llm-secrets/test` has no key `KEY`"),
        (json!(["sk-1"]), "the secret `/ai-agent/llm-secrets/test` is not a JSON object of keys"),
    ] {
        assert_eq!(World::holding(keys).await.key().await.unwrap_err().to_string(), message);
    }
}

#[tokio::test]
async fn a_key_is_never_printed() {
    let world = World::holding(json!({"KEY": "sk-1"})).await;
    let key = world.secrets.key(NAME, "KEY").await.unwrap();
    assert_eq!(format!("{key} {key:?} {key:#?}"), "[redacted] [redacted] [redacted]");
    assert!(!format!("{:?}", world.secrets).contains("sk-1"));
    assert_eq!(key.expose(), "sk-1");
}
