//! What a tool is: a name, a description, parameters, and what it does.

use std::pin::Pin;

use http_guard::{AllowedHosts, Guard, Network};
use serde_json::{Value, json};

use crate::parameters::{self, Arguments, Parameter};

/// One tool. Its file holds it as a constant, the table names it.
#[derive(Debug)]
pub(crate) struct Action {
    /// In snake case, as models call it.
    pub(crate) name: &'static str,
    /// What a model reads in order to decide whether to call it.
    pub(crate) description: &'static str,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) run: Run,
}

/// What a tool does with arguments that fit its parameters.
pub(crate) type Run = for<'a> fn(&'a Services, Arguments) -> Running<'a>;

/// A tool at work.
pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = Result<String, ToolError>> + Send + 'a>>;

/// What tools need besides their arguments. Built once.
#[derive(Debug)]
pub(crate) struct Services {
    /// Hosts that a model may choose.
    pub(crate) web: Guard,
    /// The weather service, and nobody else.
    pub(crate) weather: Guard,
}

/// Why a tool gives no result, in words for the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ToolError(String);

impl ToolError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl Action {
    /// Its entry in a registry of tools, but for where it runs.
    pub(crate) fn description(&self) -> Value {
        json!({
            "name": self.name,
            "description": self.description,
            "input_schema": parameters::schema(self.parameters),
            "output_schema": { "type": "string" },
        })
    }
}

impl Services {
    pub(crate) fn new(network: &Network, allowed: AllowedHosts) -> Self {
        use crate::actions::{http_get, weather};
        Self {
            web: Guard::new(network.clone(), allowed, http_get::LIMITS),
            weather: Guard::new(network.clone(), weather::hosts(), weather::LIMITS),
        }
    }
}
