//! Secrets by the real SDK, from a stand-in that changes its mind.

#![allow(clippy::unwrap_used)]

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use functions_shared::Clock;
use secrets::{SecretError, Secrets};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use test_kit::{Exchange, Peer, Reply};

const NAME: &str = "/ai-agent/llm-secrets/test";

/// Secrets, with everything that they depend on in a test's hands.
struct World {
    secrets: Secrets,
    manager: Peer,
    /// What Secrets Manager says now: a status and a document.
    says: Arc<Mutex<(u16, Value)>>,
    time: Arc<Mutex<SystemTime>>,
}

impl World {
    async fn holding(keys: Value) -> Self {
        let says = Arc::new(Mutex::new((200, secret(&keys))));
        let said = Arc::clone(&says);
        let manager = Peer::start(move |_: &Exchange| {
            let (status, document) = &*said.lock().unwrap();
            Some(Reply::new(*status, document.to_string()))
        });
        let (manager, time) = (manager.await, Arc::new(Mutex::new(SystemTime::UNIX_EPOCH)));
        let hands = Arc::clone(&time);
        let clock = Clock::from_fn(move || *hands.lock().unwrap());
        Self { secrets: Secrets::new(client(&manager.url()), clock), manager, says, time }
    }

    fn says(&self, status: u16, document: Value) {
        *self.says.lock().unwrap() = (status, document);
    }

    fn refuses(&self, status: u16, error: &str) {
        self.says(status, json!({"__type": error, "Message": "no"}));
    }

    fn after(&self, time: Duration) {
        *self.time.lock().unwrap() += time;
    }

    async fn key(&self) -> Result<String, SecretError> {
        self.secrets.key(NAME, "KEY").await.map(|key| key.expose().to_owned())
    }

    fn asked(&self) -> usize {
        self.manager.names().len()
    }
}

fn secret(keys: &Value) -> Value {
    json!({"ARN": "arn", "Name": NAME, "SecretString": keys.to_string()})
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
    world.says(200, secret(&json!({"KEY": "second"})));
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
    for (status, error) in [(500, "InternalServiceError"), (400, "ThrottlingException"), (503, "")] {
        world.refuses(status, error);
        assert_eq!(world.key().await.as_deref(), Ok("first"), "{error}");
    }
    world.says(200, secret(&json!({"KEY": "second"})));
    assert_eq!((world.key().await.unwrap().as_str(), world.asked()), ("second", 5));
}

#[tokio::test]
async fn keys_that_let_callers_in_are_trusted_for_an_hour_without_an_answer() {
    let world = World::holding(json!({"KEY": "first"})).await;
    world.key().await.unwrap();
    world.refuses(500, "InternalServiceError");
    world.after(Duration::from_secs(3599));
    assert_eq!(world.secrets.name_of(NAME, "first").await.as_deref(), Ok("KEY"));
    assert_eq!(world.secrets.expected(NAME, "KEY").await.unwrap().expose(), "first");
    world.after(Duration::from_secs(1));
    let unavailable = |outcome: Result<(), SecretError>| matches!(outcome, Err(SecretError::Unavailable { .. }));
    assert!(unavailable(world.secrets.name_of(NAME, "first").await.map(drop)));
    assert!(unavailable(world.secrets.expected(NAME, "KEY").await.map(drop)));
    assert_eq!(world.key().await.as_deref(), Ok("first"), "what is shown to others is judged by them");
    world.says(200, secret(&json!({"KEY": "second"})));
    assert_eq!(world.secrets.name_of(NAME, "second").await.as_deref(), Ok("KEY"));
}

#[tokio::test]
async fn a_secret_that_is_gone_or_denied_is_forgotten() {
    for error in ["ResourceNotFoundException", "AccessDeniedException", "InvalidRequestException", "DecryptionFailure"]
    {
        let world = World::holding(json!({"KEY": "first"})).await;
        world.key().await.unwrap();
        world.after(Duration::from_mins(5));
        world.refuses(400, error);
        let refused = SecretError::Refused { secret: NAME.to_owned(), reason: error.to_owned() };
        assert_eq!(world.key().await, Err(refused));
        world.refuses(500, "InternalServiceError");
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
