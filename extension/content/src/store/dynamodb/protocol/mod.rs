//! How `DynamoDB` and Secrets Manager are reached.
//!
//! - `connector`, `tls`: HTTP connections, kept, and whose certificates they are checked against
//! - `credentials`: whose keys sign requests
//! - `client`: what the SDK's clients are built on

pub(super) mod client;
pub(super) mod connector;
pub(super) mod credentials;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod test_server;
pub(super) mod tls;
