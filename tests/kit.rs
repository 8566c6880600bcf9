//! Everything a test needs to hold a real extension process between a scripted Lambda and a scripted runtime.
//!
//! Both ends speak HTTP/1.1 by hand ([`wire`]), because what is asserted here is what stands on the wire: header case, framing,
//! trailers, who closed which socket. An HTTP library would tidy exactly that away.

pub(crate) mod extension;
pub(crate) mod fake_lambda;
pub(crate) mod json;
pub(crate) mod message;
pub(crate) mod runtime;
pub(crate) mod secrets;
pub(crate) mod table;
pub(crate) mod wire;
pub(crate) mod world;

pub(crate) use extension::Extension;
pub(crate) use fake_lambda::{Exchange, FakeLambda};
pub(crate) use message::{Event, Reply, Request};
pub(crate) use runtime::Runtime;
pub(crate) use world::World;

use std::future::Future;
use std::time::Duration;

/// How long a test waits for something that must happen; only a failing test ever waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for `what`, and fails the test when it does not come.
///
/// # Panics
/// After [`PATIENCE`], naming what was awaited.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    let outcome = tokio::time::timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain for {what}"))
}
