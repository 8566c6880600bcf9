//! Messages, schedules and results of web actions, and the tables that hold them.
//!
//! - [`Message`], [`Schedule`] and [`ActionResult`] have exactly the attributes of the tables of the stack `messaging`.
//! - [`Messages`], [`Schedules`] and [`Results`] are one trait per table; [`DynamoDb`] implements each over one table.
//! - [`id`] makes ids: `msg_20240115120000_123456789012345678`.
//!
//! Every change of a status is one conditional write that names the statuses it may start from. So a message that SQS delivers twice
//! is changed once, and the caller learns which status it has instead.
//!
//! Objects and lists are stored as JSON text: a table refuses numbers of more than 38 digits and more than 32 levels, JSON does not.

mod action_result;
mod change;
mod dynamodb;
mod error;
pub mod id;
mod message;
mod messages;
pub mod moment;
mod page;
mod results;
mod row;
mod schedule;
mod schedules;
pub mod usage;
mod web_action;

pub use action_result::{ActionResult, RESULT_LIFE, ResultStatus};
pub use change::{Change, Changed};
pub use dynamodb::DynamoDb;
pub use error::RecordError;
pub use message::{Message, MessageStatus, MessageType, SCHEMA_VERSION};
pub use messages::{CLAIM_LIFE, Claim, Count, MessageFilter, Messages, messages};
pub use page::{Listed, Page};
pub use results::{Results, results};
pub use schedule::{Schedule, ScheduleAction, ScheduleStatus, schedule_id};
pub use schedules::{Outcome, Schedules, schedules};
pub use web_action::{AuthConfig, AuthType, WebAction, WebActionPayload};
