//! JSON lines on stdout, where CloudWatch collects them.

use tracing::Level;

/// Installs the process's log. A second call keeps the first: tests and `run` may both ask.
pub(crate) fn init() {
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(Level::INFO)
        .with_target(false)
        .with_span_list(false) // The invocation's is the one that says something.
        .finish();
    let _ = tracing::subscriber::set_global_default(subscriber);
}
