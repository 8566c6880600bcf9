//! What an agent can do ([`actions`]), behind the envelope of a state machine.
//!
//! A state machine hands over a model's tool call, `{"name","id","input"}`, and takes back a `tool_result` with text that the model
//! reads. Whatever goes wrong on the way is such a text too, with `is_error`: the model may correct itself, and the state
//! machine has nothing to catch.
//!
//! # Long results
//!
//! A model must not carry megabytes. A result of more than 2 KB is stored whole in the content table, and the model gets its beginning
//! and a *handle*: the reference without its `@content:` prefix, so that the layer does not put the content back on its way. A
//! parameter declared as content takes a handle in place of the text, and only such a parameter: one tool's 5 MB are the next
//! one's input. Without a content table (`AGENT_CONTEXT_TABLE`) results are whole, however long.
//!
//! # Three services for state machines
//!
//! `{"type": "show", "value", "longest"}` gives `{"value"}` for readers who have no layer: text in place of references, and of what is
//! longer than `longest` bytes a beginning and a handle. `{"type": "fit", "reply"}` gives `{"content", "is_error"}` for what another function
//! answered to a tool's call, whatever that is. `{"type": "open", "input", "input_schema"}` gives `{"input"}` for another function's tool, with
//! texts in place of handles. No model can ask for any of them: a call of a tool has no `type`.

//! # AgentCore gateways
//!
//! A Bedrock AgentCore gateway sends a tool's arguments alone and names the tool in the client context. It gets the whole result as JSON, or
//! the error `ToolFailed`. Its arguments open no handles: who calls a gateway is not the conversation that a handle came from.

#![recursion_limit = "256"] // The futures of a store on the SDK, in those of a function.

mod answer;
mod envelope;
mod fit;
mod gateway;
mod handler;
mod show;

pub use self::answer::Answer;
pub use self::envelope::ToolResult;
pub use self::handler::{State, handle};
pub use actions::description;
