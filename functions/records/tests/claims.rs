//! One request, one message.

use crate::tables::{MESSAGES, at, message, start, variables};
use aws_sdk_dynamodb::types::AttributeValue;
use records::{CLAIM_LIFE, Claim, MessageFilter, Messages, Page, messages, moment};

fn claim(message_id: &str) -> Claim {
    claim_until(message_id, moment::expiry(at(0), CLAIM_LIFE))
}

fn claim_until(message_id: &str, ttl: i64) -> Claim {
    Claim { request: "me request-1".to_owned(), message_id: message_id.to_owned(), fingerprint: "f".to_owned(), ttl }
}

#[tokio::test]
async fn a_request_is_claimed_once() {
    let table = messages(&variables(), start().await).unwrap();
    assert_eq!(table.create_claimed(&message("msg_1", 0), &claim("msg_1"), at(0)).await, Ok(None));
    assert_eq!(table.create_claimed(&message("msg_2", 1), &claim("msg_2"), at(1)).await, Ok(Some(claim("msg_1"))));
    assert_eq!(table.get("msg_2").await, Ok(None));
    assert_eq!(table.claim("me request-1", at(1)).await, Ok(Some(claim("msg_1"))));
    assert_eq!(table.claim("another", at(1)).await, Ok(None));
}

#[tokio::test]
async fn requests_at_once_lead_to_one_message() {
    let table = messages(&variables(), start().await).unwrap();
    let (one, other) = (message("msg_1", 0), message("msg_2", 0));
    let (first, second) = (claim("msg_1"), claim("msg_2"));
    let outcomes =
        tokio::join!(table.create_claimed(&one, &first, at(0)), table.create_claimed(&other, &second, at(0)));
    let made = [outcomes.0, outcomes.1].into_iter().filter(|outcome| *outcome == Ok(None)).count();
    assert_eq!(made, 1);
    let page = Page { limit: 10, token: None };
    assert_eq!(table.list(MessageFilter::Stage("dev"), page).await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn a_claim_is_no_message() {
    let table = messages(&variables(), start().await).unwrap();
    table.create_claimed(&message("msg_1", 0), &claim("msg_1"), at(0)).await.unwrap();
    let key = format!("request_{}", blake3_hex("me request-1"));
    assert_eq!(table.get(&key).await, Ok(None));
}

fn blake3_hex(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// The table deletes a row within days of its time.
#[tokio::test]
async fn a_claim_counts_until_its_time_to_live_has_come() {
    let client = start().await;
    let table = messages(&variables(), client.clone()).unwrap();
    let ttl = at(60).as_second();
    table.create_claimed(&message("msg_1", 0), &claim_until("msg_1", ttl), at(0)).await.unwrap();
    assert!(table.claim("me request-1", at(59)).await.unwrap().is_some());
    assert_eq!(table.create_claimed(&message("msg_2", 59), &claim("msg_2"), at(59)).await.unwrap().unwrap().ttl, ttl);
    assert_eq!(table.claim("me request-1", at(60)).await, Ok(None));
    assert_eq!(table.create_claimed(&message("msg_3", 60), &claim("msg_3"), at(60)).await, Ok(None));
    assert_eq!(table.claim("me request-1", at(61)).await, Ok(Some(claim("msg_3"))));
    assert!(table.get("msg_1").await.unwrap().is_some(), "messages stay");
    let rows = client.scan().table_name(MESSAGES).send().await.unwrap().items.unwrap();
    let lives: Vec<_> = rows.iter().filter_map(|row| row.get("ttl")).collect();
    assert_eq!(lives, [&AttributeValue::N(claim("msg_3").ttl.to_string())], "only the claim has one");
}
