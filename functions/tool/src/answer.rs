//! What one invocation gives.

use serde::Serialize;
use serde_json::Value;

use crate::envelope::ToolResult;

/// By what was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Of a tool's call: what the model reads.
    Result(ToolResult),
    /// Of a call by an AgentCore gateway: the tool's result, parsed if it is JSON.
    Plain(Value),
    /// Of `{"type": "show"}`: the value for readers without a layer.
    Shown {
        /// Without references; what is too long in it is its beginning and a handle.
        value: Value,
    },
    /// Of `{"type": "open"}`: the input of another function's tool.
    Opened {
        /// With texts in place of handles.
        input: Value,
    },
    /// Of `{"type": "fit"}`: what another function gave, as the content of a result.
    Fitted {
        /// Text, or a list of blocks.
        content: Value,
        /// Whether it says what went wrong.
        is_error: bool,
    },
}
