//! What a message asks for, out of its payload and its arguments: pure, with a reason that names the field.

use actions::golf::{Booking, Search};
use actions::{Authentication, TokenSource, ToolError, WebRequest};
use records::{AuthConfig, AuthType, Message, WebAction, WebActionPayload};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// How many periods of a forecast are given when nobody says.
const DEFAULT_DAYS: u32 = 3;
const DEFAULT_PLAYERS: u32 = 4;
const DEFAULT_RESULTS: u32 = 10;

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Task {
    /// The forecast at an address of the weather service.
    Forecast { url: String, days: usize },
    /// A tool of the table that may be called twice.
    Tool { name: &'static str, input: Map<String, Value> },
    /// Tee times; with a number of players, the first of them is booked.
    TeeTimes { search: Search, book: Option<Booking> },
    /// A tee time that is booked.
    Book(Booking),
    /// A request to a web API.
    Request(WebRequest),
}

/// The payload of a message.
///
/// # Errors
/// Names the field.
pub(crate) fn payload(message: &Message) -> Result<WebActionPayload, ToolError> {
    WebActionPayload::deserialize(&message.payload)
        .map_err(|error| ToolError::new(format!("payload: {}", functions_shared::Failure::invalid_event(&error))))
}

impl Task {
    /// What a message with this payload asks for.
    ///
    /// # Errors
    /// Names the field.
    pub(crate) fn of(payload: &WebActionPayload, message: &Message) -> Result<Self, ToolError> {
        match payload.action {
            WebAction::Weather => forecast(payload, message),
            WebAction::Golf => golf(payload, message),
            WebAction::Http => request(payload, message).map(Self::Request),
        }
    }

    /// Whether its request must not be sent twice.
    pub(crate) fn acts_once(&self) -> bool {
        match self {
            Self::Forecast { .. } | Self::Tool { .. } => false,
            Self::TeeTimes { book, .. } => book.is_some(),
            Self::Book(_) => true,
            Self::Request(request) => request.body.is_some(),
        }
    }
}

fn missing(field: &str) -> ToolError {
    ToolError::new(format!("{field} is missing"))
}

fn forecast(payload: &WebActionPayload, message: &Message) -> Result<Task, ToolError> {
    let days = payload.days.unwrap_or(DEFAULT_DAYS);
    if !(1..=7).contains(&days) {
        return Err(ToolError::new("payload.days is not a whole number from 1 to 7"));
    }
    if let Some(url) = payload.url.clone() {
        return Ok(Task::Forecast { url, days: days as usize });
    }
    let place = ["latitude", "longitude"].map(|name| message.arguments.get(name).cloned());
    let [Some(latitude), Some(longitude)] = place else { return Err(missing("payload.url")) };
    let input = json!({ "latitude": latitude, "longitude": longitude, "days": days });
    Ok(tool("get_weather_forecast", input))
}

fn tool(name: &'static str, input: Value) -> Task {
    let Value::Object(input) = input else { unreachable!("BUG: an object was written here") };
    Task::Tool { name, input }
}

fn golf(payload: &WebActionPayload, message: &Message) -> Result<Task, ToolError> {
    let course = payload.course_id.ok_or_else(|| missing("payload.courseID"))?;
    match message.arguments.get("operation").and_then(Value::as_str) {
        Some("search_tee_times") => tee_times(course, payload),
        Some("book_tee_time") => {
            let tee_sheet_id = payload.tee_sheet_id.ok_or_else(|| missing("payload.teeSheetID"))?;
            Ok(Task::Book(Booking { course, tee_sheet_id, players: players(payload)? }))
        }
        Some("fetch_reservations") => Ok(tool("golf_fetch_reservations", json!({ "course_id": course }))),
        Some(_) => {
            Err(ToolError::new("arguments.operation is not search_tee_times, book_tee_time or fetch_reservations"))
        }
        None => Err(missing("arguments.operation")),
    }
}

fn tee_times(course: u32, payload: &WebActionPayload) -> Result<Task, ToolError> {
    let start = payload.start_search_time.as_deref().ok_or_else(|| missing("payload.startSearchTime"))?;
    let players = players(payload)?;
    let is_booked = payload.auto_book == Some(true);
    let most = if is_booked { 1 } else { payload.max_results.unwrap_or(DEFAULT_RESULTS) };
    let search = Search::new(course, players, start, most as usize)?;
    let from = start.contains('T').then_some(start);
    let search = search.between(from, payload.end_search_time.as_deref())?;
    let book = is_booked.then_some(Booking { course, tee_sheet_id: 0, players });
    Ok(Task::TeeTimes { search, book })
}

fn players(payload: &WebActionPayload) -> Result<u32, ToolError> {
    let players = payload.number_of_players.unwrap_or(DEFAULT_PLAYERS);
    let fits = (1..=4).contains(&players);
    if fits { Ok(players) } else { Err(ToolError::new("payload.numberOfPlayers is not a whole number from 1 to 4")) }
}

fn request(payload: &WebActionPayload, message: &Message) -> Result<WebRequest, ToolError> {
    let url = payload.url.clone().ok_or_else(|| missing("payload.url"))?;
    let body = match (payload.method.as_deref(), &payload.body) {
        (None | Some("GET"), None) => None,
        (Some("POST"), None) => Some(Value::String(String::new())),
        (None | Some("POST"), Some(body)) => Some(body.clone()),
        _ => return Err(ToolError::new("payload.method is not GET without a body, or POST")),
    };
    let auth = auth_config(payload, message)?;
    let headers = auth.as_ref().map(|auth| auth.headers.clone()).unwrap_or_default();
    let authentication = auth.map_or(Ok(Authentication::None), authentication)?;
    Ok(WebRequest { url, body, headers, authentication })
}

/// The payload's, or else the message's.
fn auth_config(payload: &WebActionPayload, message: &Message) -> Result<Option<AuthConfig>, ToolError> {
    let of_message = || message.auth_config.as_ref().map(AuthConfig::deserialize).transpose();
    let unreadable = |_| {
        ToolError::new(
            "auth_config is not one: `type` is none, oauth_password, oauth_client_credentials, api_key or bearer",
        )
    };
    payload.auth_config.clone().map_or_else(|| of_message().map_err(unreadable), |auth| Ok(Some(auth)))
}

fn authentication(auth: AuthConfig) -> Result<Authentication, ToolError> {
    Ok(match auth.kind {
        AuthType::None => Authentication::None,
        AuthType::OauthPassword => Authentication::Password(source(auth)?),
        AuthType::OauthClientCredentials => Authentication::ClientCredentials(source(auth)?),
        AuthType::ApiKey => Authentication::ApiKey(secret(auth.secret_name)?),
        AuthType::Bearer => Authentication::Bearer(secret(auth.secret_name)?),
    })
}

fn secret(name: Option<String>) -> Result<String, ToolError> {
    name.ok_or_else(|| missing("auth_config.secret_name"))
}

fn source(auth: AuthConfig) -> Result<TokenSource, ToolError> {
    let token_url = auth.token_url.ok_or_else(|| missing("auth_config.token_url"))?;
    Ok(TokenSource { secret: secret(auth.secret_name)?, token_url, jwks_url: auth.jwks_url, scope: auth.scope })
}
