//! Tools, which AgentCore calls targets: their rows, and what brings a row and AgentCore together.

mod auth;
mod creation;
mod drift;
mod flow;
mod hosts;
mod list;
mod listing;
mod published;
mod removal;
mod request;
mod row;
mod rows;
mod step;
mod update;

pub(crate) use drift::drift;
pub(crate) use hosts::TokenHosts;
pub(crate) use listing::Listing;
pub(crate) use request::ToolRequest;
pub(crate) use row::ToolRow;
pub(crate) use update::ToolChange;
