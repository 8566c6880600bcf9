//! HTTP/1.1 as a proxy speaks it (RFC 9112), for the two connections that every invocation crosses.
//!
//! A head is kept in the bytes it came in and passed on field by field; a body is handed over in the pieces that the kernel
//! gave; both are written with one call. Parsing is httparse's. What general libraries add is what a proxy does without: maps of
//! headers that are taken apart and built again, and a task for every connection, through whose channels each message would
//! have to go.

mod acknowledging;
mod connection;
mod error;
mod head;
mod input;
#[cfg(any(test, fuzzing))]
pub mod judged_by_hyper;
mod outgoing;

pub use self::connection::{Broken, Connection, Unanswered};
pub use self::error::{MAX_FIELDS, MAX_HEAD, READ_AHEAD, WireError};
pub use self::head::{Fields, Framing, RequestHead, ResponseHead};
pub use self::outgoing::OutgoingHead;
