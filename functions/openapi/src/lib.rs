//! OpenAPI documents, as far as an AgentCore gateway makes tools of them.
//!
//! [`Document::read`] takes JSON or YAML of up to 5 MiB and checks it against the OpenAPI Initiative's own schemas (3.0 and 3.1, in
//! `schemas/`), then what a gateway asks for besides: an `operationId` for each operation, each only once. A [`Mistake`] names what is wrong
//! by its JSON Pointer. [`Document::operations`] are the tools that a gateway makes of it, [`Document::request`] is what calls
//! one of them. [`generated`] writes a document for one URL.
//!
//! Nothing is fetched, and what a document may cost is bounded: its length, its depth, what YAML aliases expand to, how many
//! operations it has, and how far a schema's references are followed.

mod check;
mod document;
mod generated;
mod input;
mod mistake;
mod operations;
mod pointers;
mod request;
mod schemas;
#[cfg(test)]
mod tests;

pub use self::document::{Document, MAX_BYTES};
pub use self::generated::{ApiInfo, generated};
pub use self::mistake::Mistake;
pub use self::operations::Operation;
pub use self::request::{NotCalled, Request};
