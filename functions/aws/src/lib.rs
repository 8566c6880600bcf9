//! What the functions' AWS clients are made of, and what their errors say.

pub mod clients;
pub mod sdk_errors;

pub use aws_config::SdkConfig;
