//! A registry that keeps AgentCore gateways and their targets in step with tables.
//!
//! Every change is written before and after AgentCore is asked, so that a crash between any two steps leaves a row that says what is
//! left to do: the same request again, or a reconciliation, does it. A row's status says which steps those are:
//!
//! | status | steps |
//! |---|---|
//! | `PENDING` | `CreateGateway` with a token that follows from the row's key, write the id, `GetGateway` until it is ready, write `ACTIVE` |
//! | `DELETING` | delete the targets, `DeleteGateway`, `GetGateway` until it is gone, write `DELETED` |
//! | `ACTIVE`, `FAILED`, `DELETED` | none |
//!
//! A row is only written over what it was read as. A request that was overtaken reads again and continues from there.

#![recursion_limit = "256"] // The futures of SDK clients, in those of a function.

mod api;
mod audit;
mod control;
mod deadline;
mod gateways;
mod handler;
mod identity;
mod multipart;
mod names;
mod page;
mod reconcile;
mod registry;
mod reply;
mod rows;
mod specs;
mod table;
mod toolname;
mod tools;

pub use self::handler::handle;
pub use self::registry::{Clients, Registry};
pub use self::specs::Bucket;
