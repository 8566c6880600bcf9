//! AgentCore's control API.

mod client;
mod control_error;
mod gateways;

pub(crate) use client::Control;
pub(crate) use control_error::{ControlError, ErrorKind, found};
pub(crate) use gateways::{GatewaySeen, Jwt, Own, WantedGateway};
