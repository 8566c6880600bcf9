//! The registry on real tables by the real SDKs, and a stand-in of AgentCore's control API.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test panics where it fails")]
#![recursion_limit = "256"] // The futures of SDK clients, in those of a function.

mod concurrency;
mod crashes;
mod gateways;
mod reconcile;
mod recorder;
mod world;
