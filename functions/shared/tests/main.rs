//! Registries, secrets and budgets by the real SDK. One program, because each would link the SDK and a table.

#![allow(clippy::unwrap_used)]

mod budget;
mod registries;
mod secrets;
mod tables;
