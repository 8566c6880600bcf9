//! The tools as a state machine calls them: real servers with real certificates, a real content table, all on this machine.

#![allow(unreachable_pub)] // What the kit offers; nobody but this program reaches it.

#[path = "../../http-guard/tests/site/mod.rs"]
mod site;
mod world;

mod document_search;
mod envelope;
mod http_get;
mod long_results;
mod ssrf;
mod weather;
