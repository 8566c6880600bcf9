//! The table of messages.

use crate::tables::{MESSAGES, at, message, start, variables};
use records::MessageStatus::{Completed, Created, Failed, Processing, Queued};
use records::{Change, Changed, DynamoDb, Message, MessageFilter, Messages, Page, RecordError, messages};
use serde_json::{Value, json};

async fn table() -> DynamoDb<Message> {
    messages(&variables(), start().await).unwrap()
}

fn page(limit: usize, token: Option<String>) -> Page {
    Page { limit, token }
}

#[tokio::test]
async fn a_message_is_read_as_it_was_written_and_written_once() {
    let table = table().await;
    let first = message("msg_1", 0);
    assert_eq!(table.create(&first).await, Ok(true));
    assert_eq!(table.create(&Message { stage: "other".to_owned(), ..first.clone() }).await, Ok(false));
    assert_eq!(table.get("msg_1").await, Ok(Some(first)));
}

#[tokio::test]
async fn what_cannot_be_an_id_is_not_there() {
    let table = table().await;
    for id in ["", "msg_2", "request_1", &"x".repeat(3000)] {
        assert_eq!(table.get(id).await, Ok(None), "{id}");
        assert_eq!(table.change(id, Change::to(Failed), at(0)).await, Ok(Changed::Absent));
    }
}

#[tokio::test]
async fn the_row_has_the_attributes_of_the_documentation() {
    let client = start().await;
    let table = messages(&variables(), client.clone()).unwrap();
    table.create(&message("msg_1", 0)).await.unwrap();
    let key = aws_sdk_dynamodb::types::AttributeValue::S("msg_1".to_owned());
    let row = client.get_item().table_name(MESSAGES).key("id", key).send().await.unwrap().item.unwrap();
    let mut names: Vec<_> = row.keys().map(String::as_str).collect();
    names.sort_unstable();
    let eleven = [
        "arguments",
        "created_by",
        "created_date",
        "id",
        "message_type",
        "payload",
        "retry_count",
        "stage",
        "status",
        "updated_date",
        "version",
    ];
    assert_eq!(names, eleven);
}

#[tokio::test]
async fn a_status_changes_only_from_where_it_may() {
    let table = table().await;
    table.create(&message("msg_1", 0)).await.unwrap();
    let queued = || Change::to(Queued).from(&[Created]);
    let Ok(Changed::Made(now)) = table.change("msg_1", queued(), at(1)).await else { panic!("not made") };
    assert_eq!((now.status, now.updated_date), (Queued, records::moment::text(at(1))));
    let received = Change::to(Processing).from(&[Created, Queued, Processing]).retry_count(2);
    let Ok(Changed::Made(now)) = table.change("msg_1", received, at(2)).await else { panic!("not made") };
    assert_eq!((now.status, now.retry_count), (Processing, 2));
    let Ok(Changed::Refused(there)) = table.change("msg_1", queued(), at(3)).await else { panic!("made") };
    assert_eq!((there.status, there.retry_count), (Processing, 2));
}

#[tokio::test]
async fn a_reason_is_kept_until_the_next_change_and_is_not_long() {
    let table = table().await;
    table.create(&message("msg_1", 0)).await.unwrap();
    let failed = Change::to(Failed).because(&"ä".repeat(2000));
    let Ok(Changed::Made(now)) = table.change("msg_1", failed, at(1)).await else { panic!("not made") };
    assert_eq!(now.error_message.map(|reason| reason.len()), Some(1024));
    let Ok(Changed::Made(now)) = table.change("msg_1", Change::to(Completed), at(2)).await else { panic!("not made") };
    assert_eq!(now.error_message, None);
}

#[tokio::test]
async fn of_two_changes_at_once_one_is_made() {
    let table = table().await;
    table.create(&message("msg_1", 0)).await.unwrap();
    let change = || Change::to(Queued).from(&[Created]);
    let (one, other) = tokio::join!(table.change("msg_1", change(), at(1)), table.change("msg_1", change(), at(1)));
    let made = [one, other].into_iter().filter(|changed| matches!(changed, Ok(Changed::Made(_)))).count();
    assert_eq!(made, 1);
}

#[tokio::test]
async fn lists_have_every_message_once_newest_first() {
    let table = table().await;
    for number in 0..7 {
        table.create(&message(&format!("msg_{number}"), number)).await.unwrap();
    }
    table.change("msg_3", Change::to(Failed), at(9)).await.unwrap();
    let cases = [
        (MessageFilter::Stage("dev"), vec![6, 5, 4, 3, 2, 1, 0]),
        (MessageFilter::Status(Created), vec![6, 5, 4, 2, 1, 0]),
        (MessageFilter::Status(Failed), vec![3]),
        (MessageFilter::Stage("prod"), vec![]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|number| format!("msg_{number}")).collect();
        for limit in [1, 2, 100] {
            let (mut ids, mut token) = (Vec::new(), None);
            loop {
                let listed = table.list(filter, page(limit, token)).await.unwrap();
                assert!(listed.records.len() <= limit);
                ids.extend(listed.records.into_iter().map(|message| message.id));
                token = listed.next_token;
                if token.is_none() {
                    break;
                }
            }
            assert_eq!(ids, expected, "{filter:?} by {limit}");
        }
    }
}

#[tokio::test]
async fn the_token_of_another_list_is_refused() {
    let table = table().await;
    for number in 0..3 {
        table.create(&message(&format!("msg_{number}"), number)).await.unwrap();
    }
    let first = table.list(MessageFilter::Stage("dev"), page(1, None)).await.unwrap();
    for token in [first.next_token.unwrap(), "?".to_owned(), "e30".to_owned(), "WzFd".to_owned(), String::new()] {
        let listed = table.list(MessageFilter::Status(Created), page(1, Some(token.clone()))).await;
        assert_eq!(listed.unwrap_err(), RecordError::ForeignToken, "{token}");
    }
}

#[tokio::test]
async fn a_message_that_no_table_takes_is_refused_before() {
    let table = table().await;
    let long = Message { payload: json!({"message": "x".repeat(400 << 10)}), ..message("msg_1", 0) };
    assert!(matches!(table.create(&long).await, Err(RecordError::TooLarge { .. })));
}

#[tokio::test]
async fn any_json_comes_back_as_it_was() {
    let table = table().await;
    let mut deep = json!("bottom");
    for _ in 0..60 {
        deep = json!([deep]);
    }
    let payload =
        json!({"deep": deep, "long": 123_456_789_012_345_678_u64, "small": 1e-200, "": "", "none": Value::Null});
    let strange = Message { payload, ..message("msg_1", 0) };
    table.create(&strange).await.unwrap();
    assert_eq!(table.get("msg_1").await, Ok(Some(strange)));
}
