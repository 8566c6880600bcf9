//! What agents' models read of a gateway's tools is what the gateway says, also after it says something else.

use crate::tools::{gateway, request};
use crate::world::World;
use registries::tools::digest;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const FORECAST: &str = "weather_get_forecast";
const FOLLOWED: &str = "the gateway describes it differently: update the agents' rows";

fn says(world: &World, text: &str) {
    let said = BTreeMap::from([("weather___getForecast".to_owned(), text.to_owned())]);
    *world.said.lock().unwrap() = Some(said);
}

/// The row of the forecast, whose digest must be of what it says.
async fn forecast(world: &World) -> Value {
    let row = world.agents_tools().await.remove(FORECAST).unwrap();
    let schema: Value = serde_json::from_str(row["input_schema"].as_str().unwrap()).unwrap();
    assert_eq!(row["remote_digest"], digest(row["description"].as_str().unwrap(), &schema));
    row
}

async fn actions(world: &World, path: &str) -> Vec<Value> {
    let (status, report) = world.ask("POST", path, Value::Null).await;
    assert_eq!((status, &report["complete"]), (200, &json!(true)), "{report}");
    report["actions"].as_array().unwrap().iter().map(|action| action["action"].clone()).collect()
}

#[tokio::test]
async fn a_new_tool_is_described_as_the_gateway_describes_it() {
    let world = World::start().await;
    let id = gateway(&world).await;
    says(&world, "Weather of the coming days");
    let (status, body) = world.ask("POST", "/tools/from-spec", request(&id)).await;
    assert_eq!((status, &body["status"]), (201, &json!("ACTIVE")), "{body}");
    let row = forecast(&world).await;
    assert_eq!((&row["description"], &row["status"]), (&json!("Weather of the coming days"), &json!("active")));
    assert_eq!(actions(&world, "/reconcile").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_gateway_that_describes_a_tool_otherwise_is_followed_by_a_reconciliation() {
    let world = World::start().await;
    let id = gateway(&world).await;
    world.ask("POST", "/tools/from-spec", request(&id)).await;
    let before = forecast(&world).await;
    assert_eq!(before["description"], "The forecast of a city");
    says(&world, "Weather of the coming days");
    assert_eq!(actions(&world, "/reconcile?dry_run=true").await, [FOLLOWED]);
    assert_eq!(forecast(&world).await, before);
    assert_eq!(actions(&world, "/reconcile").await, [FOLLOWED]);
    let row = forecast(&world).await;
    assert_eq!((&row["description"], &row["status"]), (&json!("Weather of the coming days"), &json!("active")));
    assert_eq!(actions(&world, "/reconcile").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_tool_of_a_gateway_that_does_not_list_it_is_active_and_asked_for_again() {
    let world = World::start().await;
    let id = gateway(&world).await;
    *world.said.lock().unwrap() = None;
    let (status, body) = world.ask("POST", "/tools/from-spec", request(&id)).await;
    assert_eq!((status, &body["status"]), (201, &json!("ACTIVE")), "{body}");
    assert_eq!(forecast(&world).await["description"], "The forecast of a city");
    assert_eq!(actions(&world, "/reconcile").await, ["none: the gateway does not list its tools"]);
    says(&world, "Weather of the coming days");
    assert_eq!(actions(&world, "/reconcile").await, [FOLLOWED]);
    assert_eq!(forecast(&world).await["description"], "Weather of the coming days");
}

#[tokio::test]
async fn agents_follow_a_gateway_that_asks_for_tokens_from_now_on() {
    let world = World::start().await;
    let id = gateway(&world).await;
    world.ask("POST", "/tools/from-spec", request(&id)).await;
    assert_eq!(forecast(&world).await["auth"], json!({"type": "none"}).to_string());
    let tokens =
        json!({"authorizer_type": "CUSTOM_JWT", "auth_config": {"user_pool_id": "eu-central-1_a", "client_id": "c"}});
    let (status, body) = world.ask("PUT", &format!("/gateways/{id}"), tokens).await;
    assert_eq!(status, 200, "{body}");
    let auth: Value = serde_json::from_str(forecast(&world).await["auth"].as_str().unwrap()).unwrap();
    let expected = json!({"type": "bearer", "secret_name": "/ai-agent/gateways/dev-golf", "secret_key": "token"});
    assert_eq!(auth, expected);
}
