//! One request, one message.

use crate::tables::{message, start, variables};
use records::{Claim, MessageFilter, Messages, Page, messages};

fn claim(message_id: &str) -> Claim {
    Claim { request: "me request-1".to_owned(), message_id: message_id.to_owned(), fingerprint: "f".to_owned() }
}

#[tokio::test]
async fn a_request_is_claimed_once() {
    let table = messages(&variables(), start().await).unwrap();
    assert_eq!(table.create_claimed(&message("msg_1", 0), &claim("msg_1")).await, Ok(None));
    assert_eq!(table.create_claimed(&message("msg_2", 1), &claim("msg_2")).await, Ok(Some(claim("msg_1"))));
    assert_eq!(table.get("msg_2").await, Ok(None));
    assert_eq!(table.claim("me request-1").await, Ok(Some(claim("msg_1"))));
    assert_eq!(table.claim("another").await, Ok(None));
}

#[tokio::test]
async fn requests_at_once_lead_to_one_message() {
    let table = messages(&variables(), start().await).unwrap();
    let (one, other) = (message("msg_1", 0), message("msg_2", 0));
    let (first, second) = (claim("msg_1"), claim("msg_2"));
    let outcomes = tokio::join!(table.create_claimed(&one, &first), table.create_claimed(&other, &second));
    let made = [outcomes.0, outcomes.1].into_iter().filter(|outcome| *outcome == Ok(None)).count();
    assert_eq!(made, 1);
    let page = Page { limit: 10, token: None };
    assert_eq!(table.list(MessageFilter::Stage("dev"), page).await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn a_claim_is_no_message() {
    let table = messages(&variables(), start().await).unwrap();
    table.create_claimed(&message("msg_1", 0), &claim("msg_1")).await.unwrap();
    let key = format!("request_{}", blake3_hex("me request-1"));
    assert_eq!(table.get(&key).await, Ok(None));
}

fn blake3_hex(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}
