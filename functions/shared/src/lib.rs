//! What every Rust function needs: the start behind the layer's wrapper, logs, typed failures and [`run`]. It links no SDK.
//!
//! A function stays plain: JSON in, JSON out, no word about references. Its `main` is one line.
//!
//! ```no_run
//! use functions_shared::{Failure, LambdaEvent, run};
//! use serde_json::{Value, json};
//!
//! fn main() -> Result<(), functions_shared::Error> {
//!     run(|event: LambdaEvent<Value>| async move {
//!         let name = event.payload["name"].as_str().ok_or_else(|| Failure::new("NameMissing", "the event has no `name`"))?;
//!         Ok::<_, Failure>(json!({ "greeting": format!("Hello {name}") }))
//!     })
//! }
//! ```
//!
//! # OS-only runtimes
//!
//! Lambda applies `AWS_LAMBDA_EXEC_WRAPPER` to its managed runtimes only; on `provided.al2023` the variable is set and does
//! nothing. [`run`] therefore goes through the wrapper itself, once, before anything else happens ([`through_wrapper`]). Binaries
//! that do not use this crate need a `bootstrap` of two lines: see `layer/README.md`.

mod clock;
mod failure;
mod init_error;
mod logs;
mod refusal;
mod service;
mod through_wrapper;
mod variables;

pub use clock::Clock;
pub use failure::Failure;
pub use lambda_runtime::{Context, Diagnostic, Error, LambdaEvent};
pub use refusal::Refusal;
pub use service::{Returned, run, run_responding, run_with};
pub use variables::{VariableError, Variables};
