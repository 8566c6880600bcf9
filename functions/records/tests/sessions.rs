//! The table of conversations.

use crate::tables::{at, start, variables};
use records::{SESSION_LIFE, Session, Sessions, moment, sessions};
use serde_json::json;

#[tokio::test]
async fn of_two_turns_at_once_one_is_written() {
    let table = sessions(&variables(), start().await).unwrap();
    let first = Session {
        session_id: "abc123".to_owned(),
        messages: vec![json!({"role": "user", "content": "hello"})],
        earlier: None,
        created_at: moment::text(at(0)),
        updated_at: moment::text(at(0)),
        ttl: moment::expiry(at(0), SESSION_LIFE),
        revision: 1,
    };
    assert_eq!(table.save(&first, None).await, Ok(true));
    let turn = |revision| Session { revision, updated_at: moment::text(at(1)), ..first.clone() };
    let (next, also) = (turn(2), turn(2));
    let (one, other) = tokio::join!(table.save(&next, Some(1)), table.save(&also, Some(1)));
    assert_eq!([one, other].into_iter().filter(|saved| *saved == Ok(true)).count(), 1);
    assert_eq!(table.get("abc123").await, Ok(Some(turn(2))));
    assert_eq!(table.get("").await, Ok(None));
}
