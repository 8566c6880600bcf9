//! The function on real tables by the real SDK, with stand-ins of SNS and EventBridge Scheduler.

#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod changes;
mod daily;
mod due;
mod faults;
mod services;
mod start;
mod tables;
mod wire;
mod world;
