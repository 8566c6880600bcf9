//! [`Golf`]: signing in, and asking in the name of who signed in.

use std::sync::Arc;

use functions_shared::Clock;
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use http_guard::{AllowedHosts, Call, Guard, Limits, Network, Page};
use oauth::{Credential, Golfer, Grant, Issuer, OAuth};
use secrets::{Secret, SecretError, Secrets};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::course::{COURSES, Course};
use crate::tool_error::ToolError;
use crate::user_agent::USER_AGENT;

/// What tokens are asked for.
const SCOPE: &str = "onlinereservation";

/// What the provider is called in errors.
pub(crate) const PROVIDER: &str = "the golf provider";

/// The golf provider, and the secret with which somebody signs in.
#[derive(Debug)]
pub struct Golf {
    guard: Guard,
    oauth: OAuth,
    secrets: Arc<Secrets>,
    secret: String,
}

/// Somebody who has signed in at a course.
pub(crate) struct Session<'a> {
    golf: &'a Golf,
    pub(crate) course: &'static Course,
    pub(crate) golfer: Golfer,
    token: Secret,
    client_id: Option<Secret>,
    website_id: Option<Secret>,
}

impl Golf {
    /// Signs in with the secret of this name: `username`, `password`, and if the provider wants them `client_id`, `client_secret`,
    /// `website_id`, `issuer` and `audience`. Of the provider's hosts those are asked that are `allowed`.
    pub fn new(
        network: &Network,
        allowed: &AllowedHosts,
        limits: Limits,
        secrets: Arc<Secrets>,
        secret: &str,
        clock: Clock,
    ) -> Self {
        let hosts = AllowedHosts::listed(&COURSES.each_ref().map(|course| course.host).join(","));
        let hosts = hosts.expect("BUG: hosts are hosts").among(allowed);
        let guard = Guard::new(network.clone(), hosts, limits);
        Self { oauth: OAuth::new(guard.clone(), clock), guard, secrets, secret: secret.to_owned() }
    }

    /// Signs in at a course. Nothing of the course is asked before the token is verified.
    pub(crate) async fn session(&self, course: u32) -> Result<Session<'_>, ToolError> {
        let course = Course::of(course)?;
        let client_id = self.optional("client_id").await?;
        let grant = Grant::Password {
            username: self.secrets.key(&self.secret, "username").await?,
            password: self.secrets.key(&self.secret, "password").await?,
            client_id: client_id.clone(),
            client_secret: self.optional("client_secret").await?,
            scope: Some(SCOPE.to_owned()),
        };
        let token = self.oauth.token(&course.token_url(), &grant).await?;
        let golfer = self.oauth.verified(token.expose(), &self.issuer(course).await?).await?;
        let website_id = self.optional("website_id").await?;
        Ok(Session { golf: self, course, golfer, token, client_id, website_id })
    }

    async fn issuer(&self, course: &Course) -> Result<Issuer, ToolError> {
        let text = |key: Option<Secret>| key.map(|key| key.expose().to_owned());
        let name = text(self.optional("issuer").await?).unwrap_or_else(|| course.issuer());
        let audience = text(self.optional("audience").await?).unwrap_or_else(|| SCOPE.to_owned());
        Ok(Issuer { jwks_url: course.jwks_url(), name, audience, must_name_key: true })
    }

    async fn optional(&self, key: &str) -> Result<Option<Secret>, SecretError> {
        match self.secrets.key(&self.secret, key).await {
            Ok(key) => Ok(Some(key)),
            Err(SecretError::NoSuchKey { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Session<'_> {
    /// What the provider answers to a GET.
    pub(crate) async fn get(&self, call: &str) -> Result<Page, ToolError> {
        let call = self.identified(Call::get(self.course.api(call)))?;
        let page = self.golf.guard.send(&call).await.map_err(|error| ToolError::of_fetch(PROVIDER, &error))?;
        self.checked(page).await
    }

    /// What the provider answers to a POST that may be sent again in another invocation.
    pub(crate) async fn post<T: DeserializeOwned>(&self, call: &str, body: &Value) -> Result<T, ToolError> {
        let call = self.posting(call, body)?;
        let page = self.golf.guard.send(&call).await.map_err(|error| ToolError::of_fetch(PROVIDER, &error))?;
        read(&self.checked(page).await?)
    }

    /// What the provider answers to the POST that books.
    pub(crate) async fn post_once<T: DeserializeOwned>(&self, call: &str, body: &Value) -> Result<T, ToolError> {
        let call = self.posting(call, body)?;
        let unknown = |text: String| ToolError::unknown(format!("{PROVIDER} may have booked or not: {text}"));
        match self.golf.guard.send(&call).await {
            Err(error) if error.may_have_arrived() => Err(unknown(error.to_string())),
            Err(error) => Err(ToolError::of_fetch(PROVIDER, &error)),
            Ok(page) if page.status.is_server_error() => Err(unknown(format!("it answered {}", page.status))),
            Ok(page) => {
                let page = self.checked(page).await?;
                serde_json::from_slice(&page.body).map_err(|_| unknown("its answer cannot be read".to_owned()))
            }
        }
    }

    fn posting(&self, call: &str, body: &Value) -> Result<Call, ToolError> {
        self.identified(Call::post(self.course.api(call), "application/json", body.to_string()))
    }

    /// With the headers that the provider wants. Only its own host gets them.
    fn identified(&self, call: Call) -> Result<Call, ToolError> {
        let host = self.course.host;
        let mut call = call
            .header(header::USER_AGENT, HeaderValue::from_static(USER_AGENT))
            .header(HeaderName::from_static("x-componentid"), HeaderValue::from_static("1"));
        let bearer = Credential::bearer(&self.token);
        let named = [("client-id", &self.client_id), ("x-websiteid", &self.website_id)];
        for (name, value) in named.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))) {
            call =
                Credential::api_key(name, value).and_then(|header| header.of_call(call, host)).map_err(unsendable)?;
        }
        bearer.of_call(call, host).map_err(unsendable)
    }

    /// A token that is refused is forgotten: the next attempt signs in anew.
    async fn checked(&self, page: Page) -> Result<Page, ToolError> {
        match page.status {
            status if status.is_success() => Ok(page),
            StatusCode::UNAUTHORIZED => {
                self.golf.oauth.forget(&self.token).await;
                Err(ToolError::passing(format!("{PROVIDER} does not take its own token any more; try again")))
            }
            status => Err(ToolError::of_status(PROVIDER, status)),
        }
    }
}

/// An answer as JSON.
pub(crate) fn read<T: DeserializeOwned>(page: &Page) -> Result<T, ToolError> {
    let garbage = |_| ToolError::passing(format!("the answer of {PROVIDER} cannot be read; try again later"));
    serde_json::from_slice(&page.body).map_err(garbage)
}

fn unsendable(error: oauth::NotAHeader) -> ToolError {
    ToolError::new(error.to_string())
}
