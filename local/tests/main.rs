//! `lambda-local` from outside: through the real AWS SDK, with real processes in the sandboxes.
#![allow(clippy::unwrap_used, missing_docs)]
// Units are multiples of a half: exact.
#![allow(clippy::float_cmp)]

mod agent;
mod browser;
mod invoke;
mod managed_instances;
mod page;
mod sandboxes;
mod stage;
mod step_functions;
mod table;

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_http_client::Builder;

/// The SDK's own HTTP client, without TLS: everything here is on the loopback.
fn http_client() -> SharedHttpClient {
    Builder::new().build_http()
}
