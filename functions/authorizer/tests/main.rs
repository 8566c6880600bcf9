//! Who is let in, by a real secret's stand-in and a provider of tokens on this machine.

#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod decisions;
mod faults;
mod start;
mod world;
