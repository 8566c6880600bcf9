//! The guard against real servers with real certificates, on this machine. Run with the feature `test-endpoints`.

#![allow(unreachable_pub)] // What the kit offers; nobody but this program reaches it.

mod calls;
mod guard;
mod limits;
mod site;
mod ssrf;
