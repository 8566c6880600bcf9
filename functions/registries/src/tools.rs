//! Tools, and the table that holds them.

mod function_arn;
mod repository;
mod tool;

pub use function_arn::FunctionArn;
pub use repository::{Offer, ToolRegistry};
pub use tool::{Tool, ToolStatus};
