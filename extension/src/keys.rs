//! The signing keys of this sandbox: given by a variable, or read from a secret and read again when a reference names a key
//! that is not known yet.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use long_content::keys::Keyring;
use long_content::store::dynamodb::{SecretError, SecretSettings, SettingsError, SigningSecret};
use tokio::sync::Mutex;
use tokio::time::timeout_at;

/// A secret is read again at most this often: unknown keys may be anybody's invention.
const REFETCH_PAUSE: Duration = Duration::from_mins(1);

/// How long init waits for the secret; later, whoever needs it waits as long as its invocation may.
const INIT_PATIENCE: Duration = Duration::from_secs(2);

/// The keys, as far as they are known.
#[derive(Debug)]
pub struct SigningKeys {
    secret: Option<SigningSecret>,
    known: RwLock<Option<Keyring>>,
    /// When the secret was last read for the sake of an unknown key; locked while it is read.
    refetched: Mutex<Option<Instant>>,
}

/// Keys that were asked for anew.
#[derive(Debug)]
pub struct Refetched {
    /// The keys.
    pub keys: Keyring,
    /// Whether there are no newer ones: they were given, or read just now.
    pub are_current: bool,
}

/// Why there are no keys yet.
#[derive(Debug, thiserror::Error)]
pub enum NoKeysYet {
    /// The secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Another invocation is reading it, for longer than this one may wait.
    #[error("the signing keys did not come in time")]
    Late,
}

impl SigningKeys {
    /// Keys that are given, or in a secret that nobody has read yet.
    pub fn new(given: Keyring, secret: Option<SecretSettings>) -> Result<Self, SettingsError> {
        let secret = secret.map(SigningSecret::new).transpose()?;
        let known = RwLock::new(secret.is_none().then_some(given));
        Ok(Self { secret, known, refetched: Mutex::default() })
    }

    /// The keys, if they are known without waiting.
    pub fn known(&self) -> Option<Keyring> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the secret during init, so that no invocation waits for it. Failing is no loss: the first need tries again.
    pub async fn warm(&self) {
        if let Err(error) = self.get(Instant::now() + INIT_PATIENCE).await {
            tracing::warn!(%error, "no signing keys during init");
        }
    }

    /// The keys; when they are not known yet, the secret is read.
    pub async fn get(&self, until: Instant) -> Result<Keyring, NoKeysYet> {
        if let Some(keys) = self.known() {
            return Ok(keys);
        }
        let _reading = timeout_at(until.into(), self.refetched.lock()).await.map_err(|_| NoKeysYet::Late)?;
        match (self.known(), &self.secret) {
            (Some(keys), _) => Ok(keys),
            (None, Some(secret)) => Ok(self.learn(secret.keys(until).await?)),
            (None, None) => unreachable!("BUG: keys that were given are known"),
        }
    }

    /// The keys after a reference named an unknown one: the secret is read again, once for all who ask meanwhile, and not
    /// again for a minute. When it cannot be read, they are what they were.
    pub async fn refetched(&self, until: Instant) -> Refetched {
        let as_they_were = || Refetched { keys: self.known().unwrap_or_default(), are_current: self.secret.is_none() };
        let Some(secret) = &self.secret else { return as_they_were() };
        let Ok(mut last) = timeout_at(until.into(), self.refetched.lock()).await else { return as_they_were() };
        if last.is_some_and(|last| last.elapsed() < REFETCH_PAUSE) {
            return as_they_were();
        }
        *last = Some(Instant::now());
        match secret.keys(until).await {
            Ok(keys) => Refetched { keys: self.learn(keys), are_current: true },
            Err(error) => {
                tracing::warn!(%error, "the signing keys could not be read again");
                as_they_were()
            }
        }
    }

    fn learn(&self, keys: Keyring) -> Keyring {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(keys.clone());
        keys
    }
}
