//! The function crashes between any two steps. Then the same request is sent once more, and then a reconciliation.

use crate::gateways::golf;
use crate::recorder::Crash;
use crate::tools;
use crate::world::World;
use serde_json::{Value, json};

/// Before and after each of so many requests.
pub(crate) fn crashes(steps: usize) -> impl Iterator<Item = Crash> {
    (1..=steps).flat_map(|step| [Crash::Before(step), Crash::After(step)])
}

#[tokio::test]
async fn a_creation_that_crashed_anywhere_ends_in_one_gateway_and_one_row() {
    let undisturbed = World::start().await;
    undisturbed.ask("POST", "/gateways", golf()).await;
    for crash in crashes(undisturbed.recorder.steps().len()) {
        for is_forgotten in [false, true] {
            let world = World::start().await;
            assert!(Box::pin(world.ask_and_crash(crash, "POST", "/gateways", golf())).await, "{crash:?}");
            if is_forgotten {
                world.agentcore.forget_tokens();
            }
            let (status, body) = world.ask("POST", "/gateways", golf()).await;
            assert_eq!((status, &body["status"]), (201, &json!("ACTIVE")), "{crash:?}: {body}");
            let (_, report) = world.ask("POST", "/reconcile", Value::Null).await;
            assert_eq!(report["actions"], json!([]), "{crash:?}");
            assert_eq!(
                (world.agentcore.gateways().len(), &world.gateway_row().await["status"]),
                (1, &json!("ACTIVE")),
                "{crash:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_reconciliation_alone_ends_a_creation_that_crashed_anywhere() {
    let undisturbed = World::start().await;
    undisturbed.ask("POST", "/gateways", golf()).await;
    // Before its first request is sent, neither side has a trace of it.
    for crash in crashes(undisturbed.recorder.steps().len()).skip(1) {
        let world = World::start().await;
        assert!(Box::pin(world.ask_and_crash(crash, "POST", "/gateways", golf())).await, "{crash:?}");
        world.ask("POST", "/reconcile", Value::Null).await;
        assert_eq!(
            (world.agentcore.gateways().len(), &world.gateway_row().await["status"]),
            (1, &json!("ACTIVE")),
            "{crash:?}"
        );
    }
}

#[tokio::test]
async fn a_deletion_that_crashed_anywhere_is_ended_by_a_reconciliation() {
    let undisturbed = World::start().await;
    let (_, made) = undisturbed.ask("POST", "/gateways", golf()).await;
    let path = format!("/gateways/{}", made["gateway_id"].as_str().unwrap());
    undisturbed.recorder.forget();
    undisturbed.ask("DELETE", &path, Value::Null).await;
    // Until the first write of the row, neither side has a trace of it.
    for crash in crashes(undisturbed.recorder.steps().len()).skip(3) {
        let world = World::start().await;
        world.ask("POST", "/gateways", golf()).await;
        assert!(Box::pin(world.ask_and_crash(crash, "DELETE", &path, Value::Null)).await, "{crash:?}");
        world.ask("POST", "/reconcile", Value::Null).await;
        assert_eq!(world.gateway_row().await["status"], "DELETED", "{crash:?}");
        assert!(world.agentcore.gateways().is_empty(), "{crash:?}");
    }
}

#[tokio::test]
async fn a_tools_creation_that_crashed_anywhere_ends_in_one_target_and_one_row() {
    let undisturbed = World::start().await;
    let id = tools::gateway(&undisturbed).await;
    undisturbed.recorder.forget();
    undisturbed.ask("POST", "/tools/from-spec", tools::request(&id)).await;
    for crash in crashes(undisturbed.recorder.steps().len()) {
        let world = World::start().await;
        tools::gateway(&world).await;
        assert!(
            Box::pin(world.ask_and_crash(crash, "POST", "/tools/from-spec", tools::request(&id))).await,
            "{crash:?}"
        );
        let (status, body) = world.ask("POST", "/tools/from-spec", tools::request(&id)).await;
        assert_eq!((status, &body["status"]), (201, &json!("ACTIVE")), "{crash:?}: {body}");
        let (_, report) = world.ask("POST", "/reconcile", Value::Null).await;
        assert_eq!(report["actions"], json!([]), "{crash:?}");
        assert_eq!((world.agentcore.targets().len(), world.agentcore.providers().len()), (1, 1), "{crash:?}");
        assert_eq!(world.tool_row().await["status"], "ACTIVE", "{crash:?}");
        assert!(world.agents_tools().await.values().all(|row| row["status"] == "active"), "{crash:?}");
    }
}

#[tokio::test]
async fn a_tools_deletion_that_crashed_anywhere_is_ended_by_a_reconciliation() {
    let undisturbed = World::start().await;
    let path = made_tool(&undisturbed).await;
    undisturbed.recorder.forget();
    undisturbed.ask("DELETE", &path, Value::Null).await;
    let steps = undisturbed.recorder.steps();
    let marked = steps.iter().position(|step| step == "PutItem Tools-dev DELETING").unwrap();
    // Until the first write of the row, neither side has a trace of it.
    for crash in crashes(steps.len()).skip(2 * marked + 1) {
        let world = World::start().await;
        made_tool(&world).await;
        assert!(Box::pin(world.ask_and_crash(crash, "DELETE", &path, Value::Null)).await, "{crash:?}");
        world.ask("POST", "/reconcile", Value::Null).await;
        assert_eq!(world.tool_row().await["status"], "DELETED", "{crash:?}");
        assert_eq!((world.agentcore.targets().len(), world.agentcore.providers().len()), (0, 0), "{crash:?}");
        assert!(world.agents_tools().await.values().all(|row| row["status"] == "disabled"), "{crash:?}");
    }
}

#[tokio::test]
async fn a_tools_deletion_that_crashed_anywhere_is_ended_by_the_same_request() {
    let undisturbed = World::start().await;
    let path = made_tool(&undisturbed).await;
    undisturbed.recorder.forget();
    undisturbed.ask("DELETE", &path, Value::Null).await;
    for crash in crashes(undisturbed.recorder.steps().len()) {
        let world = World::start().await;
        made_tool(&world).await;
        assert!(Box::pin(world.ask_and_crash(crash, "DELETE", &path, Value::Null)).await, "{crash:?}");
        let (status, _) = world.ask("DELETE", &path, Value::Null).await;
        // After the last write there is nothing left to delete.
        assert!([202, 404].contains(&status), "{crash:?}: {status}");
        assert_eq!(world.tool_row().await["status"], "DELETED", "{crash:?}");
        assert_eq!((world.agentcore.targets().len(), world.agentcore.providers().len()), (0, 0), "{crash:?}");
    }
}

#[tokio::test]
async fn a_deletion_after_a_tools_creation_that_crashed_anywhere_leaves_nothing() {
    let undisturbed = World::start().await;
    let path = made_tool(&undisturbed).await;
    let id = undisturbed.gateway_row().await["gateway_id"].as_str().unwrap().to_owned();
    let steps = undisturbed.recorder.steps();
    let made = steps.iter().position(|step| step == "PutItem Gateways-dev ACTIVE").unwrap() + 1;
    for crash in crashes(steps.len() - made) {
        let world = World::start().await;
        tools::gateway(&world).await;
        assert!(
            Box::pin(world.ask_and_crash(crash, "POST", "/tools/from-spec", tools::request(&id))).await,
            "{crash:?}"
        );
        // AgentCore does not delete what it is making.
        let (status, body) = world.ask("DELETE", &path, Value::Null).await;
        assert!([202, 404, 409].contains(&status), "{crash:?}: {body}");
        if status == 404 {
            continue; // It crashed before the row was written.
        }
        world.ask("POST", "/reconcile", Value::Null).await;
        assert_eq!(world.tool_row().await["status"], "DELETED", "{crash:?}");
        assert_eq!((world.agentcore.targets().len(), world.agentcore.providers().len()), (0, 0), "{crash:?}");
        assert!(world.agents_tools().await.values().all(|row| row["status"] == "disabled"), "{crash:?}");
    }
}

/// The path of a tool that is active. Its id follows from the request.
async fn made_tool(world: &World) -> String {
    let id = tools::gateway(world).await;
    let (_, made) = world.ask("POST", "/tools/from-spec", tools::request(&id)).await;
    format!("/gateways/{id}/tools/{}", made["tool_id"].as_str().unwrap())
}
