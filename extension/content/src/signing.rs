//! The signing keys of one process. They are in a variable, or are read from a secret, which is read again when a reference
//! names an unknown key.
//!
//! Anyone can make up a key id, so the secret is read again at most once a minute. In between, an unknown key may be a new
//! one, so its references fail with an error that may be retried ([`UnknownKey::MayPass`]). A key is
//! [`UnknownKey::Permanent`] only if the complete secret was read after the key was first seen, and does not contain it.

mod secret;
pub mod settings;

use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::timeout_at;

pub use self::secret::{NotASecret, SecretArn, SecretError, SecretKeys, SecretSettings, SigningSecret};
use self::settings::SigningSettings;
use crate::keys::{KeyId, Keyring};
use crate::store::dynamodb::SettingsError;

/// The shortest time between two reads of the secret because of unknown keys.
const REFETCH_PAUSE: Duration = Duration::from_mins(1);

/// How long init waits for the secret. After init, an invocation that needs the keys waits as long as its deadline allows.
const INIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Ids of unknown keys to remember, a few kilobytes. When more come within a minute, all are forgotten.
const MAX_SEEN: usize = 1024;

/// The keys, as far as they are known.
#[derive(Debug)]
pub struct SigningKeys {
    secret: Option<SigningSecret>,
    known: RwLock<Option<Keyring>>,
    /// What is known of unknown keys; locked while the secret is read.
    unknown: Mutex<Seen>,
}

/// Unknown keys, and the last read of the secret because of them.
#[derive(Debug, Default)]
struct Seen {
    /// When each was seen first.
    since: HashMap<KeyId, Instant>,
    refetched: Option<Instant>,
    /// Why the last read did not give the complete secret.
    problem: Option<String>,
}

/// Keys after the secret was read again, and what is known of keys that are not among them.
#[derive(Debug)]
pub struct Refetched {
    /// The keys.
    pub keys: Keyring,
    unknown: HashMap<KeyId, UnknownKey>,
}

/// What is known of an unknown key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnknownKey {
    /// The secret was read after the key was seen, and does not contain it; or the keys are in a variable, so that there can
    /// be no other.
    Permanent,
    /// The key may be in the secret by now, or in a version that could not be read. The text says why that is not known.
    MayPass(String),
}

/// Why there are no keys yet.
#[derive(Debug, thiserror::Error)]
pub enum NoKeysYet {
    /// The secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Another invocation is reading it, for longer than this one may wait.
    #[error("the signing keys could not be read in time")]
    Late,
}

impl SigningKeys {
    /// Keys that are given, or in a secret that was not read yet.
    pub fn new(settings: SigningSettings) -> Result<Self, SettingsError> {
        let secret = settings.secret.map(SigningSecret::new).transpose()?;
        let known = RwLock::new(secret.is_none().then_some(settings.keys));
        Ok(Self { secret, known, unknown: Mutex::default() })
    }

    /// The keys, if they are known without waiting.
    pub fn known(&self) -> Option<Keyring> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the secret during init, so that no invocation waits for it. If that fails, the first invocation that needs it
    /// tries again.
    pub async fn warm(&self) {
        if let Err(error) = self.get(Instant::now() + INIT_TIMEOUT).await {
            tracing::warn!(%error, "no signing keys during init");
        }
    }

    /// The keys. If they are not known yet, the secret is read.
    pub async fn get(&self, until: Instant) -> Result<Keyring, NoKeysYet> {
        if let Some(keys) = self.known() {
            return Ok(keys);
        }
        let _reading = timeout_at(until.into(), self.unknown.lock()).await.map_err(|_| NoKeysYet::Late)?;
        match (self.known(), &self.secret) {
            (Some(keys), _) => Ok(keys),
            (None, Some(secret)) => Ok(self.learn(secret.keys(until).await?).0),
            (None, None) => unreachable!("BUG: keys that were given are known"),
        }
    }

    /// The keys after references named `unknown` keys. The secret is read again, once for all callers that ask meanwhile,
    /// and not again for a minute. If it cannot be read, the keys stay the same.
    pub async fn refetched(&self, unknown: &[KeyId], until: Instant) -> Refetched {
        let seen_now = Instant::now();
        let Some(secret) = &self.secret else { return self.judged(unknown, |_| UnknownKey::Permanent) };
        let Ok(mut seen) = timeout_at(until.into(), self.unknown.lock()).await else {
            return self.judged(unknown, |_| UnknownKey::MayPass(NoKeysYet::Late.to_string()));
        };
        seen.note(unknown, seen_now);
        if seen.is_due() {
            // Noted before it is read: a reading that is given up is one, too.
            (seen.refetched, seen.problem) =
                (Some(Instant::now()), Some("reading the secret did not finish".to_owned()));
            seen.problem = match secret.keys(until).await {
                Ok(keys) => self.learn(keys).1.map(|error| error.to_string()),
                Err(error) => {
                    tracing::warn!(%error, "the signing keys could not be read again");
                    Some(error.to_string())
                }
            };
        }
        self.judged(unknown, |id| seen.judge(id))
    }

    fn judged(&self, unknown: &[KeyId], judge: impl Fn(KeyId) -> UnknownKey) -> Refetched {
        let unknown = unknown.iter().map(|id| (*id, judge(*id))).collect();
        Refetched { keys: self.known().unwrap_or_default(), unknown }
    }

    /// Takes over the keys of a secret, and returns why a part of it could not be read. In that case, the keys that were
    /// known before stay, because they may be in the part that could not be read.
    fn learn(&self, SecretKeys { keys, unread }: SecretKeys) -> (Keyring, Option<SecretError>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let keys = match (&unread, &*known) {
            (Some(error), before) => {
                tracing::warn!(%error, "the previous signing key is not known");
                before.as_ref().map_or_else(|| keys.clone(), |before| keys.followed_by(before))
            }
            (None, _) => keys,
        };
        *known = Some(keys.clone());
        (keys, unread)
    }
}

impl Seen {
    fn note(&mut self, unknown: &[KeyId], now: Instant) {
        if self.since.len() + unknown.len() > MAX_SEEN {
            self.since.clear();
        }
        for id in unknown.iter().take(MAX_SEEN) {
            self.since.entry(*id).or_insert(now);
        }
    }

    fn is_due(&self) -> bool {
        self.refetched.is_none_or(|last| last.elapsed() >= REFETCH_PAUSE)
    }

    /// What is known, after the last read, of a key that it did not find.
    fn judge(&self, id: KeyId) -> UnknownKey {
        let was_seen_before = || self.since.get(&id).zip(self.refetched).is_some_and(|(seen, read)| *seen <= read);
        match &self.problem {
            Some(problem) => UnknownKey::MayPass(problem.clone()),
            None if was_seen_before() => UnknownKey::Permanent,
            None => UnknownKey::MayPass("the secret was read less than a minute ago".to_owned()),
        }
    }
}

impl Refetched {
    /// What is known of a key that is not among the keys.
    pub fn judge(&self, id: KeyId) -> UnknownKey {
        let late = || UnknownKey::MayPass("the secret was not read again for this key".to_owned());
        self.unknown.get(&id).cloned().unwrap_or_else(late)
    }
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permanent => f.write_str("the secret does not hold it"),
            Self::MayPass(why) => f.write_str(why),
        }
    }
}
