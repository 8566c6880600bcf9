//! The keys that issuers publish (RFC 7517), remembered for an hour.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use functions_shared::Clock;
use http_guard::Guard;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::auth_error::{AuthError, TokenProblem};

/// How long keys are used without asking for them.
const FRESH: Duration = Duration::from_hours(1);

/// An unknown key may be a new one, so the keys are fetched again, at most this often: anyone can make up a key's name.
const UNKNOWN: Duration = Duration::from_mins(1);

/// Keys by the URL at which they are published.
pub(crate) struct KeySets {
    clock: Clock,
    /// Held while keys are fetched, so that concurrent callers share one request.
    sets: Mutex<HashMap<String, KeySet>>,
}

type KeysByName = HashMap<String, DecodingKey>;

struct KeySet {
    keys: KeysByName,
    fetched_at: SystemTime,
    /// When it was last asked for a key that it has not.
    missed_at: Option<SystemTime>,
}

/// RFC 7517, section 5, as far as RSA goes.
#[derive(Deserialize)]
struct Published {
    keys: Vec<PublishedKey>,
}

#[derive(Deserialize)]
struct PublishedKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl KeySets {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, sets: Mutex::default() }
    }

    /// The key of this name.
    pub(crate) async fn key(&self, guard: &Guard, url: &str, kid: &str) -> Result<DecodingKey, AuthError> {
        let mut sets = self.sets.lock().await;
        let now = self.clock.now();
        if let Some(set) = sets.get_mut(url).filter(|set| is_within(FRESH, now, set.fetched_at)) {
            if let Some(key) = set.keys.get(kid) {
                return Ok(key.clone());
            }
            set.miss(now)?;
        }
        let keys = fetch(guard, url).await?;
        let key = keys.get(kid).cloned();
        let missed_at = key.is_none().then_some(now);
        sets.insert(url.to_owned(), KeySet { keys, fetched_at: now, missed_at });
        key.ok_or(TokenProblem::UnknownKey.into())
    }
}

impl KeySet {
    /// Notes that a key is not there, and refuses to ask for it if the last time is too short ago.
    fn miss(&mut self, now: SystemTime) -> Result<(), TokenProblem> {
        if self.missed_at.is_some_and(|missed_at| is_within(UNKNOWN, now, missed_at)) {
            return Err(TokenProblem::UnknownKey);
        }
        self.missed_at = Some(now);
        Ok(())
    }
}

/// Of a clock that was set back no age can be told.
fn is_within(life: Duration, now: SystemTime, since: SystemTime) -> bool {
    now.duration_since(since).is_ok_and(|age| age < life)
}

async fn fetch(guard: &Guard, url: &str) -> Result<KeysByName, AuthError> {
    let page = guard.get(url, &[]).await.map_err(|error| AuthError::NoKeys(error.to_string()))?;
    if !page.status.is_success() {
        return Err(AuthError::NoKeys(format!("the server answered {}", page.status)));
    }
    let published: Published =
        serde_json::from_slice(&page.body).map_err(|_| AuthError::NoKeys("the answer is no set of keys".to_owned()))?;
    Ok(published.keys.into_iter().filter_map(PublishedKey::read).collect())
}

impl PublishedKey {
    /// Its name and itself, if it is an RSA key for signatures.
    fn read(self) -> Option<(String, DecodingKey)> {
        let is_for = |said: Option<&str>, wanted| said.is_none_or(|said| said == wanted);
        let fits = self.kty == "RSA" && is_for(self.usage.as_deref(), "sig") && is_for(self.alg.as_deref(), "RS256");
        let key = DecodingKey::from_rsa_components(&self.n?, &self.e?).ok()?;
        self.kid.filter(|_| fits).map(|kid| (kid, key))
    }
}

impl fmt::Debug for KeySets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySets").field("clock", &self.clock).finish_non_exhaustive()
    }
}
