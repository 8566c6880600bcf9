//! Keys from Secrets Manager: a secret is a JSON object, a key one of its texts.
//!
//! What was read is kept for five minutes, so that a rotated key is taken up soon and no call waits for Secrets Manager. When
//! a refresh fails because Secrets Manager cannot be reached or is too busy, the last value stays in use and every call tries
//! again: an outage there must not become one here, and a key that was revoked meanwhile is refused by whom it is for. When
//! Secrets Manager says that the secret is gone or denied, the value is forgotten at once: somebody wanted that.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use functions_aws::sdk_errors::reason;
use functions_shared::Clock;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How long a value is used without asking.
const FRESH: Duration = Duration::from_mins(5);
/// How old a value may be by which callers are let in, while Secrets Manager does not answer: a key that was taken away in an outage lets
/// nobody in for longer.
const TRUSTED: Duration = Duration::from_hours(1);
/// What is printed in place of a secret.
const REDACTED: &str = "[redacted]";

/// A text that is never printed. It leaves only through [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one who has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Why a key cannot be had. No variant holds any part of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is no such secret, it has no text, or this function may not read it.
    #[error("the secret `{secret}` cannot be read: {reason}")]
    Refused {
        /// The secret's name.
        secret: String,
        /// Secrets Manager's name for the error.
        reason: String,
    },
    /// Secrets Manager did not answer, or was too busy, and nothing is known from before.
    #[error("Secrets Manager did not return `{secret}`: {reason}")]
    Unavailable {
        /// The secret's name.
        secret: String,
        /// What happened.
        reason: String,
    },
    /// The secret is something else than a JSON object.
    #[error("the secret `{0}` is not a JSON object of keys")]
    NotAnObject(String),
    /// The object has no such key, or an empty one.
    #[error("the secret `{secret}` has no key `{key}`")]
    NoSuchKey {
        /// The secret's name.
        secret: String,
        /// The key's name.
        key: String,
    },
}

type KeysByName = HashMap<String, Secret>;

struct Cached {
    keys: Arc<KeysByName>,
    read_at: SystemTime,
}

/// Secrets Manager, remembered.
pub struct Secrets {
    client: Client,
    clock: Clock,
    cache: Mutex<HashMap<String, Cached>>,
}

impl Secrets {
    /// Secrets that are read by `client`, and grow old by `clock`.
    pub fn new(client: Client, clock: Clock) -> Self {
        Self { client, clock, cache: Mutex::default() }
    }

    /// The text under `key` of the JSON object that is the secret: for those who show it to somebody. While Secrets Manager does not answer,
    /// the last one stays in use, because the service that it is shown to judges it.
    pub async fn key(&self, secret: &str, key: &str) -> Result<Secret, SecretError> {
        let keys = self.keys(secret, None).await?;
        found(&keys, secret, key)
    }

    /// The same, for those who judge by it what others show. While Secrets Manager does not answer, the last one stays in use for an hour.
    pub async fn expected(&self, secret: &str, key: &str) -> Result<Secret, SecretError> {
        let keys = self.keys(secret, Some(TRUSTED)).await?;
        found(&keys, secret, key)
    }

    /// The name under which the secret has this text: for those to whom a key is shown. While Secrets Manager does not answer, the last
    /// keys stay in use for an hour.
    pub async fn name_of(&self, secret: &str, shown: &str) -> Result<String, SecretError> {
        let keys = self.keys(secret, Some(TRUSTED)).await?;
        let found = keys.iter().filter(|(_, key)| is_same(key.expose(), shown)).map(|(name, _)| name.clone());
        // All are compared, so that the time says nothing about any.
        found.last().ok_or_else(|| SecretError::NoSuchKey { secret: secret.to_owned(), key: REDACTED.to_owned() })
    }

    /// The keys, no older than `oldest` if Secrets Manager does not answer.
    async fn keys(&self, secret: &str, oldest: Option<Duration>) -> Result<Arc<KeysByName>, SecretError> {
        let Some((keys, age)) = self.cached(secret) else { return self.read(secret).await };
        if age.is_some_and(|age| age < FRESH) {
            return Ok(keys);
        }
        match self.read(secret).await {
            Err(SecretError::Unavailable { reason, .. }) if is_trusted(age, oldest) => {
                tracing::warn!(secret, reason, "secret not refreshed, the last one stays in use");
                Ok(keys)
            }
            outcome => outcome,
        }
    }

    async fn read(&self, secret: &str) -> Result<Arc<KeysByName>, SecretError> {
        let read_at = self.clock.now();
        let outcome = self.client.get_secret_value().secret_id(secret).send().await;
        let keys = outcome.map_err(|error| refusal(secret, &error)).and_then(|value| {
            let text = value.secret_string.as_deref();
            text.and_then(keys_of).ok_or_else(|| SecretError::NotAnObject(secret.to_owned()))
        });
        match keys {
            Ok(keys) => Ok(self.remember(secret, keys, read_at)),
            Err(error) => {
                self.forget_unless_unavailable(secret, &error);
                Err(error)
            }
        }
    }

    /// Keys and their age. By a clock that was set back they have none.
    fn cached(&self, secret: &str) -> Option<(Arc<KeysByName>, Option<Duration>)> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = cache.get(secret)?;
        Some((Arc::clone(&cached.keys), self.clock.now().duration_since(cached.read_at).ok()))
    }

    fn remember(&self, secret: &str, keys: KeysByName, read_at: SystemTime) -> Arc<KeysByName> {
        let keys = Arc::new(keys);
        let cached = Cached { keys: Arc::clone(&keys), read_at };
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned(), cached);
        keys
    }

    fn forget_unless_unavailable(&self, secret: &str, error: &SecretError) {
        if !matches!(error, SecretError::Unavailable { .. }) {
            self.cache.lock().unwrap_or_else(PoisonError::into_inner).remove(secret);
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("clock", &self.clock).finish_non_exhaustive()
    }
}

fn is_trusted(age: Option<Duration>, oldest: Option<Duration>) -> bool {
    oldest.is_none_or(|oldest| age.is_some_and(|age| age < oldest))
}

fn found(keys: &KeysByName, secret: &str, key: &str) -> Result<Secret, SecretError> {
    let missing = || SecretError::NoSuchKey { secret: secret.to_owned(), key: key.to_owned() };
    keys.get(key).cloned().ok_or_else(missing)
}

/// Whether two texts are the same, in a time that depends on their lengths only.
fn is_same(one: &str, other: &str) -> bool {
    let differences = one.bytes().zip(other.bytes()).fold(0, |found, (one, other)| found | (one ^ other));
    std::hint::black_box(differences) == 0 && one.len() == other.len()
}

/// The object's texts. An empty one is no key: templates make such secrets, for somebody to fill.
fn keys_of(text: &str) -> Option<KeysByName> {
    let object: HashMap<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let texts = object.iter().filter_map(|(name, value)| Some((name.clone(), Secret::from(value.as_str()?))));
    Some(texts.filter(|(_, key)| !key.0.is_empty()).collect())
}

/// Whose word counts: only what Secrets Manager says about this secret is a refusal.
fn refusal(secret: &str, error: &SdkError<GetSecretValueError>) -> SecretError {
    let (secret, text) = (secret.to_owned(), reason(error).to_owned());
    let is_definite = matches!(
        text.as_str(),
        "AccessDeniedException"
            | "DecryptionFailure"
            | "InvalidParameterException"
            | "InvalidRequestException"
            | "ResourceNotFoundException"
    );
    if is_definite {
        SecretError::Refused { secret, reason: text }
    } else {
        SecretError::Unavailable { secret, reason: text }
    }
}
