//! What tests, the benchmark and the counts have in common: one fake Lambda, one scripted HTTP peer, one content table.
//!
//! Everything speaks HTTP/1.1 by hand ([`wire`]), because what is asserted with it is what is on the wire: header case, framing,
//! trailers, who closed which socket. An HTTP library would tidy exactly that away.
//!
//! - [`Peer`] is a server that records every request and answers by script; [`FakeLambda`] is one that knows the Runtime API and the
//!   Extensions API. Tests look at its whole log; the benchmark has it keep the last few exchanges only, and answer every poll with
//!   an event that is ready; the counts hold each reply back until the extension sleeps.
//! - [`Runtime`] is the other side: a client that sends exactly what a test wants.
//! - [`documented`] holds a table of the docs against what a test observed.
//! - [`agent`] is what tests of the agent's state machine have in common; [`families`], what the APIs of models say.
//! - With the feature `world`: the real extension between the two, and a content table.
#![allow(missing_docs, reason = "most names here are the documentation, and nobody but tests reads them")]
#![allow(
    clippy::unwrap_used,
    clippy::missing_errors_doc,
    clippy::return_self_not_must_use,
    reason = "a test panics where it fails"
)]

pub mod agent;
pub mod corpus;
mod documented;
mod fake_lambda;
pub mod families;
pub mod linear_time;
pub mod message;
pub mod peer;
pub mod runtime;
pub mod scenarios;
pub mod secrets;
mod start;
mod waiting;
pub mod wire;

#[cfg(feature = "world")]
pub mod bucket;
#[cfg(feature = "world")]
pub mod extension;
#[cfg(feature = "world")]
pub mod json;
#[cfg(feature = "world")]
pub mod stores;
#[cfg(feature = "world")]
pub mod table;
#[cfg(feature = "world")]
pub mod world;

pub use documented::documented;
#[cfg(feature = "world")]
pub use extension::Extension;
pub use fake_lambda::{EXTENSION_INIT_ERROR, EXTENSION_NEXT, FakeLambda, NEXT, REGISTER};
pub use message::{Event, Reply, Request};
pub use peer::{Exchange, Peer};
pub use runtime::Runtime;
pub use start::refuses_to_start;
pub use waiting::{TIMEOUT, soon};
#[cfg(feature = "world")]
pub use world::World;
