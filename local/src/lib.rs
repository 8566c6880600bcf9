//! AWS on one machine: Runtime API, Extensions API and Invoke API around real runtimes and real layers, DynamoDB tables, Step Functions over it all,
//! and, with an engine, every other service behind one endpoint.
//!
//! [`LambdaLocal::start`] takes a [`Config`], from a TOML file or built in code, and gives the address that the AWS CLI and the
//! SDKs take as `AWS_ENDPOINT_URL_LAMBDA`. Each invocation runs in a sandbox: the layer's extensions and the function's runtime as
//! processes of this machine, kept warm for the next invocation. Nothing is isolated: it is a tool for one's own code.

mod account;
mod answers;
mod child_program;
mod command;
mod config;
mod control;
mod definition;
mod deployed;
mod due;
mod endpoint;
mod engine;
mod environment;
mod error_type;
mod extensions_api;
mod function;
mod gateways;
mod host;
mod http_server;
mod invoke_api;
mod journal;
mod lambda;
mod lifecycle;
mod log;
mod mark;
mod page;
mod platform_log;
mod process;
mod python_program;
mod registration;
mod report;
mod reserved_port;
mod runtime_api;
mod sandbox;
mod shared_sandboxes;
mod state_folder;
mod step_functions;
pub mod table;

pub use config::{Config, ConfigError, EngineConfig, FunctionConfig, GatewaysConfig, ManagedInstances, Runtime};
pub use engine::EngineError;
pub use function::{InvokeError, InvokeRequest, Invoked};
pub use gateways::GatewaysError;
pub use lambda::{LambdaLocal, StartError};
pub use log::{LogLine, Logs};
pub use mark::{Mark, Sweeper};
pub use report::Report;
pub use reserved_port::ReservedPort;
pub use state_folder::StateError;
pub use step_functions::{StateMachineConfig, StepFunctionsConfig, StepFunctionsError};
