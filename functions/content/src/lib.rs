//! Long texts of functions: kept in the content table, and called by *handles* that no layer opens on the way.
//!
//! What a function stores here is what the layer would store: the same table, keys and variables. What models, web clients and
//! tables must not carry goes by this crate; what a function answers to a state machine goes by the layer, and needs no word here.

mod error;
mod handle;
mod long_result;
#[cfg(test)]
mod properties;
mod references;
mod table;
mod tool_input;
pub mod tool_reply;
mod unmarked;

pub use error::ContentError;
pub use handle::{Handle, NotAHandle};
pub use long_result::{LONGEST, beginning, preview};
pub use references::refuse_references;
pub use table::{Asking, ContentTable, Life};
pub use tool_input::opened;
pub use unmarked::unmarked;
