//! An event of an API Gateway HTTP API (payload 2.0), and what goes back.
//!
//! By hand: of the event's thirty members six are needed here, and a router for a dozen paths is a `match`.

mod request;
mod response;

pub use request::Request;
pub use response::Response;
