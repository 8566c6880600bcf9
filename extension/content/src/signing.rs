//! The signing keys of one process: given by a variable, or read from a secret and read again when a reference names a key
//! that is not known yet.
//!
//! Anyone can make up a key id, so the secret is read again at most once a minute. In between, an unknown key may be a new
//! one: its references fail for now ([`UnknownKey::MayPass`]), and are not judged. A key is [`UnknownKey::Permanent`] only when a complete
//! secret was read after the key had been seen, and does not hold it.

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

/// How often the secret is read for the sake of unknown keys.
const REFETCH_PAUSE: Duration = Duration::from_mins(1);

/// How long init waits for the secret; later, an invocation that needs the keys waits as long as its deadline allows.
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

/// Unknown keys, and the last reading of the secret for their sake.
#[derive(Debug, Default)]
struct Seen {
    /// When each was seen first.
    since: HashMap<KeyId, Instant>,
    refetched: Option<Instant>,
    /// Why the last reading settled nothing.
    problem: Option<String>,
}

/// Keys that were asked for again, and what they say of keys that are not among them.
#[derive(Debug)]
pub struct Refetched {
    /// The keys.
    pub keys: Keyring,
    unknown: HashMap<KeyId, UnknownKey>,
}

/// What is known of a key that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnknownKey {
    /// The secret was read after the key was seen, and does not hold it; or the keys are given, and no other can come.
    Permanent,
    /// The key may be in the secret by now, or behind what could not be read. The text says why that is not known.
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

    /// Reads the secret during init, so that no invocation waits for it. Failing is no loss: the first need tries again.
    pub async fn warm(&self) {
        if let Err(error) = self.get(Instant::now() + INIT_TIMEOUT).await {
            tracing::warn!(%error, "no signing keys during init");
        }
    }

    /// The keys; when they are not known yet, the secret is read.
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

    /// The keys after references named `unknown` ones: the secret is read again, once for all who ask meanwhile, and not
    /// again for a minute. When it cannot be read, they are what they were.
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

    /// Takes the keys of a secret, and gives what could not be read of it. The keys behind that may be the ones that were known
    /// before: they stay.
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

    /// What the last reading says of a key that it did not bring.
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
