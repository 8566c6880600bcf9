//! Topics, by the real SDK against a stand-in of SNS; batches, as Lambda delivers them.

#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod batches;
mod sns;
mod topics;
