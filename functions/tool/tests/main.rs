//! The tools as a state machine calls them: real servers with real certificates, a real content table, all on this machine.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function, in those of a test.
#![allow(unreachable_pub)] // What the kit offers; nobody but this program reaches it.

#[allow(dead_code, reason = "the guard's own tests use all of it")]
#[path = "../../http-guard/tests/site.rs"]
mod site;
mod world;

mod document_search;
mod envelope;
mod fit;
mod gateway;
mod http_get;
mod http_request;
mod limits;
mod long_results;
mod marker;
mod open;
mod pages;
mod show;
mod signing;
mod ssrf;
mod weather;
