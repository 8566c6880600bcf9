//! What `webaction` does with a batch of the web actions queue: each message's action is performed, and its result is stored for three
//! days.
//!
//! # In which order
//!
//! 1. The message becomes `processing`. One that is `completed` is left alone.
//! 2. The action is performed. One that must not be performed twice, such as a booking, has a result `started` before: that is the intent.
//! 3. The result is stored, `completed` or `failed`.
//! 4. A notification is published, unless the payload says otherwise. Its id follows from the message's, so that a repeat counts as one.
//! 5. The message becomes `completed` or `failed`.
//!
//! SQS delivers again what failed, and what an invocation did not finish. Then the steps that were done are not done again: a result that
//! is there is taken, and a result that is `started` is resolved by asking what became of it. If that cannot be told, it fails with
//! `outcome unknown`, a person is notified, and nothing is repeated.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

mod handler;
mod hosts;
mod notification;
mod outcome;
mod publisher;
mod resolution;
mod services;
mod steps;
mod task;
mod web_actions;

pub use handler::handle;
pub use publisher::Publisher;
pub use services::WebServices;
pub use web_actions::WebActions;
