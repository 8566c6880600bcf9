//! A stand-in of Amazon Bedrock AgentCore: the control API for gateways, their targets and API key credential providers, and the gateways
//! themselves, which are MCP servers.
//!
//! Shapes, lengths, patterns and errors are those of the service's model (`bedrock-agentcore-control`, 2023-06-05). Where the model is
//! silent, this is what the stand-in does:
//!
//! - A new gateway or target is `CREATING`, a changed one `UPDATING`, until it was read as often as [`AgentCore::settle_after`] says, and
//!   then `READY` or what a script says ([`AgentCore::end`]). One that is deleted is `DELETING` as long, and then gone.
//! - Names are unique: of gateways in the account, of targets in their gateway, of providers in the account. A second one is a
//!   `ConflictException`.
//! - A `clientToken` that was used before gives what was made then; with another request, a `ConflictException`. Tokens are kept as long as
//!   the process lives, unless [`AgentCore::forget_tokens`] is called.
//! - A gateway with targets is not deleted (`ConflictException`), nor is one changed while it is `CREATING`, `UPDATING` or `DELETING`.
//!
//! A gateway answers at `/_agentcore/ID/mcp` ([`GATEWAYS`]), if the account was made by [`AgentCore::reaching`]. Its tools are those of its
//! `READY` targets: `target___operationId` of an OpenAPI document, called by HTTPS with the provider's key, and `target___name` of a
//! function, which gets the arguments as its event and the name in its client context. Other kinds of targets are listed as errors. A
//! description is in the words of the document; AgentCore may choose others.
//!
//! Signatures are not checked. Every call is recorded ([`AgentCore::calls`]), and the next calls of an operation can be made to fail
//! ([`AgentCore::fail`]).

mod access;
mod account;
mod api;
mod api_error;
mod call;
mod call_error;
mod gateways;
mod machine;
mod mcp;
mod means;
mod names;
mod oauth_providers;
mod offers;
mod outside;
mod providers;
mod script;
mod server;
mod store;
mod tags;
mod targets;

pub use account::AgentCore;
pub use call::Call;
pub use mcp::PREFIX as GATEWAYS;
pub use outside::Outside;
pub use script::{Ending, Fault};
pub use server::{router, serve};
