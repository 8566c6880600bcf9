//! Gateways: created, read, changed and deleted.

use crate::world::{ROLE, World};
use agentcore::{Ending, Fault};
use serde_json::{Value, json};

pub(crate) fn golf() -> Value {
    json!({
        "gateway_name": "golf", "description": "Tee times", "team": "leisure", "request_id": "req-1",
        "auth_config": {"user_pool_id": "eu-central-1_a1B2", "client_id": "client-1"},
    })
}

#[tokio::test]
async fn a_new_gateway_is_201_and_both_sides_have_it() {
    let world = World::start().await;
    let (status, body) = world.ask("POST", "/gateways", golf()).await;
    assert_eq!((status, &body["status"]), (201, &json!("ACTIVE")), "{body}");
    let theirs = &world.agentcore.gateways()[0];
    assert_eq!(
        (&body["agentcore"]["gatewayId"], &body["agentcore"]["status"]),
        (&theirs["gatewayId"], &json!("READY"))
    );
    assert_eq!((&theirs["name"], &theirs["roleArn"]), (&json!("dev-golf"), &json!(ROLE)));
    let row = world.gateway_row().await;
    assert_eq!((&row["status"], &row["agentcore_gateway_id"]), (&json!("ACTIVE"), &theirs["gatewayId"]));
    assert_eq!((&row["team"], &row["created_by"]), (&json!("leisure"), &json!("arn:aws:iam::123456789012:user/ann")));
    let path = format!("/gateways/{}", body["gateway_id"].as_str().unwrap());
    let (status, read) = world.ask("GET", &path, Value::Null).await;
    assert_eq!((status, &read["agentcore"]), (200, &body["agentcore"]));
}

#[tokio::test]
async fn the_row_is_written_before_and_after_agentcore_is_asked() {
    let world = World::start().await;
    world.ask("POST", "/gateways", golf()).await;
    let id = world.agentcore.gateways()[0]["gatewayId"].as_str().unwrap().to_owned();
    let look = format!("GET /gateways/{id}");
    let expected = [
        "PutItem Gateways-dev PENDING",
        "POST /gateways",
        "PutItem Gateways-dev PENDING", // The id, as soon as there is one.
        &look,
        &look,
        "PutItem Gateways-dev ACTIVE",
    ];
    assert_eq!(world.recorder.steps(), expected);
}

#[tokio::test]
async fn a_deleted_gateway_is_gone_and_its_row_stays_for_an_audit() {
    let world = World::start().await;
    let (_, made) = world.ask("POST", "/gateways", golf()).await;
    let path = format!("/gateways/{}", made["gateway_id"].as_str().unwrap());
    let (status, body) = world.ask("DELETE", &path, Value::Null).await;
    assert_eq!((status, &body["status"]), (202, &json!("DELETED")), "{body}");
    assert!(world.agentcore.gateways().is_empty());
    assert_eq!(world.ask("DELETE", &path, Value::Null).await.0, 404);
    assert_eq!(world.ask("GET", &path, Value::Null).await.0, 404);
    let (status, audited) = world.ask("GET", &format!("{path}?audit=true"), Value::Null).await;
    let statuses: Vec<_> =
        audited["history"].as_array().unwrap().iter().map(|change| change["after"].clone()).collect();
    assert_eq!((status, statuses), (200, vec![json!("PENDING"), json!("ACTIVE"), json!("DELETING"), json!("DELETED")]));
    assert!(world.gateway_row().await["expires_at"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn the_same_request_twice_makes_one_gateway() {
    let world = World::start().await;
    let first = world.ask("POST", "/gateways", golf()).await;
    let second = world.ask("POST", "/gateways", golf()).await;
    assert_eq!(first, second);
    assert_eq!((world.agentcore.gateways().len(), world.gateway_row().await["status"].clone()), (1, json!("ACTIVE")));
    let mut other = golf();
    other["description"] = json!("Something else");
    assert_eq!(world.ask("POST", "/gateways", other).await.0, 409);
}

#[tokio::test]
async fn an_uncertain_outcome_leaves_the_row_pending_and_the_same_request_ends_it() {
    for (fault, status) in [
        (Fault::Error("InternalServerException"), 502),
        (Fault::Error("ThrottlingException"), 503),
        (Fault::DoneButError, 502),
        (Fault::Silence, 503),
        (Fault::DoneButSilence, 503),
    ] {
        let world = World::impatient().await;
        world.agentcore.fail("CreateGateway", fault.clone());
        let (answered, body) = world.ask("POST", "/gateways", golf()).await;
        assert_eq!((answered, &body["status"]), (status, &json!("PENDING")), "{fault:?}: {body}");
        assert_eq!(world.gateway_row().await["last_error"]["operation"], "CreateGateway", "{fault:?}");
        let (answered, body) = world.ask("POST", "/gateways", golf()).await;
        assert_eq!((answered, &body["status"]), (201, &json!("ACTIVE")), "{fault:?}: {body}");
        assert_eq!(world.agentcore.gateways().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_refusal_fails_the_row_and_is_told_again() {
    for (error, status) in [
        ("ValidationException", 400),
        ("AccessDeniedException", 403),
        ("ConflictException", 409),
        ("ServiceQuotaExceededException", 429),
    ] {
        let world = World::start().await;
        world.agentcore.fail("CreateGateway", Fault::Error(error));
        for _ in 0..2 {
            let (answered, body) = world.ask("POST", "/gateways", golf()).await;
            assert_eq!((answered, &body["status"]), (status, &json!("FAILED")), "{error}: {body}");
            assert_eq!(body["last_error"]["error"], error);
        }
        assert!(world.agentcore.gateways().is_empty());
    }
}

#[tokio::test]
async fn a_gateway_that_takes_longer_than_the_invocation_is_202_and_pending() {
    let world = World::start().await;
    world.agentcore.end("CreateGateway", Ending::Slow(1000));
    let (status, body) = world.ask_within(2, "POST", "/gateways", golf()).await;
    assert_eq!((status, &body["status"]), (202, &json!("PENDING")), "{body}");
    assert_eq!(body["agentcore"]["status"], "CREATING");
}

#[tokio::test]
async fn a_gateway_that_agentcore_fails_to_make_is_failed_with_its_reasons() {
    let world = World::start().await;
    world.agentcore.end("CreateGateway", Ending::Failed(vec!["the role cannot be assumed".to_owned()]));
    let (status, body) = world.ask("POST", "/gateways", golf()).await;
    assert_eq!((status, &body["status"]), (502, &json!("FAILED")), "{body}");
    assert_eq!(body["status_reasons"], json!(["the role cannot be assumed"]));
    let path = format!("/gateways/{}", body["gateway_id"].as_str().unwrap());
    assert_eq!(world.ask("DELETE", &path, Value::Null).await.1["status"], "DELETED");
    assert!(world.agentcore.gateways().is_empty());
}

#[tokio::test]
async fn a_change_reaches_agentcore_first_and_then_the_row() {
    let world = World::start().await;
    let (_, made) = world.ask("POST", "/gateways", golf()).await;
    let path = format!("/gateways/{}", made["gateway_id"].as_str().unwrap());
    world.recorder.forget();
    let change = json!({"name": "golf-2", "protocol_type": "MCP", "authorizer_type": "CUSTOM_JWT", "role_arn": ROLE,
        "request_id": "req-2"});
    let (status, body) = world.ask("PUT", &path, change.clone()).await;
    assert_eq!(
        (status, &body["name"], &body["agentcore"]["name"]),
        (200, &json!("dev-golf-2"), &json!("dev-golf-2")),
        "{body}"
    );
    let theirs = &world.agentcore.gateways()[0];
    assert_eq!(
        (&theirs["description"], &theirs["authorizerConfiguration"]["customJWTAuthorizer"]["allowedClients"][0]),
        (&json!("Tee times"), &json!("client-1"))
    );
    let steps = world.recorder.steps();
    let position = |start: &str| steps.iter().position(|step| step.starts_with(start)).unwrap();
    assert!(position("PUT /gateways/") < position("PutItem"), "{steps:?}");
    assert_eq!(world.ask("PUT", &path, change).await, (200, body));
    assert_eq!(world.ask("PUT", &path, json!({"description": "x", "request_id": "req-2"})).await.0, 409);
}

#[tokio::test]
async fn a_name_outside_the_services_pattern_is_400_before_any_write() {
    let world = World::start().await;
    for (change, field) in [
        (json!({"gateway_name": "golf_1"}), "gateway_name"),
        (json!({"description": "x".repeat(201)}), "description"),
        (json!({"auth_config": {"discovery_url": "https://a.example/"}}), "auth_config.discovery_url"),
        (json!({"description": "@content:dynamodb:table:record-3f0e6c8e-6f2b-4a8c-9d2f-0a7c1c7f5b11"}), "description"),
    ] {
        let mut body = golf();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, answer) = world.ask("POST", "/gateways", body).await;
        assert_eq!((status, &answer["field"]), (400, &json!(field)), "{answer}");
    }
    assert!(world.recorder.steps().is_empty());
}
