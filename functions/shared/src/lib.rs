//! What functions share that keep things in AWS: registries, secrets, budgets, the entrances of an HTTP API and of a stack. With what
//! every function needs, which is [`functions_base`].

pub mod agents;
pub mod budget;
pub mod clients;
pub mod clock;
pub mod custom_resource;
pub mod entrances;
pub mod fields;
pub mod http_api;
pub mod models;
pub mod moment;
mod names;
pub mod pages;
pub mod prices;
pub mod rows;
pub mod sdk_errors;
pub mod secrets;
mod status;
mod table_error;
pub mod tools;

pub use aws_config::SdkConfig;
pub use functions_base::*;
