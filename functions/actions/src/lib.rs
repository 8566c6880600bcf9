//! What an agent can do: a table of tools, for every caller.
//!
//! # A new tool
//!
//! One file in `tools/`, with a constant [`Action`]; one line in `tools.rs`, its `mod`; `make tools-sync` adds it to the [table](TABLE). What a
//! parameter takes is declared once: its schema and its check are made of the same declaration.

mod action;
mod feed_text;
pub mod golf;
mod handles;
mod html_text;
#[cfg(test)]
mod linear_time;
mod notifier;
mod page_text;
mod parameters;
mod passages;
mod pdf_program;
#[cfg(test)]
mod properties;
mod requests;
mod tool_error;
mod tools;
mod user_agent;
mod web_request;

pub use self::action::{Action, Need, Run, Running, Services};
pub use self::handles::text_of;
pub use self::notifier::{Notice, Notified, Notifier};
pub use self::parameters::{Arguments, Kind, Parameter, schema};
pub use self::pdf_program::{PDF_TO_TEXT, PdfProgram};
pub use self::requests::{NotARequestHost, RequestHosts, Requests};
pub use self::tool_error::ToolError;
pub use self::tools::{TABLE, TOOL_NAMES, chosen, description, forecast_at, named};
pub use self::web_request::{Authentication, TokenSource, WebAnswer, WebRequest, WebRequests};
