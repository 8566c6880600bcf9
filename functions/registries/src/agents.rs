//! Agents, their versions, and the table that holds them.

mod agent;
mod repository;
mod version;

pub use agent::{Agent, AgentDefaults, AgentStatus, AgentTool, MAX_INSTRUCTIONS};
pub use repository::AgentRegistry;
pub use version::Version;
