//! Tokens that were given, until shortly before they expire.

use std::time::{Duration, SystemTime};

use functions_shared::Clock;
use http::header::{self, HeaderValue};
use http_guard::{Call, Guard, Page};
use secrets::Secret;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::auth_error::AuthError;
use crate::grant::Grant;

/// So long before its end a token is not given any more: what it is for takes time too.
const MARGIN: Duration = Duration::from_secs(30);

/// Longer than this no token is remembered, whatever a server says of it.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

/// Tokens by what was given for them.
#[derive(Debug)]
pub(crate) struct Tokens {
    clock: Clock,
    /// Held while a token is asked for, so that concurrent callers share one request.
    given: Mutex<Vec<Given>>,
}

#[derive(Debug)]
struct Given {
    url: String,
    grant: Grant,
    token: Secret,
    until: SystemTime,
}

/// RFC 6749, section 5.1.
#[derive(Deserialize)]
struct Reply {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

impl Tokens {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, given: Mutex::default() }
    }

    /// A token that is valid for a while.
    pub(crate) async fn get(&self, guard: &Guard, url: &str, grant: &Grant) -> Result<Secret, AuthError> {
        let mut given = self.given.lock().await;
        let now = self.clock.now();
        given.retain(|given| given.until > now);
        if let Some(found) = given.iter().find(|given| given.url == url && given.grant == *grant) {
            return Ok(found.token.clone());
        }
        let (token, life) = ask(guard, url, grant).await?;
        let until = now + life.saturating_sub(MARGIN);
        given.push(Given { url: url.to_owned(), grant: grant.clone(), token: token.clone(), until });
        Ok(token)
    }

    /// Forgets a token that a server does not take any more.
    pub(crate) async fn forget(&self, token: &Secret) {
        self.given.lock().await.retain(|given| given.token != *token);
    }
}

async fn ask(guard: &Guard, url: &str, grant: &Grant) -> Result<(Secret, Duration), AuthError> {
    let call = Call::post(url, "application/x-www-form-urlencoded", grant.form());
    let call = call.header(header::ACCEPT, HeaderValue::from_static("application/json"));
    let page = guard.send(&call).await.map_err(AuthError::NotAsked)?;
    read(&page)
}

/// Without `expires_in` a token is used once: nobody knows how long it is valid.
fn read(page: &Page) -> Result<(Secret, Duration), AuthError> {
    if !page.status.is_success() {
        return Err(AuthError::Refused(page.status));
    }
    let reply: Reply = serde_json::from_slice(&page.body).map_err(|_| AuthError::NotAToken)?;
    let life = Duration::from_secs(reply.expires_in).min(LONGEST_LIFE);
    Ok((Secret::from(reply.access_token.as_str()), life))
}
