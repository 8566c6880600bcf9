//! JSON lines on stdout, where CloudWatch collects them.

use crate::variables::{VariableError, Variables};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;

/// How much is logged: `off`, `error`, `warn`, `info` (the default), `debug` or `trace`.
const LOG_LEVEL: &str = "LOG_LEVEL";

/// The folders of this workspace's crates that are in functions, as the compiler is given them.
const OURS: [&str; 2] = ["functions/", "extension/"];

/// Installs the process's log. A second call keeps the first: tests and `run` may both ask. A level that is none is `info`, and ends
/// the initialisation by [`level`].
pub(crate) fn init(variables: &Variables) {
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(level(variables).unwrap_or(LevelFilter::INFO))
        .with_target(false)
        .with_span_list(false) // The invocation's is the one that says something.
        .finish()
        .with(filter_fn(may_be_logged));
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// What `LOG_LEVEL` says.
pub(crate) fn level(variables: &Variables) -> Result<LevelFilter, VariableError> {
    Ok(variables.parsed(LOG_LEVEL)?.unwrap_or(LevelFilter::INFO))
}

/// Below `info`, crates of others write down what they send, with contents and credentials in it.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || metadata.file().is_some_and(is_ours)
}

fn is_ours(file: &str) -> bool {
    OURS.iter().any(|folder| file.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_as_the_layer_reads_them() {
        for (text, expected) in [("", "info"), ("off", "off"), ("warn", "warn"), ("TRACE", "trace")] {
            let level = level(&Variables::from([(LOG_LEVEL, text)]));
            assert_eq!(level.map(|level| level.to_string()), Ok(expected.to_owned()), "{text:?}");
        }
        let error = level(&Variables::from([(LOG_LEVEL, "loud")])).expect_err("no level");
        assert!(error.to_string().starts_with("the variable LOG_LEVEL is not valid: "), "{error}");
    }

    #[test]
    fn only_crates_of_this_workspace_are_heard_below_info() {
        assert!(is_ours(file!()), "{}", file!());
        assert!(!is_ours(
            "/home/builder/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/hyper-1.12.0/src/proto/h1/io.rs"
        ));
    }
}
