//! An MCP server over Streamable HTTP whose tools are those of the agents ([`actions`]).
//!
//! The protocol is `rmcp`'s: every version that the crate knows, without sessions, so that a request may reach any sandbox. This crate
//! adds what the protocol leaves to a server:
//!
//! - who may call ([`access`]): by a key, by an access token of OAuth, or authenticated by AWS;
//! - what is refused before the protocol is spoken ([`envelope`]): text that is no JSON-RPC request, batches, references to contents;
//! - the tools of the table with their schemas ([`listing`]), and `get_result`, which gives a long result in pages;
//! - long results as resources, by handle, in ranges ([`resources`]).
//!
//! A client has no layer, so no reply holds a reference: a long result is its beginning and a handle, which `get_result` and
//! `resources/read` take.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

mod access;
mod access_tokens;
mod answer;
mod calls;
mod denied;
mod endpoint;
mod envelope;
mod handler;
mod invocation;
mod listing;
mod misfits;
mod outbox;
mod pages;
mod replies;
mod resources;
mod server;
mod state;
mod still_running;
mod web_actions;

pub use self::handler::handle;
pub use self::state::State;
