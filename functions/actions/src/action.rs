//! What a tool is: a name, a description, parameters, and what it does.

use std::pin::Pin;

use http_guard::Guard;
use serde_json::{Value, json};

use crate::golf::Golf;
use crate::notifier::Notifier;
use crate::parameters::{self, Arguments, Parameter};
use crate::pdf_program::PdfProgram;
use crate::requests::Requests;
use crate::tool_error::ToolError;

/// One tool. Its file holds it as a constant, the table names it.
#[derive(Debug)]
pub struct Action {
    /// In snake case, as models call it.
    pub name: &'static str,
    /// Names under which it is called too. They are listed nowhere.
    pub aliases: &'static [&'static str],
    /// What a model reads in order to decide whether to call it.
    pub description: &'static str,
    /// Words by which a registry groups it.
    pub tags: &'static [&'static str],
    /// What it needs besides the web.
    pub needs: Need,
    /// Whether a call may change something outside, so that a client may ask its user first.
    pub changes: bool,
    /// What it takes.
    pub parameters: &'static [Parameter],
    /// What it does.
    pub run: Run,
}

/// What a tool needs besides the web: not every function has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// [`Services::golf`].
    Golf,
    /// [`Services::notifier`].
    Notifier,
    /// [`Services::requests`].
    Requests,
}

/// What a tool does with arguments that fit its parameters.
pub type Run = for<'a> fn(&'a Services, Arguments) -> Running<'a>;

/// A tool at work.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<String, ToolError>> + Send + 'a>>;

/// What tools need besides their arguments. Built once.
#[derive(Debug)]
pub struct Services {
    /// Hosts that a model may choose.
    pub web: Guard,
    /// The weather service, and nobody else.
    pub weather: Guard,
    /// What reads PDF files, if the function has it.
    pub pdf: Option<PdfProgram>,
    /// Hosts that may be sent requests, if there are any.
    pub requests: Option<Requests>,
    /// The golf provider, where somebody can sign in.
    pub golf: Option<Golf>,
    /// Where notifications go, where they go anywhere.
    pub notifier: Option<Box<dyn Notifier>>,
}

impl Action {
    /// Whether it is called by this name.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// The error of a call that was still at work when its time was over.
    pub fn unfinished(&self) -> ToolError {
        let name = self.name;
        if self.changes {
            return ToolError::unknown(format!(
                "`{name}` did not finish in time, and may have done what it was asked to: look whether it did before you call it again"
            ));
        }
        ToolError::new(format!("`{name}` did not finish in time"))
    }

    /// Its entry in a registry of tools, but for where it runs.
    pub fn description(&self) -> Value {
        json!({
            "name": self.name,
            "description": self.description,
            "input_schema": parameters::schema(self.parameters),
            "output_schema": { "type": "string" },
            "tags": self.tags,
        })
    }
}
