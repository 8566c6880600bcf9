//! The API as its clients see it: events of an HTTP API in, replies out; real tables by the real SDK, and a stand-in of SNS.

#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod crashes;
mod extremes;
mod fault_table;
mod faults;
mod hostile;
mod idempotency;
mod injections;
mod lists;
mod messages;
mod open_api;
mod page;
mod refusals;
mod schedules;
mod start;
mod world;
