//! `webapi`: messages and schedules over HTTP.
//!
//! A request is checked whole before anything is stored: what is refused (400, 404, 409, 413) has left no trace. Then the row is
//! written, then the message is published, then the row says `queued`. If SNS refuses, the row says `failed` and the reply is 502. A
//! request with an `Idempotency-Key` may be sent again at any time: it leads to one message.

mod agent_payload;
mod api;
mod auth_config;
mod creation;
mod idempotency;
mod lists;
mod message_request;
mod notification_payload;
mod overview;
mod payload;
mod results;
pub mod routes;
mod schedule_change;
mod schedule_request;
mod settings;
mod texts;
mod usage;
mod web_action_payload;

pub use api::{MAX_BODY, WebApi, handle};
