//! The day's budget by the real SDK.

#![allow(clippy::unwrap_used)]

mod costs;
#[allow(dead_code, reason = "the registries' own tests use all of it")]
#[path = "../../registries/tests/tables.rs"]
mod tables;
