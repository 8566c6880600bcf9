//! How `DynamoDB`, Secrets Manager and S3 are reached.
//!
//! - `connector`: requests over HTTP connections; `dial`: opening one, `traffic`: what it last did, `pool`: which are kept
//! - `tls`: whose certificates they are checked against
//! - `credentials`: whose keys sign requests
//! - `client`: what the SDK's clients are built on

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
