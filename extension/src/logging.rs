//! Logs: JSON lines on standard error, which Lambda sends to CloudWatch. Sizes and ids, never content.

use std::fmt::Display;
use std::io;

use tracing::level_filters::LevelFilter;

/// Logs what is at least as important as `level`.
pub fn init(level: LevelFilter) {
    tracing_subscriber::fmt().json().flatten_event(true).with_max_level(level).with_writer(io::stderr).init();
}

/// Says why the process ends, even when it ends before the level was known.
pub fn last_words(error: &dyn Display) {
    let _ = tracing_subscriber::fmt().json().flatten_event(true).with_writer(io::stderr).try_init();
    tracing::error!(%error, "the extension ends");
}
