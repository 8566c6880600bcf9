//! HTTP/1.1 for a proxy (RFC 9112), on the two connections that every invocation uses.
//!
//! A head is kept as the bytes that arrived, and forwarded field by field. A body is forwarded in the pieces that the kernel
//! delivered. Head and body are written with one call. `httparse` parses the heads. A proxy does not need what general
//! libraries add: maps of headers, which are parsed and printed again, and a task for every connection, with channels that
//! each message would have to pass.

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
