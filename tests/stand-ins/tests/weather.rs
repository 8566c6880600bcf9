//! NOAA as the functions ask it: by HTTPS, at its real name, through the guard.

use http::header::USER_AGENT;
use http_guard::{AllowedHosts, Guard, Limits, Network};
use serde_json::Value;
use stand_ins::{NOAA, StandIns};
use std::time::Duration;

fn guard(services: &StandIns) -> Guard {
    let variables = services.variables();
    let lookup = |name: &'static str| Some(variables.iter().find(|(known, _)| *known == name)?.1.clone());
    let limits = Limits { bytes: 1 << 20, time: Duration::from_secs(30), redirects: 0 };
    Guard::new(Network::from_variables(lookup).unwrap(), AllowedHosts::AnyPublic, limits)
}

#[tokio::test]
async fn a_place_leads_to_the_forecast_of_its_grid() {
    let services = StandIns::start().await.unwrap();
    let (guard, headers) = (guard(&services), [(USER_AGENT, "test")]);
    let point = guard.get("https://api.weather.gov/points/39.7456,-97.0892", &headers).await.unwrap();
    let point: Value = serde_json::from_slice(&point.body).unwrap();
    let forecast = guard.get(point["properties"]["forecast"].as_str().unwrap(), &headers).await.unwrap();
    let forecast: Value = serde_json::from_slice(&forecast.body).unwrap();
    let periods = forecast["properties"]["periods"].as_array().unwrap();
    assert_eq!(
        (periods.len(), &periods[1]["name"], &periods[1]["isDaytime"]),
        (14, &"Tuesday Night".into(), &false.into())
    );
    assert_eq!(services.record().of(NOAA).len(), 2);
}

#[tokio::test]
async fn nobody_without_a_name_and_no_place_abroad_is_answered() {
    let services = StandIns::start().await.unwrap();
    let guard = guard(&services);
    let nameless = guard.get("https://api.weather.gov/points/39.7456,-97.0892", &[]).await.unwrap();
    let abroad = guard.get("https://api.weather.gov/points/50.1,8.6", &[(USER_AGENT, "test")]).await.unwrap();
    assert_eq!((nameless.status.as_u16(), abroad.status.as_u16()), (403, 404));
}
