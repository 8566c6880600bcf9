//! How `DynamoDB` and Secrets Manager are spoken to. The JSON of their operations is written and parsed here and nowhere
//! else; of a content nobody parses anything.
//!
//! - `endpoint`, `tls`, `credentials`: where, checked against whose certificates, signed by whose keys
//! - `connector`: HTTP connections, kept
//! - `signature`, `service`: signed requests, and errors by their names
//! - `json`, `attribute`, `operation`: the operations on a table as `DynamoDB` spells them; pure

pub(super) mod attribute;
pub(super) mod connector;
pub(super) mod credentials;
pub(super) mod endpoint;
pub(super) mod json;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod judged_by_sdk;
pub(super) mod operation;
pub(super) mod service;
mod signature;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod test_server;
pub(super) mod tls;
