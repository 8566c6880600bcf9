//! Gateways: their rows, and what brings a row and AgentCore together.

mod deletion;
mod drift;
mod flow;
mod list;
mod request;
mod row;
mod step;

pub(crate) use drift::drift;
pub(crate) use request::{GatewayChange, NewGateway, Place};
pub(crate) use row::{GatewayRow, key};
