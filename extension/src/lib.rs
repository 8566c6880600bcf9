//! `lrap`: a Lambda extension with a Runtime API proxy, which stores long contents outside of payloads and puts them back.
//!
//! Read [`proxy`] first: it handles each request of the runtime. The other modules, in the order in which the extension uses
//! them:
//!
//! - [`config`]: reads the environment
//! - [`server`]: binds the port and accepts connections
//! - [`lifecycle`]: calls the Extensions API
//! - [`warmup`]: prepares what the first invocation needs
//! - [`route`]: recognises the calls of the Runtime API
//! - [`runtime_api`]: the client of the upstream Runtime API
//! - [`wire`]: HTTP/1.1, for both sides
//! - [`invocations`], [`deadlines`]: what is remembered between an event and its response, and the time left
//! - [`payload`], [`room`], [`heap`]: an event or a response in memory, the limit for all of them, and the allocator
//! - [`error`]: how an invocation fails
//! - [`logging`], [`metrics`], [`output`]: what operators read, and how it is written
//! - [`version`]: the version of this build

pub mod config;
pub mod deadlines;
pub mod error;
pub mod heap;
pub mod invocations;
pub mod lifecycle;
pub mod logging;
pub mod metrics;
pub mod output;
pub mod payload;
pub mod proxy;
pub mod room;
pub mod route;
pub mod runtime_api;
pub mod server;
pub mod version;
pub mod warmup;
pub mod wire;
