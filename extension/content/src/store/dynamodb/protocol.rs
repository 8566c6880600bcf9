//! How `DynamoDB`, Secrets Manager and S3 are reached.
//!
//! - `connector`: requests over HTTP connections; `dial` opens a connection, `traffic` notes what it last did, and `pool`
//!   keeps connections
//! - `tls`: the root certificates against which they are checked
//! - `credentials`: the keys that sign requests
//! - `client`: the connector and credentials in the form that the SDK's clients need

pub(crate) mod client;
pub(crate) mod connector;
pub(super) mod credentials;
mod dial;
pub(super) mod pool;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod test_server;
pub(super) mod tls;
mod traffic;
