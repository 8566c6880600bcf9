//! The keys that issuers publish (RFC 7517), remembered for an hour.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use functions_shared::Clock;
use http_guard::Guard;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;
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

/// Which key is wanted: of those that are published at a URL, the one of this name, or the only one.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) url: &'a str,
    pub(crate) kid: Option<&'a str>,
}

/// A key that was found.
pub(crate) struct Key {
    pub(crate) key: DecodingKey,
    /// Whether it has the name that was wanted. If not, it is the only key.
    pub(crate) is_named: bool,
}

struct KeySet {
    keys: Vec<(Option<String>, DecodingKey)>,
    fetched_at: SystemTime,
    /// When it was last asked for a key that it has not.
    missed_at: Option<SystemTime>,
}

/// RFC 7517, section 5. Keys that are not understood are ignored.
#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

/// As far as RSA goes.
#[derive(Deserialize)]
struct PublishedKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: String,
    e: String,
}

impl KeySets {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, sets: Mutex::default() }
    }

    /// The key that is wanted.
    pub(crate) async fn key(&self, guard: &Guard, wanted: Wanted<'_>) -> Result<Key, AuthError> {
        let mut sets = self.sets.lock().await;
        let now = self.clock.now();
        if let Some(set) = sets.get_mut(wanted.url).filter(|set| is_within(FRESH, now, set.fetched_at)) {
            if let Some(key) = set.find(wanted.kid) {
                return Ok(key);
            }
            set.miss(now, wanted)?;
        }
        let mut set = fetch(guard, wanted.url, now).await?;
        let key = set.find(wanted.kid);
        set.missed_at = key.is_none().then_some(now);
        sets.insert(wanted.url.to_owned(), set);
        key.ok_or_else(|| wanted.problem().into())
    }

    /// The key that is published now, after the one that was found had not signed the token.
    pub(crate) async fn key_instead(&self, guard: &Guard, wanted: Wanted<'_>) -> Result<DecodingKey, AuthError> {
        let mut sets = self.sets.lock().await;
        let now = self.clock.now();
        if let Some(set) = sets.get_mut(wanted.url) {
            set.miss(now, wanted).map_err(|_| TokenProblem::Signature)?;
        }
        let set = KeySet { missed_at: Some(now), ..fetch(guard, wanted.url, now).await? };
        let key = set.find(wanted.kid);
        sets.insert(wanted.url.to_owned(), set);
        Ok(key.ok_or_else(|| wanted.problem())?.key)
    }
}

impl Wanted<'_> {
    fn problem(self) -> TokenProblem {
        if self.kid.is_some() { TokenProblem::UnknownKey } else { TokenProblem::NoKeyId }
    }
}

impl KeySet {
    /// The key of a name. Without a name, or if the only key has none, the only key.
    fn find(&self, kid: Option<&str>) -> Option<Key> {
        let named = self.keys.iter().find(|(name, _)| name.is_some() && name.as_deref() == kid);
        if let Some((_, key)) = named {
            return Some(Key { key: key.clone(), is_named: true });
        }
        let [(name, key)] = &self.keys[..] else { return None };
        (kid.is_none() || name.is_none()).then(|| Key { key: key.clone(), is_named: false })
    }

    /// Notes that a key is not there, and refuses to ask for it if the last time is too short ago.
    fn miss(&mut self, now: SystemTime, wanted: Wanted<'_>) -> Result<(), TokenProblem> {
        if self.missed_at.is_some_and(|missed_at| is_within(UNKNOWN, now, missed_at)) {
            return Err(wanted.problem());
        }
        self.missed_at = Some(now);
        Ok(())
    }
}

/// Of a clock that was set back no age can be told.
fn is_within(life: Duration, now: SystemTime, since: SystemTime) -> bool {
    now.duration_since(since).is_ok_and(|age| age < life)
}

async fn fetch(guard: &Guard, url: &str, now: SystemTime) -> Result<KeySet, AuthError> {
    let page = guard.get(url, &[]).await.map_err(|error| AuthError::NoKeys(error.to_string()))?;
    if !page.status.is_success() {
        return Err(AuthError::NoKeys(format!("the server answered {}", page.status)));
    }
    let published: Published = serde_json::from_slice(&page.body)
        .map_err(|_| AuthError::NoKeys("the answer is not a set of keys".to_owned()))?;
    let keys = published.keys.into_iter().filter_map(|key| PublishedKey::deserialize(key).ok()?.read());
    Ok(KeySet { keys: keys.collect(), fetched_at: now, missed_at: None })
}

impl PublishedKey {
    /// Its name, if it has one, and itself, if it is an RSA key for signatures.
    fn read(self) -> Option<(Option<String>, DecodingKey)> {
        let is_for = |said: Option<&str>, wanted| said.is_none_or(|said| said == wanted);
        let fits = self.kty == "RSA" && is_for(self.usage.as_deref(), "sig") && is_for(self.alg.as_deref(), "RS256");
        let key = DecodingKey::from_rsa_components(&self.n, &self.e).ok()?;
        fits.then_some((self.kid, key))
    }
}

impl fmt::Debug for KeySets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySets").field("clock", &self.clock).finish_non_exhaustive()
    }
}
