//! What the tests share: stand-ins for providers and for AWS, and a function that knows only them.

mod aws;
mod provider;
mod world;

pub(crate) use aws::{Secrets, Tables};
pub(crate) use provider::{Provider, Received, Response};
pub(crate) use world::{KEY, World, question};
