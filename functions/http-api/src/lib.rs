//! An event of an API Gateway HTTP API or of a function URL (payload 2.0), and what goes back.
//!
//! By hand: of the event's thirty members a dozen are needed here, and a router for a dozen paths is a `match`.
//!
//! - [`Request`] is the event: method, path, query, headers, body, where it came from and who sent it.
//! - [`Response`] is the reply; what is refused is told as a problem (RFC 9457).
//! - [`Cors`] decides which web pages of other origins may read replies.
//! - [`fields`] reads a JSON body field by field.
//! - [`streaming`] sends a reply piece by piece.

mod cors;
pub mod fields;
mod request;
mod response;
mod sender;
pub mod streaming;

pub use cors::{Cors, NotAnOrigin};
pub use request::Request;
pub use response::Response;
pub use sender::Sender;
