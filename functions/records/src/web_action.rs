//! The payload of a message of the type `web_action`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a web action does: `{"version": "1.0", "action": "weather", "url": "https://api.weather.gov/..."}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebActionPayload {
    /// [`crate::SCHEMA_VERSION`].
    #[serde(default = "version")]
    pub version: String,
    /// Which handler.
    pub action: WebAction,
    /// What is requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Of `http`: `GET` (the default) or `POST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Of a `POST`: text as it is, anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Which golf course: 1 or 2.
    #[serde(default, rename = "courseID", skip_serializing_if = "Option::is_none")]
    pub course_id: Option<u32>,
    /// 1 to 4.
    #[serde(default, rename = "numberOfPlayers", skip_serializing_if = "Option::is_none")]
    pub number_of_players: Option<u32>,
    /// Of a forecast: 1 to 7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// The most results that are given back.
    #[serde(default, rename = "maxResults", skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// Whether the first tee time that fits is booked.
    #[serde(default, rename = "autoBook", skip_serializing_if = "Option::is_none")]
    pub auto_book: Option<bool>,
    /// `YYYY-MM-DDTHH:MM:SS`, on the clock of the course.
    #[serde(default, rename = "startSearchTime", skip_serializing_if = "Option::is_none")]
    pub start_search_time: Option<String>,
    /// `YYYY-MM-DDTHH:MM:SS`, on the clock of the course.
    #[serde(default, rename = "endSearchTime", skip_serializing_if = "Option::is_none")]
    pub end_search_time: Option<String>,
    /// Which tee time to book.
    #[serde(default, rename = "teeSheetID", skip_serializing_if = "Option::is_none")]
    pub tee_sheet_id: Option<u64>,
    /// How the request is authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_config: Option<AuthConfig>,
    /// Whether a person is notified of the result. True unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<bool>,
}

fn version() -> String {
    crate::SCHEMA_VERSION.to_owned()
}

/// The handler of a web action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum WebAction {
    Weather,
    Golf,
    Http,
}

impl WebAction {
    /// As payloads spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Weather => "weather",
            Self::Golf => "golf",
            Self::Http => "http",
        }
    }
}

/// How a request is authenticated. What is secret is in Secrets Manager, under `secret_name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthConfig {
    /// The way.
    #[serde(rename = "type")]
    pub kind: AuthType,
    /// The secret with the credentials: a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// Where a token is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// Where the keys are that a token is verified with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// Which scope is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Headers that are sent with the request; none of them is secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// A way to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthType {
    /// No credentials.
    None,
    /// OAuth 2.0, password grant (RFC 6749, section 4.3).
    OauthPassword,
    /// OAuth 2.0, client credentials grant (RFC 6749, section 4.4).
    OauthClientCredentials,
    /// A key in a header.
    ApiKey,
    /// A token that does not change.
    Bearer,
}
