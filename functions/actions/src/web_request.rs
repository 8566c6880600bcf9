//! A request to a web API, with credentials from a secret. The secret itself names the hosts to which they may go: those who ask name
//! both a secret and a URL, and must not be able to send the one to the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use functions_shared::Clock;
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use http_guard::{AllowedHosts, Call, Guard, Limits, Network, Target};
use oauth::{Credential, Grant, Issuer, OAuth};
use secrets::{Secret, SecretError, Secrets};
use serde_json::{Map, Value};

use crate::tool_error::ToolError;
use crate::user_agent::USER_AGENT;

/// The key of a secret that names the hosts to which its credentials may go.
const HOSTS: &str = "hosts";

/// Headers that say where a request ends or which way it goes. Only the guard writes them.
const FRAMING: [&str; 9] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is requested.
#[derive(Debug, Clone, PartialEq)]
pub struct WebRequest {
    /// Where.
    pub url: String,
    /// With a body it is a POST: a text as it is, anything else as JSON.
    pub body: Option<Value>,
    /// Headers, none of which is secret.
    pub headers: BTreeMap<String, String>,
    /// In whose name.
    pub authentication: Authentication,
}

/// How a request says who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// It does not.
    None,
    /// A token for `username` and `password` of a secret.
    Password(TokenSource),
    /// A token for `client_id` and `client_secret` of a secret.
    ClientCredentials(TokenSource),
    /// `api_key` of the secret of this name, in the header that its `header` names, or in `X-Api-Key`.
    ApiKey(String),
    /// `token` of the secret of this name.
    Bearer(String),
}

/// Where a token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSource {
    /// The secret's name.
    pub secret: String,
    /// Where it is asked for.
    pub token_url: String,
    /// Where the keys are by which it is verified, if it is a JWT; `issuer` and `audience` are in the secret.
    pub jwks_url: Option<String>,
    /// What it is asked for.
    pub scope: Option<String>,
}

/// What a server answered, whatever the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAnswer {
    /// Where it was found in the end.
    pub url: String,
    /// Its status.
    pub status: StatusCode,
    /// The whole body.
    pub body: Bytes,
}

/// Sends requests. Built once: it remembers tokens and keys.
#[derive(Debug)]
pub struct WebRequests {
    guard: Guard,
    oauth: OAuth,
    secrets: Arc<Secrets>,
}

impl WebRequests {
    /// To these hosts, also for tokens.
    pub fn new(network: &Network, allowed: AllowedHosts, limits: Limits, secrets: Arc<Secrets>, clock: Clock) -> Self {
        let guard = Guard::new(network.clone(), allowed, limits);
        Self { oauth: OAuth::new(guard.clone(), clock), guard, secrets }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// Why there is no answer; or, if [`ToolError::is_unknown`], that a POST may have arrived.
    pub async fn send(&self, request: &WebRequest) -> Result<WebAnswer, ToolError> {
        let call = self.authenticated(call(request)?, request).await?;
        match self.guard.send(&call).await {
            Ok(page) => Ok(WebAnswer { url: page.url, status: page.status, body: page.body }),
            Err(error) if request.body.is_some() && error.may_have_arrived() => {
                Err(ToolError::unknown(format!("the request may have arrived or not: {error}")))
            }
            Err(error) => Err(ToolError::of_fetch("`url`", &error)),
        }
    }

    async fn authenticated(&self, call: Call, request: &WebRequest) -> Result<Call, ToolError> {
        let Some((secret, credential)) = self.credential(&request.authentication).await? else { return Ok(call) };
        let host = self.host_for(secret, &request.url).await?;
        credential.of_call(call, &host).map_err(|error| ToolError::new(error.to_string()))
    }

    /// A credential, and the name of the secret that it comes from.
    async fn credential<'a>(&self, by: &'a Authentication) -> Result<Option<(&'a str, Credential)>, ToolError> {
        Ok(match by {
            Authentication::None => None,
            Authentication::Password(source) => {
                Some((source.secret.as_str(), self.token(source, self.password(source).await?).await?))
            }
            Authentication::ClientCredentials(source) => {
                Some((source.secret.as_str(), self.token(source, self.client(source).await?).await?))
            }
            Authentication::ApiKey(secret) => Some((secret.as_str(), self.api_key(secret).await?)),
            Authentication::Bearer(secret) => {
                Some((secret.as_str(), Credential::bearer(&self.secrets.key(secret, "token").await?)))
            }
        })
    }

    async fn password(&self, source: &TokenSource) -> Result<Grant, ToolError> {
        Ok(Grant::Password {
            username: self.secrets.key(&source.secret, "username").await?,
            password: self.secrets.key(&source.secret, "password").await?,
            client_id: self.optional(&source.secret, "client_id").await?,
            client_secret: self.optional(&source.secret, "client_secret").await?,
            scope: source.scope.clone(),
        })
    }

    async fn client(&self, source: &TokenSource) -> Result<Grant, ToolError> {
        Ok(Grant::ClientCredentials {
            client_id: self.secrets.key(&source.secret, "client_id").await?,
            client_secret: self.secrets.key(&source.secret, "client_secret").await?,
            scope: source.scope.clone(),
        })
    }

    async fn api_key(&self, secret: &str) -> Result<Credential, ToolError> {
        let header = self.optional(secret, "header").await?;
        let header = header.as_ref().map_or("x-api-key", Secret::expose);
        let key = self.secrets.key(secret, "api_key").await?;
        Credential::api_key(header, key).map_err(|error| ToolError::new(error.to_string()))
    }

    /// A token, which is verified if its keys are named.
    async fn token(&self, source: &TokenSource, grant: Grant) -> Result<Credential, ToolError> {
        self.host_for(&source.secret, &source.token_url).await?;
        let token = self.oauth.token(&source.token_url, &grant).await?;
        if let Some(jwks_url) = &source.jwks_url {
            let text =
                async |key| Ok::<_, SecretError>(self.secrets.key(&source.secret, key).await?.expose().to_owned());
            let (name, audience) = (text("issuer").await?, text("audience").await?);
            let issuer = Issuer { jwks_url: jwks_url.clone(), name, audience, must_name_key: false };
            self.oauth.verified::<Map<String, Value>>(token.expose(), &issuer).await?;
        }
        Ok(Credential::bearer(&token))
    }

    /// The host of a URL, if the secret names it.
    async fn host_for(&self, secret: &str, url: &str) -> Result<String, ToolError> {
        let hosts = self.secrets.key(secret, HOSTS).await?;
        let hosts = AllowedHosts::listed(hosts.expose());
        let hosts =
            hosts.map_err(|_| ToolError::new(format!("`{HOSTS}` of the secret `{secret}` is not a list of hosts")))?;
        let target = Target::parse(url, &hosts);
        let refused = |error| ToolError::new(format!("the secret `{secret}` is not for this URL: {error}"));
        Ok(target.map_err(refused)?.host().to_owned())
    }

    async fn optional(&self, secret: &str, key: &str) -> Result<Option<Secret>, SecretError> {
        match self.secrets.key(secret, key).await {
            Ok(key) => Ok(Some(key)),
            Err(SecretError::NoSuchKey { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The request without credentials.
fn call(request: &WebRequest) -> Result<Call, ToolError> {
    let url = request.url.as_str();
    let call = match &request.body {
        None => Call::get(url),
        Some(Value::String(text)) => Call::post(url, "text/plain; charset=utf-8", text.clone()),
        Some(json) => Call::post(url, "application/json", json.to_string()),
    };
    let call = call.header(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    request.headers.iter().try_fold(call, |call, (name, value)| {
        let (name, value) = header_of(name, value).ok_or_else(|| not_a_header(name))?;
        Ok(call.header(name, value))
    })
}

fn header_of(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::try_from(name).ok().filter(|name| !FRAMING.contains(&name.as_str()))?;
    Some((name, HeaderValue::from_str(value).ok()?))
}

fn not_a_header(name: &str) -> ToolError {
    let name: String = name.chars().take(40).collect();
    ToolError::new(format!("`auth_config.headers`: `{}` cannot be sent", name.escape_debug()))
}
