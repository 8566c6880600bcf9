//! What every Rust function of this project shares: the way in through the layer, logs, typed failures and [`run`].
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
//! # The OS-only door
//!
//! Lambda applies `AWS_LAMBDA_EXEC_WRAPPER` to its managed runtimes only; on `provided.al2023` the variable is set and does
//! nothing. [`run`] therefore goes through the wrapper itself, once, before anything else happens ([`door`]). Binaries
//! that do not use this crate need two lines instead, as an executable file named `bootstrap`:
//!
//! ```sh
//! #!/bin/sh
//! exec /opt/extensions/lrap-wrapper/wrapper "$LAMBDA_TASK_ROOT/my-binary"
//! ```

#[cfg(feature = "aws")]
pub mod agents;
#[cfg(feature = "aws")]
pub mod budget;
#[cfg(feature = "aws")]
pub mod clients;
#[cfg(feature = "aws")]
pub mod clock;
#[cfg(feature = "aws")]
pub mod custom_resource;
mod door;
#[cfg(feature = "aws")]
pub mod entrances;
mod failure;
#[cfg(feature = "aws")]
pub mod fields;
#[cfg(feature = "aws")]
pub mod http_api;
mod init_error;
mod logs;
#[cfg(feature = "aws")]
pub mod models;
#[cfg(feature = "aws")]
pub mod moment;
#[cfg(feature = "aws")]
mod names;
#[cfg(feature = "aws")]
pub mod pages;
#[cfg(feature = "aws")]
pub mod prices;
mod refusal;
#[cfg(feature = "aws")]
pub mod rows;
#[cfg(feature = "aws")]
pub mod sdk_errors;
#[cfg(feature = "aws")]
pub mod secrets;
mod service;
#[cfg(feature = "aws")]
mod status;
#[cfg(feature = "aws")]
mod table_error;
#[cfg(feature = "aws")]
pub mod tools;
mod variables;

#[cfg(feature = "aws")]
pub use aws_config::SdkConfig;
pub use failure::Failure;
pub use lambda_runtime::{Context, Diagnostic, Error, LambdaEvent};
pub use refusal::Refusal;
pub use service::{run, run_with};
pub use variables::{VariableError, Variables};
