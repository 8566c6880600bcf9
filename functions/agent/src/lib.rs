//! An agent that answers over HTTP.
//!
//! A turn is one request: the session's conversation, the question, calls of the model and of tools until the model has answered, and
//! the answer, whole or piece by piece. The rules are those of the state machine, which answers what takes longer or needs a person's
//! approval (`mode: workflow`).
//!
//! [`handler`] has one invocation, `api` the paths, `agent` one question, `turn` the loop, and `progress` its rules, without any waiting.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

mod agent;
mod api;
mod caller;
mod card;
mod error;
mod events;
mod handler;
mod history;
mod invocation;
mod limits;
mod model_call;
mod page;
mod progress;
mod question;
mod queue;
mod reply;
mod results;
mod sessions;
mod settings;
mod tools;
mod turn;
mod workflow;

#[cfg(test)]
mod tests;

pub use agent::Agent;
pub use handler::{State, handle};
pub use invocation::Invoking;
pub use model_call::{Answering, Hear};
