//! `processor` with a real table and a stand-in of ntfy.

#![allow(clippy::unwrap_used)]

mod batches;
mod failing;
mod faults;
mod start;
mod world;
