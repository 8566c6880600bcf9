//! The three tables as the template makes them, in a real database, by the real SDK.

#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod claims;
mod messages;
mod results;
mod schedules;
mod tables;
