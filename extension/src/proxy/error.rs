//! Why the proxy has no answer for the runtime.

use crate::runtime_api::UpstreamError;
use crate::wire::WireError;

/// Why a request of the runtime has no answer from upstream.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the event broke off: {0}")]
    Event(WireError),
    #[error("the request id cannot stand in a path")]
    RequestId,
    #[error("the runtime gave its poll up")]
    Gone,
}
