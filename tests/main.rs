//! The real extension between a scripted Lambda and a scripted runtime: every rule of the contract, seen from outside.
//!
//! One binary, so that the kit is compiled once. Each test is named after the rule it holds.
#![allow(clippy::unwrap_used)]

mod attacks;
mod attempts;
mod bounds;
mod cache;
mod canary;
mod cases;
mod chains;
mod cli;
mod concurrency;
mod conformance;
mod connections;
mod conversation;
mod deadlines;
mod documentation;
mod envelopes;
mod extensions_api;
mod fault_matrix;
mod faults;
mod hostile;
mod http;
mod hydrate;
mod imports;
mod lengths;
mod lifecycle;
mod look_alikes;
mod memory;
mod metrics;
mod offload;
mod parts;
mod passthrough;
mod prices;
mod room;
mod round_trip;
mod runtimes;
mod s3;
mod snapstart;
mod soak;
mod static_checks;
mod stores;
mod streaming;
mod targets;
