//! Forecasts.

use records::ResultStatus;
use serde_json::json;
use stand_ins::NOAA;

use crate::world::World;

#[tokio::test]
async fn a_forecast_is_stored_for_three_days_and_told() {
    let world = World::new().await;
    let url = "https://api.weather.gov/gridpoints/TOP/31,80/forecast";
    let result = world.done(json!({ "action": "weather", "url": url, "days": 1 }), json!({})).await;
    assert_eq!(
        (result.status, result.action.as_str(), result.url.as_deref()),
        (ResultStatus::Completed, "weather", Some(url))
    );
    let body = result.response_body.expect("a body");
    assert_eq!(body.lines().count(), 2, "{body}");
    let created: jiff::Timestamp = result.created_date.parse().expect("a moment");
    assert_eq!(result.ttl, created.as_second() + 3 * 24 * 3600);
    let told = world.steps.published().remove(0);
    assert_eq!((&told.payload["title"], &told.payload["result_id"]), (&json!("weather: done"), &json!(result.id)));
    assert_eq!(told.payload["message"], body);
    let asked = world.stand_ins.record().of(NOAA).remove(0);
    assert!(asked.headers["user-agent"].starts_with("lrap-tool/"), "{asked:?}");
}

#[tokio::test]
async fn a_place_is_looked_up() {
    let world = World::new().await;
    let place = json!({ "latitude": 39.7456, "longitude": -97.0892 });
    let result = world.done(json!({ "action": "weather" }), place).await;
    assert_eq!(result.status, ResultStatus::Completed, "{result:?}");
    assert_eq!(world.asked_for(NOAA), 2);
}

/// Also the services that actions choose by themselves: a list names all hosts, or there are none.
#[tokio::test]
async fn what_is_not_in_the_list_of_hosts_is_not_asked() {
    for hosts in ["", "api.example.test"] {
        let world = World::new().await;
        let actions = [
            (json!({ "action": "weather", "url": "https://api.weather.gov/gridpoints/TOP/31,80/forecast" }), json!({})),
            (json!({ "action": "golf", "courseID": 1 }), json!({ "operation": "fetch_reservations" })),
            (json!({ "action": "http", "url": "https://birdsfoot.cps.golf/" }), json!({})),
        ];
        for (payload, arguments) in actions {
            let message = World::unsaved(payload, arguments);
            world.save(&message).await;
            let response = world.batch(&world.function_with(hosts), &[(json!(message).to_string(), 1)]).await;
            assert_eq!(response, json!({ "batchItemFailures": [] }));
            let reason = world.result_of(&message).await.expect("a result").error_message.expect("a reason");
            assert!(reason.contains("is not among the hosts"), "{reason}");
        }
        assert_eq!(world.asked().len(), 0);
    }
}

/// A weather service's URL must be the weather service's.
#[tokio::test]
async fn a_forecast_comes_from_the_weather_service_only() {
    let world = World::new().await;
    let result =
        world.done(json!({ "action": "weather", "url": "https://api.example.test/forecast" }), json!({})).await;
    assert!(result.error_message.expect("a reason").contains("is not among the hosts"));
    assert_eq!(world.api.connections(), 0);
}
