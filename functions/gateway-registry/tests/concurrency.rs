//! Several invocations at once.

use crate::gateways::golf;
use crate::tools;
use crate::world::{GATEWAYS, TOOLS, World};
use serde_json::{Value, json};
use tokio::task::JoinSet;

#[tokio::test]
async fn twenty_creates_with_one_request_id_make_one_gateway() {
    let world = World::start().await;
    let mut creates = JoinSet::new();
    for _ in 0..20 {
        let world = world.clone();
        creates.spawn(async move { world.ask("POST", "/gateways", golf()).await });
    }
    let answers = creates.join_all().await;
    assert!(answers.iter().all(|(status, body)| (*status, &body["status"]) == (201, &json!("ACTIVE"))), "{answers:?}");
    assert_eq!((world.agentcore.gateways().len(), world.gateway_row().await["status"].clone()), (1, json!("ACTIVE")));
}

#[tokio::test]
async fn of_two_that_want_one_name_one_has_it() {
    let world = World::start().await;
    let create = |request_id: &str| {
        let mut body = golf();
        body["request_id"] = json!(request_id);
        world.ask("POST", "/gateways", body)
    };
    let (one, other) = tokio::join!(create("req-1"), create("req-2"));
    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert_eq!((statuses, world.agentcore.gateways().len()), ([201, 409], 1));
    let rows = world.rows(GATEWAYS).await;
    let mut statuses: Vec<_> = rows.iter().map(|row| row["status"].as_str().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["ACTIVE", "FAILED"]);
}

/// Whenever the deletion comes, nothing is left.
#[tokio::test]
async fn a_deletion_during_a_creation_leaves_nothing() {
    for steps in 1..=6 {
        let world = World::start().await;
        let creating = tokio::spawn({
            let world = world.clone();
            async move { world.ask("POST", "/gateways", golf()).await }
        });
        while world.recorder.steps().len() < steps {
            tokio::task::yield_now().await;
        }
        let rows = world.rows(GATEWAYS).await;
        let id = rows.first().map_or("gw-94fe7eb79871750bd7a549a583dbbd77", |row| row["gateway_id"].as_str().unwrap());
        let deleted = world.ask("DELETE", &format!("/gateways/{id}"), Value::Null).await;
        let created = creating.await.unwrap();
        if deleted.0 == 404 {
            continue; // It came before the row did.
        }
        world.ask("POST", "/reconcile", Value::Null).await;
        assert!(world.agentcore.gateways().is_empty(), "{steps}: {deleted:?} {created:?}");
        assert_eq!(world.gateway_row().await["status"], "DELETED", "{steps}");
    }
}

#[tokio::test]
async fn twenty_creates_of_a_tool_with_one_request_id_make_one_target() {
    let world = World::start().await;
    let id = tools::gateway(&world).await;
    let mut creates = JoinSet::new();
    for _ in 0..20 {
        let (world, request) = (world.clone(), tools::request(&id));
        creates.spawn(async move { world.ask("POST", "/tools/from-spec", request).await });
    }
    let answers = creates.join_all().await;
    assert!(answers.iter().all(|(status, body)| (*status, &body["status"]) == (201, &json!("ACTIVE"))), "{answers:?}");
    assert_eq!((world.agentcore.targets().len(), world.agentcore.providers().len()), (1, 1));
    assert_eq!(world.tool_row().await["status"], "ACTIVE");
}

/// Whenever the deletion comes, nothing is left.
#[tokio::test]
async fn a_deletion_during_a_tools_creation_leaves_nothing() {
    for steps in 1..=30 {
        let world = World::start().await;
        let id = tools::gateway(&world).await;
        world.recorder.forget();
        let creating = tokio::spawn({
            let (world, request) = (world.clone(), tools::request(&id));
            async move { world.ask("POST", "/tools/from-spec", request).await }
        });
        while world.recorder.steps().len() < steps && !creating.is_finished() {
            tokio::task::yield_now().await;
        }
        let rows = world.rows(TOOLS).await;
        let Some(tool) = rows.first().map(|row| row["tool_id"].as_str().unwrap().to_owned()) else {
            creating.await.unwrap();
            continue; // It came before the row did.
        };
        let deleted = world.ask("DELETE", &format!("/gateways/{id}/tools/{tool}"), Value::Null).await;
        let created = creating.await.unwrap();
        world.ask("POST", "/reconcile", Value::Null).await;
        let left = (world.agentcore.targets().len(), world.agentcore.providers().len());
        assert_eq!(left, (0, 0), "{steps}: {deleted:?} {created:?}");
        assert_eq!(world.tool_row().await["status"], "DELETED", "{steps}: {deleted:?} {created:?}");
        assert!(world.agents_tools().await.values().all(|row| row["status"] == "disabled"), "{steps}");
    }
}
