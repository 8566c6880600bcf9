//! The weather service's exchange, as it documents it, and what may go wrong with it.

use serde_json::{Value, json};

use crate::site::{Asked, Reply, Site, page, status};
use crate::world::World;

const HOST: &str = "api.weather.gov";

/// A function and the weather service's stand-in.
async fn forecaster(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> (World, Site, crate::world::Function) {
    let world = World::new(|_| status(404)).await;
    let service = Site::start(&world.authority, HOST, answer).await;
    let endpoints = service.named(HOST);
    let function =
        world.function_with([("TEST_ENDPOINTS", endpoints.as_str()), ("AGENT_CONTEXT_TABLE", "AgentContext-test")]);
    (world, service, function)
}

fn service(asked: &Asked) -> Reply {
    let answer = match asked.path.as_str() {
        "/points/39.7456,-97.0892" => json!({"properties": {
            "gridId": "TOP", "gridX": 32, "gridY": 81,
            "forecast": "https://api.weather.gov/gridpoints/TOP/32,81/forecast",
            "forecastHourly": "https://api.weather.gov/gridpoints/TOP/32,81/forecast/hourly",
        }}),
        "/gridpoints/TOP/32,81/forecast" => json!({"properties": {
            "updated": "2026-11-21T10:00:00+00:00",
            "periods": (1..=14).map(period).collect::<Vec<_>>(),
        }}),
        _ => return status(404),
    };
    page("application/geo+json", answer.to_string())
}

fn period(number: u32) -> Value {
    let is_day = number % 2 == 1;
    let day = 21 + (number - 1) / 2;
    json!({
        "number": number, "name": if is_day { "Day" } else { "Night" },
        "startTime": format!("2026-11-{day}T{}:00:00-06:00", if is_day { "06" } else { "18" }),
        "endTime": format!("2026-11-{day}T18:00:00-06:00"),
        "isDaytime": is_day, "temperature": 40 + number, "temperatureUnit": "F",
        "windSpeed": "5 to 10 mph", "windDirection": "NW", "shortForecast": "Mostly Sunny",
        "detailedForecast": "Mostly sunny, with a high near 50. Northwest wind 5 to 10 mph, with gusts as high as 20 mph. \
            Chance of precipitation is 20%. New rainfall amounts less than a tenth of an inch possible.",
    })
}

#[tokio::test]
async fn a_forecast_is_one_line_a_day_and_one_a_night() {
    let (_world, service, function) = forecaster(service).await;
    let input = json!({"latitude": 39.74561, "longitude": -97.0892, "days": 1});
    let text = function.text("get_weather_forecast", input).await;
    let first = "Day (2026-11-21): Mostly Sunny, 41 °F, wind 5 to 10 mph NW. Mostly sunny, with a high near 50.";
    assert!(text.starts_with(first) && text.contains("\nNight (2026-11-21): Mostly Sunny, 42 °F"), "{text}");
    let asked = service.asked();
    let paths: Vec<_> = asked.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(paths, ["/points/39.7456,-97.0892", "/gridpoints/TOP/32,81/forecast"]);
    for asked in &asked {
        assert!(asked.headers["user-agent"].to_str().expect("text").starts_with("lrap-tool/"));
        assert_eq!(asked.headers["accept"], "application/geo+json");
    }
}

#[tokio::test]
async fn a_week_is_short_enough_to_be_read_whole() {
    let (world, _service, function) = forecaster(service).await;
    for days in 1..=7 {
        let input = json!({"latitude": 39.7456, "longitude": -97.0892, "days": days});
        let text = function.text("get_weather_forecast", input).await;
        assert_eq!(text.lines().count(), days * 2);
        assert!(text.len() <= 2048, "{} bytes", text.len());
    }
    assert_eq!(world.table.items().await.expect("items").len(), 0);
}

#[tokio::test]
async fn what_goes_wrong_is_said() {
    type Answer = fn(&Asked) -> Reply;
    let cases: [(Answer, &str); 6] = [
        (|_| status(404), "the service knows the United States and its waters only"),
        (|_| status(503), "the weather service answered 503 Service Unavailable; try again later"),
        (|_| page("text/html", "<h1>Maintenance</h1>"), "answer is not a forecast"),
        (|_| page("application/geo+json", r#"{"properties": {}}"#), "answer is not a forecast"),
        (
            |_| page("application/geo+json", r#"{"properties": {"forecast": "https://documents.test/"}}"#),
            "`documents.test` is not among the hosts",
        ),
        (
            |_| page("application/geo+json", r#"{"properties": {"forecast": "https://169.254.169.254/"}}"#),
            "its host is the IP address",
        ),
    ];
    for (answer, reason) in cases {
        let (world, _service, function) = forecaster(answer).await;
        let error = function.error("get_weather_forecast", json!({"latitude": 51.5, "longitude": -0.1})).await;
        assert!(error.contains(reason), "{error}");
        assert_eq!(world.site.connections(), 0);
    }
}

/// `ALLOWED_HOSTS` is about what models choose, and they do not choose this one.
#[tokio::test]
async fn the_list_of_hosts_is_not_the_weather_services() {
    let world = World::new(|_| status(404)).await;
    let service = Site::start(&world.authority, HOST, service).await;
    let endpoints = service.named(HOST);
    let function = world.function_with([("TEST_ENDPOINTS", endpoints.as_str()), ("ALLOWED_HOSTS", "documents.test")]);
    let input = json!({"latitude": 39.7456, "longitude": -97.0892});
    assert_eq!(function.text("get_weather_forecast", input).await.lines().count(), 6);
}
