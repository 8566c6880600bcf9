//! `get_weather_forecast`: the forecast of the National Weather Service of the United States (api.weather.gov), which needs no key.

use std::time::Duration;

use functions_content::LONGEST;
use http::{StatusCode, header};
use http_guard::{AllowedHosts, Guard, Limits, Page};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::action::{Action, Need, Running, Services};
use crate::parameters::{Arguments, Kind, Parameter};
use crate::tool_error::ToolError;
use crate::user_agent::USER_AGENT;

const LATITUDE: &str = "latitude";
const LONGITUDE: &str = "longitude";
const DAYS: &str = "days";

pub(crate) static ACTION: Action = Action {
    name: "get_weather_forecast",
    aliases: &["get_weather"],
    description: "The weather forecast for a place in the United States, for each day and night of the next days.",
    tags: &["weather"],
    needs: Need::Nothing,
    changes: false,
    parameters: &[
        Parameter::required(LATITUDE, Kind::Number { min: -90.0, max: 90.0 }, "Degrees north."),
        Parameter::required(LONGITUDE, Kind::Number { min: -180.0, max: 180.0 }, "Degrees east; negative in America."),
        Parameter::optional(DAYS, Kind::Integer { min: 1, max: 7 }, "How many days; 3 if left out."),
    ],
    run,
};

pub(crate) const LIMITS: Limits = Limits { bytes: 1 << 20, time: Duration::from_secs(15), redirects: 2 };

const HOST: &str = "api.weather.gov";
const DEFAULT_DAYS: usize = 3;

/// A day and a night.
const PERIODS_OF_A_DAY: usize = 2;

const HEADERS: [(header::HeaderName, &str); 2] =
    [(header::USER_AGENT, USER_AGENT), (header::ACCEPT, "application/geo+json")];

/// Where a place's forecast is.
#[derive(Deserialize)]
struct Point {
    properties: PointProperties,
}

#[derive(Deserialize)]
struct PointProperties {
    forecast: String,
}

/// A forecast. Of its fields, those that say something.
#[derive(Deserialize)]
struct Forecast {
    properties: ForecastProperties,
}

#[derive(Deserialize)]
struct ForecastProperties {
    periods: Vec<Period>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Period {
    name: String,
    start_time: String,
    temperature: f64,
    temperature_unit: String,
    wind_speed: String,
    wind_direction: String,
    short_forecast: String,
    detailed_forecast: String,
}

/// The only host that is asked, wherever it says that the forecast is.
pub(crate) fn hosts() -> AllowedHosts {
    HOST.parse().expect("BUG: a host")
}

fn run(services: &Services, arguments: Arguments) -> Running<'_> {
    Box::pin(async move {
        let place = (arguments.number(LATITUDE), arguments.number(LONGITUDE));
        let days = arguments.integer(DAYS).unwrap_or(DEFAULT_DAYS);
        let point: Point = ask(&services.weather, &point_url(place)).await?;
        forecast_at(services, &point.properties.forecast, days).await
    })
}

/// The forecast at an address of the weather service (`https://api.weather.gov/gridpoints/TOP/31,80/forecast`).
///
/// # Errors
/// Why there is none, in words.
pub async fn forecast_at(services: &Services, url: &str, days: usize) -> Result<String, ToolError> {
    let forecast: Forecast = ask(&services.weather, url).await?;
    let periods: Vec<_> = forecast.properties.periods.into_iter().take(days * PERIODS_OF_A_DAY).collect();
    Ok(report(&periods))
}

/// The service answers with redirects to more than four decimals, and to zeros at the end.
fn point_url((latitude, longitude): (f64, f64)) -> String {
    let spelt = |degrees: f64| ((degrees * 1e4).round() / 1e4 + 0.0).to_string();
    format!("https://{HOST}/points/{},{}", spelt(latitude), spelt(longitude))
}

async fn ask<T: DeserializeOwned>(service: &Guard, url: &str) -> Result<T, ToolError> {
    let page = service.get(url, &HEADERS).await;
    let page = page.map_err(|error| ToolError::of_fetch("no forecast from the weather service", &error))?;
    check(&page)?;
    serde_json::from_slice(&page.body)
        .map_err(|_| ToolError::passing("the weather service's answer is not a forecast; try again later"))
}

fn check(page: &Page) -> Result<(), ToolError> {
    match page.status {
        status if status.is_success() => Ok(()),
        StatusCode::NOT_FOUND => Err(ToolError::new(format!(
            "there is no forecast for `{LATITUDE}` and `{LONGITUDE}`: the service knows the United States and its waters only"
        ))),
        status => Err(ToolError::of_status("the weather service", status)),
    }
}

/// With the details of every period if a model can carry them, else without.
fn report(periods: &[Period]) -> String {
    let detailed = join(periods, Period::detailed);
    if detailed.len() <= LONGEST { detailed } else { join(periods, Period::short) }
}

fn join(periods: &[Period], line: impl Fn(&Period) -> String) -> String {
    periods.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl Period {
    fn short(&self) -> String {
        let Self { temperature, temperature_unit, wind_speed, wind_direction, short_forecast, .. } = self;
        format!(
            "{}: {short_forecast}, {temperature} °{temperature_unit}, wind {wind_speed} {wind_direction}",
            self.heading()
        )
    }

    fn detailed(&self) -> String {
        format!("{}. {}", self.short(), self.detailed_forecast)
    }

    /// `Tonight (2026-11-21)`.
    fn heading(&self) -> String {
        let (day, _) = self.start_time.split_once('T').unwrap_or((&self.start_time, ""));
        format!("{} ({day})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_spelt_as_the_service_does() {
        let cases = [
            ((39.7456, -97.0892), "39.7456,-97.0892"),
            ((39.745_612_3, -97.10), "39.7456,-97.1"),
            ((-0.000_01, 180.0), "0,180"),
        ];
        for (place, spelt) in cases {
            assert_eq!(point_url(place), format!("https://api.weather.gov/points/{spelt}"));
        }
    }
}
