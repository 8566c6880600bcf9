//! Tables of agents and of tools, and the ways in which a registry is asked: over HTTP, and by stacks.

pub mod agents;
pub mod custom_resource;
pub mod entrances;
pub use http_api::fields;
pub mod moment;
mod names;
pub mod pages;
pub mod rows;
mod status;
pub mod table_error;
pub mod tools;
