//! The table of schedules.

use crate::tables::{at, start, variables};
use records::ScheduleStatus::{Active, Error, Inactive, Pending};
use records::{
    Changed, DynamoDb, MessageType, Outcome, Page, Schedule, ScheduleAction, ScheduleStatus, Schedules, moment,
    schedule_id, schedules,
};
use serde_json::json;

async fn table() -> DynamoDb<Schedule> {
    schedules(&variables(), start().await).unwrap()
}

fn schedule(name: &str, seconds: i64) -> Schedule {
    Schedule {
        id: schedule_id("dev", name),
        name: name.to_owned(),
        stage: "dev".to_owned(),
        schedule_arn: None,
        schedule_expression: "rate(5 minutes)".to_owned(),
        timezone: "UTC".to_owned(),
        target_type: "notify".to_owned(),
        message_type: MessageType::Notify,
        payload: json!({"message": "hello"}),
        arguments: json!({}),
        created_date: moment::text(at(seconds)),
        updated_date: moment::text(at(seconds)),
        created_by: "test".to_owned(),
        status: Pending,
        action: ScheduleAction::Create,
        revision: 1,
        last_run: None,
        error_message: None,
    }
}

const MADE: Outcome<'_> = Outcome { status: Active, schedule_arn: Some("arn:s"), reason: None };

#[tokio::test]
async fn of_two_changes_of_a_schedule_one_is_written() {
    let table = table().await;
    let first = schedule("daily", 0);
    assert_eq!(table.save(&first, None).await, Ok(true));
    assert_eq!(table.save(&first, None).await, Ok(false));
    let second = Schedule { revision: 2, ..first };
    assert_eq!(table.save(&second, Some(1)).await, Ok(true));
    assert_eq!(table.save(&second, Some(1)).await, Ok(false));
    assert_eq!(table.get("dev-daily").await, Ok(Some(second)));
}

#[tokio::test]
async fn an_outcome_counts_for_the_revision_that_it_is_of() {
    let table = table().await;
    table.save(&schedule("daily", 0), None).await.unwrap();
    let Ok(Changed::Made(made)) = table.settle("dev-daily", 1, MADE, at(1)).await else { panic!("refused") };
    assert_eq!((made.status, made.schedule_arn.as_deref()), (Active, Some("arn:s")));
    assert!(matches!(table.settle("dev-daily", 2, MADE, at(1)).await, Ok(Changed::Refused(_))));
    assert_eq!(table.settle("dev-other", 1, MADE, at(1)).await, Ok(Changed::Absent));
    let failed = Outcome { status: Error, schedule_arn: None, reason: Some("no role") };
    let Ok(Changed::Made(made)) = table.settle("dev-daily", 1, failed, at(2)).await else { panic!("refused") };
    assert_eq!((made.status, made.schedule_arn, made.error_message.as_deref()), (Error, None, Some("no role")));
}

#[tokio::test]
async fn the_last_run_is_the_latest() {
    let table = table().await;
    table.save(&schedule("daily", 0), None).await.unwrap();
    for seconds in [60, 120, 60] {
        table.ran("dev-daily", at(seconds)).await.unwrap();
    }
    table.ran("dev-other", at(60)).await.unwrap();
    assert_eq!(table.get("dev-daily").await.unwrap().unwrap().last_run, Some(moment::text(at(120))));
    assert_eq!(table.get("dev-other").await, Ok(None));
}

#[tokio::test]
async fn lists_have_every_schedule_once() {
    let table = table().await;
    for (number, status) in [Pending, Active, Active, Inactive, Error, Error].into_iter().enumerate() {
        let number = i64::try_from(number).unwrap();
        table.save(&Schedule { status, ..schedule(&format!("s{number}"), number) }, None).await.unwrap();
    }
    let cases: [(Option<ScheduleStatus>, &[&str]); 3] =
        [(None, &["s0", "s2", "s1", "s3", "s5", "s4"]), (Some(Active), &["s2", "s1"]), (Some(Error), &["s5", "s4"])];
    for (status, expected) in cases {
        for limit in [1, 2, 3, 5, 100] {
            let (mut names, mut token) = (Vec::new(), None);
            loop {
                let listed = table.list(status, Page { limit, token }).await.unwrap();
                assert!(listed.records.len() <= limit);
                names.extend(listed.records.into_iter().map(|schedule| schedule.name));
                token = listed.next_token;
                if token.is_none() {
                    break;
                }
            }
            assert_eq!(names, expected, "{status:?} by {limit}");
        }
    }
}
