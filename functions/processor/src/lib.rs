//! What `processor` does with a batch of the notifications queue: a message is sent to ntfy once, however often SQS delivers it.
//!
//! A message's row becomes `processing`, then `completed` or `failed`. A row that is `completed` is left alone, and a message that was sent
//! by an invocation which died before it could say so is sent again with the same id, so that ntfy shows it once.

mod alarm;
mod handler;
mod notice;

pub use handler::{Processor, handle};
