//! The part of a conversation that its row has no room for: contents, which the row names in their order.

use crate::error::TurnError;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use functions_content::{Asking, ContentTable, Handle, Life, NotAHandle};
use model::Message;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of messages that a row holds at most: DynamoDB's limit is 400 KiB for all of it.
const MOST_INLINE: usize = 256 << 10;
/// Bytes that stay in a row when there were more.
const LEFT_INLINE: usize = 64 << 10;
/// How long contents live. They are renewed long before, so that none expires before its session.
const LIFE: Life = Life::Limited(Duration::from_hours(72));
/// The age from which a content is stored again, in seconds. The table renews what has lived for half of its time: what is left then,
/// 36 hours, is more than a session has from its last turn on and this.
const RENEWED_AFTER: i64 = 12 * 60 * 60;

/// Some messages as one content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Earlier {
    handle: String,
    messages: usize,
    /// Seconds since 1970.
    renewed_at: i64,
}

impl Earlier {
    pub(super) fn read(entry: &HashMap<String, AttributeValue>) -> Option<Self> {
        let number = |name: &str| entry.get(name)?.as_n().ok()?.parse::<i64>().ok();
        Some(Self {
            handle: entry.get("handle")?.as_s().ok()?.clone(),
            messages: usize::try_from(number("messages")?).ok()?,
            renewed_at: number("renewed_at")?,
        })
    }

    pub(super) fn written(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            ("handle".to_owned(), AttributeValue::S(self.handle.clone())),
            ("messages".to_owned(), AttributeValue::N(self.messages.to_string())),
            ("renewed_at".to_owned(), AttributeValue::N(self.renewed_at.to_string())),
        ])
    }
}

/// Where contents are.
#[derive(Debug, Clone)]
pub(super) struct Shelf(pub(super) Arc<ContentTable>);

impl Shelf {
    /// The messages of contents, in order.
    pub(super) async fn messages(&self, earlier: &[Earlier], until: Instant) -> Result<Vec<Message>, TurnError> {
        let mut messages = Vec::new();
        for entry in earlier {
            let handle = Handle::of(&entry.handle).unwrap_or(Err(NotAHandle));
            let text = self.0.get(handle, Asking { tenant: None, until }).await?;
            let read: Vec<Message> = serde_json::from_str(&text)
                .map_err(|_| TurnError::Unavailable("a part of a session cannot be read".to_owned()))?;
            messages.extend(read);
        }
        Ok(messages)
    }

    /// A conversation as its row takes it: contents, and the JSON texts of the messages after them.
    pub(super) async fn fitted(
        &self,
        mut earlier: Vec<Earlier>,
        messages: &[Message],
        now: i64,
        until: Instant,
    ) -> Result<(Vec<Earlier>, Vec<String>), TurnError> {
        self.renew(&mut earlier, messages, now, until).await?;
        let shelved = earlier.iter().map(|entry| entry.messages).sum::<usize>().min(messages.len());
        let mut inline: Vec<String> = messages[shelved..].iter().map(spelt).collect();
        let surplus = surplus(&inline);
        if surplus > 0 {
            let left = inline.split_off(surplus);
            earlier.push(self.shelve(&inline, now, until).await?);
            inline = left;
        }
        Ok((earlier, inline))
    }

    async fn renew(
        &self,
        earlier: &mut [Earlier],
        messages: &[Message],
        now: i64,
        until: Instant,
    ) -> Result<(), TurnError> {
        let mut from = 0;
        for entry in earlier {
            let to = (from + entry.messages).min(messages.len());
            if entry.renewed_at + RENEWED_AFTER <= now {
                let texts: Vec<String> = messages[from..to].iter().map(spelt).collect();
                *entry = self.shelve(&texts, now, until).await?;
            }
            from = to;
        }
        Ok(())
    }

    async fn shelve(&self, texts: &[String], now: i64, until: Instant) -> Result<Earlier, TurnError> {
        let text = Bytes::from(format!("[{}]", texts.join(",")));
        let handle = self.0.put_for(LIFE, text, Asking { tenant: None, until }).await?;
        Ok(Earlier { handle: handle.to_string(), messages: texts.len(), renewed_at: now })
    }
}

fn spelt(message: &Message) -> String {
    serde_json::to_string(message).expect("BUG: a message has only names as keys")
}

/// How many of the messages, from the oldest on, have to leave the row.
fn surplus(inline: &[String]) -> usize {
    let mut left: usize = inline.iter().map(String::len).sum();
    if left <= MOST_INLINE {
        return 0;
    }
    let leaves = inline.iter().take_while(|text| {
        let is_over = left > LEFT_INLINE;
        left -= text.len();
        is_over
    });
    leaves.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_messages_leave_first_and_the_newest_stay() {
        let text = |kib: usize| "x".repeat(kib << 10);
        assert_eq!(surplus(&[text(100), text(100), text(56)]), 0, "they fit");
        assert_eq!(surplus(&[text(200), text(50), text(10), text(10)]), 2);
        assert_eq!(surplus(&[text(10), text(300)]), 2, "one that is too long does not stay either");
        assert_eq!(surplus(&[text(300), text(10)]), 1);
    }
}
