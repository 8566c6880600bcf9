//! The registry on real tables by the real SDKs, and a stand-in of AgentCore's control API.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test panics where it fails")]
#![recursion_limit = "256"] // The futures of SDK clients, in those of a function.

mod concurrency;
mod crashes;
mod descriptions;
mod faults;
mod gateways;
mod reconcile;
mod recorder;
#[path = "../../http-guard/tests/site.rs"]
#[allow(dead_code, unreachable_pub, clippy::new_without_default, reason = "it is also of other tests")]
mod site;
mod sources;
mod tools;
mod world;
