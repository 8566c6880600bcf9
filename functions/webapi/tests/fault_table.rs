//! Each service that the API depends on fails at each step of a request, and the client sends the request again. What was observed is the
//! table in `docs/api.md`, which `UPDATE_DOCS=1` rewrites.

use crate::world::{Sns, World, notification, schedule};
use futures_util::future::join_all;
use lambda_local::table::{Fault, Faults, TableRequest};
use records::{MessageStatus, Messages, ScheduleStatus, Schedules};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use test_kit::documented;

const MARKS: [&str; 2] = ["<!-- faults: made by a test -->", "<!-- end of faults -->"];

/// What a request may take when something does not answer. Two seconds less are for the reply.
const SHORT: Duration = Duration::from_secs(8);
/// When everything answers.
const LONG: Duration = Duration::from_mins(1);
const LATE: Duration = Duration::from_secs(10);
const MESSAGES: &str = "/api/messages";
const SCHEDULES: &str = "/api/schedules";

/// One request of a kind, and what fails then.
#[derive(Clone)]
struct Case {
    path: &'static str,
    body: Value,
    what: &'static str,
    how: &'static str,
    breaks: Breaks,
}

#[derive(Clone)]
enum Breaks {
    Table(fn(&TableRequest<'_>) -> bool, Fault),
    Sns(Sns),
}

fn is_of(request: &TableRequest<'_>, operation: &str, table: &str) -> bool {
    let body = String::from_utf8_lossy(request.body);
    request.operation == operation && body.contains(&format!("\"TableName\":\"{table}\""))
}

type Step = (&'static str, fn(&TableRequest<'_>) -> bool);

const OF_MESSAGES: [Step; 3] = [
    ("table of messages, when the `Idempotency-Key` is looked up", |request| is_of(request, "GetItem", "messages")),
    ("table of messages, when the row is written", |request| is_of(request, "TransactWriteItems", "messages")),
    ("table of messages, when the row becomes `queued`", |request| is_of(request, "UpdateItem", "messages")),
];
const OF_SCHEDULES: [Step; 2] = [
    ("table of schedules, when the row is read", |request| is_of(request, "GetItem", "schedules")),
    ("table of schedules, when the row is written", |request| is_of(request, "PutItem", "schedules")),
];
const OF_CONTENTS: Step = ("content table, when a message of 300 KB is stored", |request| {
    String::from_utf8_lossy(request.body).contains("AgentContext")
});

fn of_tables() -> [(&'static str, Fault); 6] {
    [
        ("throttled", Fault::Throttle),
        ("500", Fault::InternalError),
        ("10 s late", Fault::Delay(LATE)),
        ("credentials refused", Fault::DenyCredentials),
        ("no answer", Fault::Hang),
        ("its answer is lost", Fault::Reset),
    ]
}

const OF_SNS: [(&str, Sns); 6] = [
    ("down", Sns::HangsUp),
    ("10 s late", Sns::IsLate(LATE)),
    ("no answer", Sns::IsSilent),
    ("garbage", Sns::Garbage),
    ("429", Sns::Refuses(429)),
    ("500", Sns::Refuses(500)),
];

fn long() -> Value {
    json!({ "message_type": "notify", "payload": { "message": "x".repeat(300_000) } })
}

fn cases() -> Vec<Case> {
    let steps = OF_MESSAGES.map(|step| (MESSAGES, notification(), step)).into_iter();
    let steps = steps.chain([(MESSAGES, long(), OF_CONTENTS)]);
    let steps = steps.chain(OF_SCHEDULES.map(|step| (SCHEDULES, schedule("daily"), step)));
    let tables = steps.flat_map(|(path, body, (what, is_meant))| {
        of_tables().map(|(how, fault)| Case {
            path,
            body: body.clone(),
            what,
            how,
            breaks: Breaks::Table(is_meant, fault),
        })
    });
    let topics = [(MESSAGES, notification()), (SCHEDULES, schedule("daily"))].into_iter();
    let topics = topics.flat_map(|(path, body)| {
        OF_SNS.map(|(how, sns)| Case { path, body: body.clone(), what: "SNS", how, breaks: Breaks::Sns(sns) })
    });
    tables.chain(topics).collect()
}

impl Breaks {
    fn time(&self) -> Duration {
        match self {
            Self::Table(_, Fault::Hang) | Self::Sns(Sns::IsSilent) => SHORT,
            _ => LONG,
        }
    }

    fn start(self, world: &World) {
        match self {
            Self::Table(is_meant, fault) => {
                world.faults(Faults::by(move |request| if is_meant(request) { fault.clone() } else { Fault::Pass }));
            }
            Self::Sns(sns) => world.sns(sns),
        }
    }
}

/// The row of the case: the fault lasts as long as the first request.
async fn observed(Case { path, body, what, how, breaks }: Case) -> String {
    let world = World::start().await;
    // The content table is asked again until the time is over.
    let time = if what == OF_CONTENTS.0 { SHORT } else { breaks.time() };
    breaks.start(&world);
    let first = world.post_named_within(time, path, "k", &body).await;
    world.tables.faults().clear();
    world.sns(Sns::Takes);
    let row = status(&world).await;
    let again = world.post_named_within(LONG, path, "k", &body).await;
    assert_eq!(again.status, 201, "{path} {what} {how}: {again:?}");
    ends_well(&world, path, again.id()).await;
    let times = world.published().len();
    format!("| `POST {path}` | {what} | {how} | {} | {row} | {} | {times} |\n", first.status, again.status)
}

/// Of the only message, if there is one.
async fn status(world: &World) -> String {
    let listed = world.get(MESSAGES).await;
    let rows = listed.body["messages"].as_array().unwrap();
    assert!(rows.len() <= 1, "{rows:?}");
    rows.first().map_or_else(|| "none".to_owned(), |row| format!("`{}`", row["status"].as_str().unwrap()))
}

/// One message, which is queued, and what SNS was sent is that message.
async fn ends_well(world: &World, path: &str, id: &str) {
    let row = world.message_table().get(id).await.unwrap().unwrap();
    assert_eq!(row.status, MessageStatus::Queued, "{row:?}");
    assert_eq!(status(world).await, "`queued`");
    let published: BTreeSet<_> = world.messages().into_iter().map(|message| message.id).collect();
    assert_eq!(published, BTreeSet::from([id.to_owned()]));
    if path == SCHEDULES {
        let row = world.schedule_table().get("dev-daily").await.unwrap().unwrap();
        assert_eq!((row.status, row.revision), (ScheduleStatus::Pending, 1));
    }
}

#[tokio::test]
async fn what_every_fault_leads_to_is_what_the_page_says() {
    let mut table = "| request | what fails | how | reply | its message | sent again | published |\n".to_owned();
    table += "|---|---|---|---|---|---|---|\n";
    for together in cases().chunks(10) {
        table += &join_all(together.iter().cloned().map(observed)).await.concat();
    }
    documented("api.md", MARKS, &table);
}
