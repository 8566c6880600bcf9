//! Web actions against other people's services on this machine, real tables, and a topic that records.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function, in those of a test.
#![allow(unreachable_pub)] // What the kit offers; nobody but this program reaches it.

mod batches;
mod booking;
mod crashes;
mod faults;
mod golf;
mod logs;
mod requests;
#[allow(dead_code, reason = "the guard's own tests use all of it")]
#[path = "../../http-guard/tests/site.rs"]
mod site;
mod start;
mod steps;
#[allow(dead_code, clippy::unwrap_used, reason = "the tests of records use all of it, and panic where they fail")]
#[path = "../../records/tests/tables.rs"]
mod tables;
mod weather;
mod world;
