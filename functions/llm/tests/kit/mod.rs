//! What the tests share: stand-ins for providers and for AWS, and a function that knows only them.

mod aws;
mod process;
mod provider;
mod world;

pub(crate) use aws::{COSTS, MODELS, Secrets, Tables, dynamodb};
pub(crate) use process::{Process, Variables};
pub(crate) use provider::{Nobody, Provider, Received, Response};
pub(crate) use world::{KEY, SECRET, World, question};
