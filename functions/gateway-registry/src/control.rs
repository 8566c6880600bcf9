//! AgentCore's control API.

mod client;
mod control_error;
mod gateways;
mod providers;
mod targets;

pub(crate) use client::Control;
pub(crate) use control_error::{ControlError, ErrorKind, found};
pub(crate) use gateways::{GatewaySeen, Jwt, Own, WantedGateway};
pub(crate) use providers::ApiKey;
pub(crate) use targets::{ApiKeyUse, OAuthUse, TargetKind, TargetSeen, WantedTarget};
