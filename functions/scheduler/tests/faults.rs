//! Each request of the function meets each fault, and Lambda delivers the event again: nothing is lost and nothing made twice. What was
//! observed is the table in `docs/schedules.md`, which `UPDATE_DOCS=1` rewrites.

use crate::wire::Fault;
use crate::world::{ID, World, daily, due};
use futures_util::future::join_all;
use records::{MessageStatus, Schedule, ScheduleAction, ScheduleStatus};
use serde_json::Value;
use std::time::Duration;
use test_kit::documented;

const FAULTS: [Fault; 6] = [
    Fault::EndsBefore,
    Fault::EndsAfter,
    Fault::Throttled,
    Fault::Fails,
    Fault::Late(Duration::from_secs(10)),
    Fault::Garbage,
];
const NOON: &str = "2026-11-29T11:00:00Z";
const MARKS: [&str; 2] = ["<!-- faults: begin -->", "<!-- faults: end -->"];

/// Something that happens to a schedule.
#[derive(Clone, Copy, Debug)]
enum Case {
    Create,
    Update,
    Pause,
    Delete,
    Due,
    /// A lost event is made up for.
    Daily,
}

const CASES: [(Case, &str); 6] = [
    (Case::Create, "create"),
    (Case::Update, "update"),
    (Case::Pause, "pause"),
    (Case::Delete, "delete"),
    (Case::Due, "due"),
    (Case::Daily, "daily event after a lost `due` event"),
];

impl Case {
    /// A world in which the event is the next thing to come.
    async fn prepared(self) -> (World, Value) {
        let world = World::start().await;
        if matches!(self, Self::Create) {
            let event = world.wants(|_| ()).await;
            world.state().requests.clear();
            return (world, event);
        }
        world.created().await;
        let change = |action| move |row: &mut Schedule| row.action = action;
        let event = match self {
            Self::Create | Self::Update => world.wants(slower).await,
            Self::Pause => world.wants(change(ScheduleAction::Pause)).await,
            Self::Delete => world.wants(change(ScheduleAction::Delete)).await,
            Self::Due => due(NOON),
            Self::Daily => {
                world.set_clock("2026-11-30T12:00:00Z");
                daily()
            }
        };
        world.state().requests.clear();
        (world, event)
    }

    /// What there is in the end, in one line, however it came to it.
    async fn end(self, world: &World) -> String {
        let row = world.stored().await;
        let schedule = world.state().services.schedules.get(ID).cloned().unwrap_or_default();
        let mut ids: Vec<_> = world.published().into_iter().map(|(_, id)| id).collect();
        ids.dedup();
        let asked = if matches!(self, Self::Due | Self::Daily) { 1 } else { row.revision };
        let answer = world.answer(asked).await.0;
        format!(
            "{:?} {} {} {:?} {ids:?} {answer:?}",
            row.status, schedule["State"], schedule["ScheduleExpression"], row.last_run
        )
    }
}

fn slower(row: &mut Schedule) {
    row.action = ScheduleAction::Update;
    row.schedule_expression = "rate(2 days)".into();
}

/// One fault at one request; how it ended.
async fn observed(case: Case, number: usize, fault: Fault, expected: &str) -> String {
    let (world, event) = case.prepared().await;
    world.plan(number, fault);
    let deliveries = world.deliver_asynchronously(&event).await;
    assert_eq!(case.end(&world).await, expected, "{case:?}: request {number}: {fault:?}");
    let times = match world.published().len() {
        0 | 1 => "",
        2 => ", published twice with one id",
        _ => panic!("published more often than it was delivered"),
    };
    format!("{deliveries}{times}")
}

/// Every request of a case, in the order in which it sends them.
async fn rows((case, name): (Case, &str)) -> String {
    let (world, event) = case.prepared().await;
    assert_eq!(world.deliver_asynchronously(&event).await, 1);
    let requests = world.state().requests.clone();
    let expected = case.end(&world).await;
    let cells = |number| FAULTS.map(|fault| Box::pin(observed(case, number, fault, &expected)));
    let rows = requests.iter().enumerate().map(|(number, request)| async move {
        let cells = join_all(cells(number)).await;
        format!("| {name} | {request} | {} |\n", cells.join(" | "))
    });
    join_all(rows).await.concat()
}

#[tokio::test]
async fn every_fault_ends_as_without_it_after_another_delivery() {
    let mut table =
        "| event | request | function ends before | function ends after | throttled | carried out, answered by 500 | 10 s late | garbage |\n"
            .to_owned();
    table += "|---|---|---|---|---|---|---|---|\n";
    table += &join_all(CASES.map(rows)).await.concat();
    documented("schedules.md", MARKS, &table);
}

#[tokio::test]
async fn a_case_ends_as_it_should() {
    let expected = [
        (Case::Create, ScheduleStatus::Active, "\"ENABLED\""),
        (Case::Pause, ScheduleStatus::Inactive, "\"DISABLED\""),
        (Case::Delete, ScheduleStatus::Inactive, "null"),
    ];
    for (case, status, state) in expected {
        let (world, event) = case.prepared().await;
        world.deliver_asynchronously(&event).await;
        let end = case.end(&world).await;
        assert!(end.starts_with(&format!("{status:?} {state} ")), "{end}");
        assert!(end.ends_with(&format!("{:?}", MessageStatus::Completed)), "{end}");
    }
}
