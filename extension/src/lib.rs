//! `lrap`: a Lambda extension that holds a proxy of the Runtime API and makes long content transparent.
//!
//! Read [`proxy`] first: it is what happens to a request. Around it, in the order of the extension's life: [`config`] reads the
//! environment, [`server`] binds and accepts, [`lifecycle`] speaks to the Extensions API, [`route`] tells calls apart,
//! [`runtime_api`] is the way upstream, [`wire`] what both sides speak, [`logging`] and [`metrics`] what an operator
//! reads, by way of [`output`], [`warmup`] what is made ready before the first invocation,
//! [`invocations`] what is remembered between an event and its response, [`deadlines`] how much time it has, [`payload`] either
//! of them on its way, [`room`] and [`heap`] what it is kept in, [`error`] how an invocation fails, and [`version`] which version this is.

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
