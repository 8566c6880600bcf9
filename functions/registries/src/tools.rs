//! Tools, and the table that holds them.

mod function_arn;
mod remote;
mod repository;
mod tool;

pub use function_arn::FunctionArn;
pub use remote::{Auth, Described, Remote, Transport, digest};
pub use repository::{Offer, ToolRegistry};
pub use tool::{Tool, ToolStatus};
