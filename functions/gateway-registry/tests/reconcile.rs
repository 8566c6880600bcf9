//! Changes that came from elsewhere.

use crate::gateways::golf;
use crate::tools;
use crate::world::World;
use agentcore::Fault;
use serde_json::{Value, json};

/// A gateway that somebody made without the registry.
async fn foreign(world: &World, name: &str) {
    let body = json!({"name": name, "roleArn": "arn:aws:iam::123456789012:role/other", "authorizerType": "NONE"});
    world.by_hand("POST", "/gateways", body).await;
}

#[tokio::test]
async fn what_the_registry_did_not_make_is_never_touched() {
    let world = World::start().await;
    foreign(&world, "by-hand").await;
    let (_, report) = world.ask("POST", "/reconcile", Value::Null).await;
    assert_eq!((&report["actions"], report["complete"].clone()), (&json!([]), json!(true)));
    assert_eq!(world.agentcore.gateways().len(), 1);
}

#[tokio::test]
async fn a_gateway_deleted_by_hand_fails_its_row() {
    let world = World::start().await;
    let (_, made) = world.ask("POST", "/gateways", golf()).await;
    let id = made["agentcore"]["gatewayId"].as_str().unwrap();
    world.by_hand("DELETE", &format!("/gateways/{id}"), Value::Null).await;
    for _ in 0..2 {
        world.by_hand("GET", &format!("/gateways/{id}"), Value::Null).await;
    }
    let (_, report) = world.ask("POST", "/reconcile?dry_run=true", Value::Null).await;
    assert_eq!(
        (&report["actions"][0]["status"], world.gateway_row().await["status"].clone()),
        (&json!("FAILED"), json!("ACTIVE"))
    );
    world.ask("POST", "/reconcile", Value::Null).await;
    let row = world.gateway_row().await;
    assert_eq!(
        (&row["status"], &row["status_reasons"][0]),
        (&json!("FAILED"), &json!("AgentCore has no such gateway any more"))
    );
}

#[tokio::test]
async fn a_gateway_changed_by_hand_is_followed_by_its_row() {
    let world = World::start().await;
    let (_, made) = world.ask("POST", "/gateways", golf()).await;
    let id = made["agentcore"]["gatewayId"].as_str().unwrap();
    let change = json!({"name": "dev-golf", "description": "By hand", "authorizerType": "NONE",
        "roleArn": "arn:aws:iam::123456789012:role/other"});
    world.by_hand("PUT", &format!("/gateways/{id}"), change).await;
    world.by_hand("GET", &format!("/gateways/{id}"), Value::Null).await;
    world.ask("POST", "/reconcile", Value::Null).await;
    let metadata = world.gateway_row().await["metadata"].clone();
    assert_eq!((&metadata["description"], &metadata["authorizer_type"]), (&json!("By hand"), &json!("NONE")));
    let (_, report) = world.ask("POST", "/reconcile", Value::Null).await;
    assert_eq!(report["actions"], json!([]), "{report}");
}

#[tokio::test]
async fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let world = World::start().await;
    world.agentcore.fail("CreateGateway", Fault::Error("InternalServerException"));
    world.ask("POST", "/gateways", golf()).await;
    let before = world.gateway_row().await;
    let (_, report) = world.ask("POST", "/reconcile?dry_run=true", Value::Null).await;
    assert_eq!(report["actions"][0]["action"], "finish the creation");
    assert_eq!((world.gateway_row().await, world.agentcore.gateways().len()), (before, 0));
    let report = world.scheduled().await;
    assert_eq!((&report["actions"][0]["status"], world.agentcore.gateways().len()), (&json!("ACTIVE"), 1));
}

/// The paths of a tool's target in AgentCore, and of it in the registry.
async fn made_tool(world: &World) -> (String, String) {
    let id = tools::gateway(world).await;
    let (_, made) = world.ask("POST", "/tools/from-spec", tools::request(&id)).await;
    let agentcore = &made["agentcore"];
    let gateway = agentcore["gatewayArn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let target = format!("/gateways/{gateway}/targets/{}", agentcore["targetId"].as_str().unwrap());
    (target, format!("/gateways/{id}/tools/{}", made["tool_id"].as_str().unwrap()))
}

#[tokio::test]
async fn a_target_deleted_by_hand_fails_its_row_and_disables_its_agents_tools() {
    let world = World::start().await;
    let (target, path) = made_tool(&world).await;
    world.by_hand("DELETE", &target, Value::Null).await;
    for _ in 0..2 {
        world.by_hand("GET", &target, Value::Null).await;
    }
    let (_, report) = world.ask("POST", "/reconcile?dry_run=true", Value::Null).await;
    assert_eq!(report["actions"][0]["action"], "the target is gone: FAILED", "{report}");
    assert_eq!(world.tool_row().await["status"], "ACTIVE");
    world.ask("POST", "/reconcile", Value::Null).await;
    let row = world.tool_row().await;
    assert_eq!(
        (&row["status"], &row["status_reasons"][0]),
        (&json!("FAILED"), &json!("AgentCore has no such target any more"))
    );
    assert!(world.agents_tools().await.values().all(|row| row["status"] == "disabled"));
    assert!(world.agentcore.providers().is_empty());
    assert_eq!(world.ask("DELETE", &path, Value::Null).await.1["status"], "DELETED");
}

#[tokio::test]
async fn a_target_changed_by_hand_is_followed_by_its_row() {
    let world = World::start().await;
    let (target, path) = made_tool(&world).await;
    let mut change = world.agentcore.targets().remove(0);
    change["description"] = json!("By hand");
    world.by_hand("PUT", &target, change).await;
    world.by_hand("GET", &target, Value::Null).await;
    let (_, report) = world.ask("POST", "/reconcile", Value::Null).await;
    assert_eq!(report["actions"][0]["action"], "the target was changed: update the row", "{report}");
    assert_eq!(world.ask("GET", &path, Value::Null).await.1["description"], "By hand");
    assert!(world.agents_tools().await.values().all(|row| row["status"] == "active"));
    let (_, report) = world.ask("POST", "/reconcile", Value::Null).await;
    assert_eq!(report["actions"], json!([]), "{report}");
}

#[tokio::test]
async fn a_target_made_by_hand_is_never_touched() {
    let world = World::start().await;
    let (target, path) = made_tool(&world).await;
    let (targets, _) = target.rsplit_once('/').unwrap();
    let mut other = world.agentcore.targets().remove(0);
    other["name"] = json!("by-hand");
    world.by_hand("POST", targets, other).await;
    let (_, report) = world.ask("POST", "/reconcile", Value::Null).await;
    assert_eq!(report["actions"], json!([]), "{report}");
    world.ask("DELETE", &path, Value::Null).await;
    let left: Vec<_> = world.agentcore.targets().iter().map(|target| target["name"].clone()).collect();
    assert_eq!(left, ["by-hand"]);
}
