//! What the tests share: stand-ins for providers and for AWS, and a function that knows only them. The tests of the function
//! `llm` have it too.

#[path = "kit/aws.rs"]
mod aws;
#[path = "kit/provider.rs"]
mod provider;
#[path = "kit/world.rs"]
mod world;

pub(crate) use aws::{COSTS, MODELS, Secrets, Tables, dynamodb};
pub(crate) use provider::{Nobody, Provider, Received, Response};
pub(crate) use world::{KEY, SECRET, World, question};
