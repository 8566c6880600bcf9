//! Calls against stand-ins: providers by HTTP, AWS by the real SDK.

#[allow(clippy::unwrap_used)]
mod costs;
#[allow(dead_code, unused_imports, reason = "the tests of the function `llm` use all of it")]
mod kit;
#[allow(dead_code, reason = "the registries' own tests use all of it")]
#[path = "../../registries/tests/tables.rs"]
mod tables;

mod budget;
mod conversations;
mod exchanges;
mod faults;
mod long_results;
mod money;
mod refusals;
mod retries;
mod scripted;
mod shipped_models;
#[allow(clippy::unwrap_used)]
mod streams;
