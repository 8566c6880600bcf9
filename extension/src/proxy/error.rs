//! Why the proxy has no answer for the runtime.

use crate::runtime_api::UpstreamError;
use crate::wire::WireError;

/// Why a request of the runtime has no answer from upstream.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the event ended before it was complete: {0}")]
    Event(WireError),
    #[error("the request id contains characters that a URL path cannot have")]
    RequestId,
    #[error("the runtime disconnected while it polled")]
    Gone,
}
