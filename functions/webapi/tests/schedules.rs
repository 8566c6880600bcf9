//! `POST /api/schedules` and `GET /api/schedules`.

use crate::world::{NOW, World, schedule};
use records::{Outcome, ScheduleStatus, Schedules};
use serde_json::{Value, json};

impl World {
    /// What the function `scheduler` does when it has made a change.
    async fn settle(&self, name: &str, status: ScheduleStatus, schedule_arn: Option<&str>) {
        let table = self.schedule_table();
        let id = format!("dev-{name}");
        let revision = table.get(&id).await.unwrap().unwrap().revision;
        let outcome = Outcome { status, schedule_arn, reason: None };
        table.settle(&id, revision, outcome, NOW.parse().unwrap()).await.unwrap();
    }

    async fn change(&self, action: &str, name: &str) -> (u64, Value) {
        let answer = self.post("/api/schedules", &json!({ "action": action, "name": name })).await;
        (answer.status, answer.body)
    }
}

#[tokio::test]
async fn a_schedule_is_created_as_pending_and_its_creation_published() {
    let world = World::start().await;
    let answer = world.post("/api/schedules", &schedule("daily-weather-check")).await;
    let expected = json!({"success": true, "message_id": answer.id(), "schedule_name": "daily-weather-check"});
    assert_eq!((answer.status, &answer.body), (201, &expected));

    let row = world.schedule_table().get("dev-daily-weather-check").await.unwrap().unwrap();
    assert_eq!(
        (row.status, row.revision, row.created_by.as_str()),
        (ScheduleStatus::Pending, 1, "arn:aws:iam::123456789012:user/ann")
    );
    let message = world.messages().remove(0);
    assert_eq!(world.published()[0]["TopicArn"], "arn:schedule-creation");
    let change = json!({"version": "1.0", "action": "create", "schedule_id": "dev-daily-weather-check", "revision": 1});
    assert_eq!((message.id.as_str(), &message.payload), (answer.id(), &change));

    let listed = world.get("/api/schedules").await;
    assert_eq!(listed.body["schedules"], json!([row]));
    assert_eq!(listed.body["schedules"][0]["payload"], schedule("x")["payload"]);
}

#[tokio::test]
async fn a_schedule_is_updated_paused_resumed_and_deleted() {
    let world = World::start().await;
    world.post("/api/schedules", &schedule("daily")).await;
    world.settle("daily", ScheduleStatus::Active, Some("arn:s")).await;
    let update = json!({"action": "update", "name": "daily", "schedule_expression": "rate(5 minutes)"});
    assert_eq!(world.post("/api/schedules", &update).await.status, 201);
    for action in ["pause", "resume", "delete"] {
        assert_eq!(world.change(action, "daily").await.0, 201, "{action}");
    }
    let row = world.schedule_table().get("dev-daily").await.unwrap().unwrap();
    // What an update leaves out stays.
    assert_eq!((row.schedule_expression.as_str(), row.timezone.as_str()), ("rate(5 minutes)", "America/New_York"));
    assert_eq!((row.revision, row.schedule_arn.as_deref()), (5, Some("arn:s")));
    let actions: Vec<_> = world.messages().iter().map(|message| message.payload["action"].clone()).collect();
    assert_eq!(actions, ["create", "update", "pause", "resume", "delete"]);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_changed_and_what_is_there_not_created() {
    let world = World::start().await;
    for action in ["update", "pause", "resume", "delete"] {
        let (status, body) = world.change(action, "daily").await;
        assert_eq!((status, &body["success"]), (404, &json!(false)), "{body}");
    }
    world.post("/api/schedules", &schedule("daily")).await;
    world.settle("daily", ScheduleStatus::Active, Some("arn:s")).await;
    let again = world.post("/api/schedules", &schedule("daily")).await;
    assert_eq!((again.status, again.body["success"].as_bool()), (409, Some(false)), "{again:?}");
    world.change("delete", "daily").await;
    world.settle("daily", ScheduleStatus::Inactive, None).await;
    assert_eq!(world.change("pause", "daily").await.0, 404);
    assert_eq!(world.post("/api/schedules", &schedule("daily")).await.status, 201);
}

#[tokio::test]
async fn a_pending_creation_may_be_asked_for_again_but_no_other() {
    let world = World::start().await;
    world.post("/api/schedules", &schedule("daily")).await;
    assert_eq!(world.post("/api/schedules", &schedule("daily")).await.status, 201);
    let mut other = schedule("daily");
    other["schedule_expression"] = json!("rate(1 hour)");
    assert_eq!(world.post("/api/schedules", &other).await.status, 409);
}

#[tokio::test]
async fn a_named_request_changes_a_schedule_once() {
    let world = World::start().await;
    let first = world.post_named("/api/schedules", "k-1", &schedule("daily")).await;
    world.settle("daily", ScheduleStatus::Active, Some("arn:s")).await;
    let again = world.post_named("/api/schedules", "k-1", &schedule("daily")).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(world.published().len(), 1);
}

#[tokio::test]
async fn a_named_change_that_sns_refused_is_made_when_it_is_sent_again() {
    let world = World::start().await;
    world.post("/api/schedules", &schedule("daily")).await;
    world.settle("daily", ScheduleStatus::Active, Some("arn:s")).await;
    let before = world.schedule_table().get("dev-daily").await.unwrap();
    let pause = json!({"action": "pause", "name": "daily"});
    world.refuse_next();
    let refused = world.post_named("/api/schedules", "k-1", &pause).await;
    assert_eq!(refused.status, 502);
    assert_eq!(world.schedule_table().get("dev-daily").await.unwrap(), before, "the row is what it was");
    let again = world.post_named("/api/schedules", "k-1", &pause).await;
    assert_eq!((again.status, again.id()), (201, refused.id()), "{again:?}");
    let row = world.schedule_table().get("dev-daily").await.unwrap().unwrap();
    assert_eq!((row.status, row.revision), (ScheduleStatus::Pending, 2));
}

#[tokio::test]
async fn a_schedule_may_be_asked_for_by_a_message() {
    let world = World::start().await;
    let message = json!({"message_type": "schedule_creation", "payload": schedule("daily")});
    let answer = world.post("/api/messages", &message).await;
    assert_eq!((answer.status, answer.body["message_type"].as_str()), (201, Some("schedule_creation")));
    assert!(world.schedule_table().get("dev-daily").await.unwrap().is_some());
}

#[tokio::test]
async fn what_eventbridge_takes_is_taken() {
    let world = World::start().await;
    for (number, expression) in
        ["cron(0 12 * * ? *)", "cron(15 10 ? * 6L 2026-2030)", "rate(1 hour)", "at(2027-01-01T00:00:00)"]
            .iter()
            .enumerate()
    {
        let mut body = schedule(&format!("s.{number}_A"));
        body["schedule_expression"] = json!(expression);
        let answer = world.post("/api/schedules", &body).await;
        assert_eq!(answer.status, 201, "{expression}: {answer:?}");
    }
}
