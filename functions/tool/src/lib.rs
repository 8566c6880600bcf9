//! What an agent can do: a table of tools behind one envelope.
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
//! # A new tool
//!
//! One file in `actions/`, with a constant [`Action`](action::Action); one line in the [table](actions::TABLE). What a parameter takes is declared
//! once: its schema and its check are made of the same declaration.

mod action;
mod actions;
mod content_table;
mod content_variables;
mod envelope;
mod handle;
mod handler;
mod html_text;
#[cfg(test)]
mod linear_time;
mod long_result;
mod page_text;
mod parameters;
mod passages;
#[cfg(test)]
mod properties;
mod signing_keys;

pub use self::actions::description;
pub use self::envelope::ToolResult;
pub use self::handler::{State, handle};
