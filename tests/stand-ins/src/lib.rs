//! Other people's services on this machine: ntfy, NOAA and a golf provider with OAuth, with answers of the shapes that the real ones give.
//!
//! [`StandIns`] serves all of them from one process. Every call is recorded ([`Record`]), and each service can be told to fail
//! ([`Script`]): to be down, slow or busy, to answer garbage, or to lose its answer after it has done what it was asked.
//!
//! - `http://127.0.0.1:PORT` serves ntfy, and the control interface below `/_stand-ins/` ([`control`]).
//! - Another port is a relay to AWS on this machine ([`StandIns::relay_to`]): what functions ask of AWS is recorded and can fail too, each of
//!   AWS's services as a separate service, such as `aws:dynamodb`. Requests to DynamoDB are recorded with what they cost.
//!   An MCP server that is deployed there is `https://mcp.example.com` besides, and AgentCore's gateways are below `https://gateways.example.com`.
//!   A server of others that a test has started is `https://guest.example.com`.
//! - HTTPS on another port serves every service by its real host name, with certificates of an authority that is made for the process.
//!   [`StandIns::variables`] are what a function needs that is built with `test-endpoints` of the guard.
//!
//! A service is one file: its host names, and a `Router` of axum ([`Service`]).

mod authority;
mod aws;
mod capacity;
pub mod control;
mod fault;
pub mod golf;
mod issuer;
mod noaa;
mod ntfy;
pub mod oauth;
mod record;
pub mod reports;
mod server;
mod service;
mod stand_ins;
mod words;

pub use self::fault::{Fault, Script};
pub use self::golf::Golf;
pub use self::issuer::ISSUER;
pub use self::noaa::NOAA;
pub use self::ntfy::{NTFY, Notification, Ntfy};
pub use self::record::{Call, Record};
pub use self::service::Service;
pub use self::stand_ins::StandIns;
