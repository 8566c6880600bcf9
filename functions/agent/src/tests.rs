//! The function against real tables, with stand-ins for models and for the functions of tools.

#![allow(clippy::unwrap_used)]

#[path = "../../../local/tests/browser.rs"]
#[expect(dead_code, reason = "the page of executions needs more of it")]
mod browser;
mod budget;
mod examples;
mod faults;
mod front;
mod http;
mod page;
mod queue;
mod scenarios;
mod sessions;
mod stand_ins;
mod workflow;
mod world;
