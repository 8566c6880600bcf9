//! How long tests wait.

use std::future::Future;
use std::time::Duration;

/// How long a test waits for something that must happen; only a failing test ever waits this long.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Waits for `what`, and fails the test when it does not come.
///
/// # Panics
/// After [`TIMEOUT`], naming what was awaited.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    let outcome = tokio::time::timeout(TIMEOUT, future).await;
    outcome.unwrap_or_else(|_| panic!("waited {TIMEOUT:?} in vain for {what}"))
}
