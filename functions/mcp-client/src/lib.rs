//! Calls tools of MCP servers, whose rows are in the registry of tools (`transport: mcp`).
//!
//! The agent's state machine hands over a call with what the row says of the server. The model saw the description and the schema of the
//! row; here the server is asked for its tools first, and if it describes the tool otherwise now, the call is an error that says so. Whatever
//! else goes wrong is a result with `is_error` too: the state machine has nothing to catch.
//!
//! A server is somebody else's:
//!
//! - It is reached through [`http_guard`] only: a public host that `ALLOWED_HOSTS` names, at the address that was checked, without
//!   redirects, and with a limit of bytes and of time.
//! - Its text is data. It becomes the content of a result, never a message of another role, and nothing in it is opened as a reference.
//! - What it asks of a client (`sampling`, `elicitation`, `roots`) is not there.
//!
//! `{"type": "list", "endpoint", "auth"}` gives the server's tools, for the command that writes their rows.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

mod connection;
mod credentials;
mod error;
mod event;
mod guarded;
mod handler;
mod remote;
mod result_text;
mod state;

pub use self::connection::{Connection, Posting};
pub use self::error::CallError;
pub use self::handler::handle;
pub use self::state::State;
