//! The keys that handles are signed with: given by a variable, or read from a secret when they are first needed, and again when a
//! handle names a key that is not known yet.

use std::time::{Duration, Instant};

use long_content::keys::Keyring;
use long_content::store::dynamodb::{SecretError, SigningSecret};
use tokio::sync::Mutex;

/// A secret is read again at most this often: unknown keys may be anybody's invention.
const REFETCH_PAUSE: Duration = Duration::from_mins(1);

/// The keys, as far as they are known.
#[derive(Debug)]
pub(crate) struct SigningKeys {
    secret: Option<SigningSecret>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    keys: Option<Keyring>,
    refetched: Option<Instant>,
}

impl SigningKeys {
    /// Keys that are given, unless there is a secret to read them from.
    pub(crate) fn new(given: Keyring, secret: Option<SigningSecret>) -> Self {
        let keys = secret.is_none().then_some(given);
        Self { secret, known: Mutex::new(Known { keys, refetched: None }) }
    }

    pub(crate) async fn get(&self, until: Instant) -> Result<Keyring, SecretError> {
        let mut known = self.known.lock().await;
        match (&known.keys, &self.secret) {
            (Some(keys), _) => Ok(keys.clone()),
            (None, Some(secret)) => Ok(known.keys.insert(secret.keys(until).await?).clone()),
            (None, None) => unreachable!("BUG: keys that were given are known"),
        }
    }

    /// The keys after somebody named an unknown one. When they cannot be read again, they are what they were.
    pub(crate) async fn refetched(&self, until: Instant) -> Keyring {
        let mut known = self.known.lock().await;
        let is_due = known.refetched.is_none_or(|last| last.elapsed() >= REFETCH_PAUSE);
        if let Some(secret) = self.secret.as_ref().filter(|_| is_due) {
            known.refetched = Some(Instant::now());
            match secret.keys(until).await {
                Ok(keys) => known.keys = Some(keys),
                Err(error) => tracing::warn!(%error, "the signing keys could not be read again"),
            }
        }
        known.keys.clone().unwrap_or_default()
    }
}
