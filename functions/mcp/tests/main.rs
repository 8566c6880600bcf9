//! The server as clients see it: real clients over HTTP, real sites with real certificates, a real content table, all on this machine.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function, in those of a test.
#![allow(unreachable_pub)] // What the kit offers; nobody but this program reaches it.

#[allow(dead_code, reason = "the guard's own tests use all of it")]
#[path = "../../http-guard/tests/site.rs"]
mod site;

mod access;
mod errors;
mod progress;
mod results;
mod versions;
mod world;
