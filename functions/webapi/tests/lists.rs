//! Lists in pages, results, usage, health and metrics.

use crate::world::{NOW, World, notification};
use aws_sdk_dynamodb::types::AttributeValue;
use records::{ActionResult, Change, MessageStatus, Messages, RESULT_LIFE, ResultStatus, Results, moment};
use serde_json::{Value, json};

#[tokio::test]
async fn messages_are_listed_in_pages() {
    let world = World::start().await;
    for _ in 0..5 {
        world.post("/api/messages", &notification()).await;
    }
    for filter in ["", "&stage=dev", "&status=queued", "&stage=dev&status=queued"] {
        let (mut ids, mut token) = (Vec::new(), String::new());
        loop {
            let page = world.get(&format!("/api/messages?limit=2{filter}{token}")).await;
            assert_eq!(page.status, 200, "{page:?}");
            ids.extend(page.body["messages"].as_array().unwrap().iter().map(|message| message["id"].to_string()));
            let Some(next) = page.body["next_token"].as_str() else { break };
            token = format!("&next_token={next}");
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 5, "{filter}");
    }
    let none = world.get("/api/messages?status=failed").await;
    assert_eq!(none.body, json!({"messages": [], "next_token": null}));
}

#[tokio::test]
async fn the_token_of_another_list_is_refused() {
    let world = World::start().await;
    for _ in 0..2 {
        world.post("/api/messages", &notification()).await;
    }
    let page = world.get("/api/messages?limit=1").await;
    let token = page.body["next_token"].as_str().unwrap();
    let answer = world.get(&format!("/api/messages?status=queued&next_token={token}")).await;
    assert_eq!((answer.status, answer.body["field"].as_str()), (400, Some("next_token")));
}

fn result(body: &str) -> ActionResult {
    let now = NOW.parse().unwrap();
    ActionResult {
        id: "result_20261129120000_123456".to_owned(),
        message_id: "msg_20261129120000_123456".to_owned(),
        action: "weather".to_owned(),
        url: Some("https://api.weather.gov/".to_owned()),
        status: ResultStatus::Completed,
        response_code: Some(200),
        response_body: Some(body.to_owned()),
        response_body_ref: None,
        error_message: None,
        execution_time_ms: 7,
        created_date: moment::text(now),
        ttl: moment::expiry(now, RESULT_LIFE),
    }
}

#[tokio::test]
async fn a_result_is_found_by_its_id_and_by_that_of_its_message() {
    let world = World::start().await;
    world.result_table().create(&result("sunny")).await.unwrap();
    for id in ["result_20261129120000_123456", "msg_20261129120000_123456"] {
        let answer = world.get(&format!("/api/results/{id}")).await;
        assert_eq!((answer.status, answer.body["response_body"].as_str()), (200, Some("sunny")), "{id}");
        assert_eq!(answer.body["response_body_bytes"], 5);
    }
}

#[tokio::test]
async fn a_long_body_of_a_result_is_given_whole() {
    let world = World::start().await;
    let whole = "sun ".repeat(500_000);
    let handle = world.stored(&whole).await;
    let row = ActionResult { response_body_ref: Some(handle), ..result(&whole[..50_000]) };
    world.result_table().create(&row).await.unwrap();
    let answer = world.get("/api/results/result_20261129120000_123456").await;
    assert!(answer.body["response_body"] == whole.as_str() && answer.body.get("response_body_ref").is_none());
}

#[tokio::test]
async fn usage_is_that_of_a_day() {
    let world = World::start().await;
    let number = |number: i64| AttributeValue::N(number.to_string());
    let item = [
        ("id", AttributeValue::S("bedrock#dev#2026-11-29".to_owned())),
        ("spent", number(1500)),
        ("requests", number(2)),
    ];
    let item = item.map(|(name, value)| (name.to_owned(), value)).into();
    world.client.put_item().table_name("costs").set_item(Some(item)).send().await.unwrap();
    for path in ["/api/usage", "/api/usage?day=2026-11-29"] {
        let usage = world.get(path).await.body;
        assert_eq!(
            (&usage["spent_micro_usd"], &usage["requests"], &usage["day"]),
            (&json!(1500), &json!(2), &json!("2026-11-29"))
        );
    }
    assert_eq!(world.get("/api/usage?day=2026-11-28").await.body["requests"], 0);
}

#[tokio::test]
async fn health_and_metrics_say_how_the_api_is() {
    let world = World::start().await;
    let health = world.get("/api/health").await;
    assert_eq!((health.status, &health.body["status"], &health.body["stage"]), (200, &json!("ok"), &json!("dev")));
    let ids: Vec<_> =
        [world.post("/api/messages", &notification()).await, world.post("/api/messages", &notification()).await].into();
    let failed = Change::to(MessageStatus::Failed).because("no");
    world.message_table().change(ids[0].id(), failed, NOW.parse().unwrap()).await.unwrap();
    let metrics = world.get("/api/metrics").await.body;
    let counts = json!({"created": 0, "queued": 1, "processing": 0, "completed": 0, "failed": 1});
    assert_eq!(
        (&metrics["messages"], &metrics["at_least"], &metrics["since"]),
        (&counts, &json!([]), &json!("2026-11-28T12:00:00Z"))
    );
    assert_eq!(metrics["stage"], Value::from("dev"));
}
