//! NOAA's weather service: the grid of a place in the United States, and the forecast of a grid.
//!
//! The shapes are those of <https://www.weather.gov/documentation/services-web-api>.

use crate::service::Service;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

/// Its name in records and scripts.
pub const NOAA: &str = "noaa";
const HOST: &str = "api.weather.gov";
/// Of the week that begins on the first of December 2026.
const DAYS: [&str; 7] = ["Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "Monday"];

pub(crate) fn service() -> Service {
    let router = Router::new().route("/points/{place}", get(points));
    let router = router.route("/gridpoints/{office}/{place}/forecast", get(forecast));
    Service { name: NOAA.to_owned(), hosts: &[HOST], below: "", router }
}

async fn points(Path(place): Path<String>, headers: HeaderMap) -> Response {
    if !headers.contains_key(USER_AGENT) {
        return nameless();
    }
    match place.split_once(',').map(|(latitude, longitude)| (latitude.parse(), longitude.parse())) {
        Some((Ok(latitude), Ok(longitude))) if is_in_america(latitude, longitude) => geo(&grid(&place)),
        _ => problem(StatusCode::NOT_FOUND, "Data Unavailable For Requested Point"),
    }
}

async fn forecast(Path((office, place)): Path<(String, String)>, headers: HeaderMap) -> Response {
    if !headers.contains_key(USER_AGENT) {
        return nameless();
    }
    let periods: Vec<_> = (1..=2 * DAYS.len()).map(period).collect();
    geo(&json!({
        "type": "Feature",
        "properties": {
            "units": "us",
            "forecastGenerator": "BaselineForecastGenerator",
            "generatedAt": "2026-11-29T15:00:00+00:00",
            "updated": "2026-11-29T14:42:12+00:00",
            "elevation": { "unitCode": "wmoUnit:m", "value": 271.5 },
            "office": office,
            "grid": place,
            "periods": periods,
        }
    }))
}

/// Of the mainland.
fn is_in_america(latitude: f64, longitude: f64) -> bool {
    (24.0..50.0).contains(&latitude) && (-125.0..-66.0).contains(&longitude)
}

fn grid(place: &str) -> Value {
    let grid = format!("https://{HOST}/gridpoints/TOP/31,80");
    json!({
        "id": format!("https://{HOST}/points/{place}"),
        "type": "Feature",
        "properties": {
            "cwa": "TOP",
            "gridId": "TOP",
            "gridX": 31,
            "gridY": 80,
            "forecast": format!("{grid}/forecast"),
            "forecastHourly": format!("{grid}/forecast/hourly"),
            "timeZone": "America/Chicago",
        }
    })
}

/// Day and night alternately.
fn period(number: usize) -> Value {
    let (day, is_daytime) = ((number - 1) / 2, number % 2 == 1);
    let (night, temperature) = if is_daytime { ("", 52) } else { (" Night", 34) };
    json!({
        "number": number,
        "name": format!("{}{night}", DAYS[day]),
        "startTime": format!("2026-12-{:02}T{}:00:00-06:00", day + 1, if is_daytime { "06" } else { "18" }),
        "endTime": format!("2026-12-{:02}T{}:00:00-06:00", day + 1, if is_daytime { "18" } else { "23" }),
        "isDaytime": is_daytime,
        "temperature": temperature,
        "temperatureUnit": "F",
        "windSpeed": "5 to 10 mph",
        "windDirection": "SW",
        "shortForecast": "Partly Sunny",
        "detailedForecast": format!("Partly sunny, with a temperature near {temperature}. Southwest wind 5 to 10 mph."),
    })
}

fn geo(document: &Value) -> Response {
    ([(CONTENT_TYPE, "application/geo+json")], document.to_string()).into_response()
}

/// Without a `User-Agent` nobody is answered.
fn nameless() -> Response {
    problem(StatusCode::FORBIDDEN, "Forbidden")
}

fn problem(status: StatusCode, title: &str) -> Response {
    let body = json!({ "title": title, "status": status.as_u16(), "type": format!("https://{HOST}/problems/Error") });
    (status, Json(body)).into_response()
}
