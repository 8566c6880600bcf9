//! One way to call a model of any provider.
//!
//! A call holds a conversation and, by name, the model to continue it; the reply holds what the model said, the tools it wants
//! called, and the conversation as the next call takes it. Each API has a transformer ([`transformers`]) between the unified
//! message ([`message`]) and its own words.
//!
//! A call goes through [`service`]: what is wrong with it is found before anything is sent ([`conversation`], [`target`]); a key
//! goes only where it belongs ([`destination`]); money is reserved before it is spent. What may pass by itself is tried again while
//! there is time ([`retries`]); after that a state machine retries by the names of [`error`].
//!
//! Which models there are is in rows ([`models`]), with what they cost ([`prices`]); [`budget`] caps what a day may cost.

mod attempt;
pub mod budget;
mod call;
mod changes;
mod conversation;
mod destination;
mod error;
mod extract;
mod handles;
mod http;
mod listener;
mod message;
pub mod models;
pub mod prices;
mod prompt;
mod retries;
mod service;
mod sse;
mod target;
mod today;
mod transformer;
mod transformers;

pub use call::{Call, FunctionCall, Metadata, ProviderConfig, Reply, TokensUsed, ToolChoice, ToolOffer};
pub use error::CallError;
pub use http::client as http_client;
pub use message::{Block, Content, Message, NotRun, Origin, Role, Source, ToolResult, ToolUse};
pub use retries::Retries;
pub use service::Llm;
pub use today::Today;
