//! `scheduler`: schedules in EventBridge Scheduler, and the messages that they send.
//!
//! Three sources invoke it, all asynchronously, so that Lambda repeats an event that fails:
//!
//! - The Schedule Creation topic, with a change that a caller wants (`change.rs`). The row in the table of schedules says what is
//!   wanted; the message only says which row.
//! - A schedule that is due (`due.rs`). EventBridge Scheduler delivers at least once; a message is made once.
//! - A daily schedule (`daily.rs`), which does what lost events have left undone.
//!
//! Every step can be repeated: who is invoked again after a crash finds what is done and goes on from there.

mod change;
mod daily;
mod due;
mod error;
mod event;
mod eventbridge;
mod handler;
mod scheduler;
mod settings;
mod wanted;

pub use scheduler::{Invocation, Scheduler};
