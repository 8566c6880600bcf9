//! Payloads on the proxy's hands: gathered to be judged, or streaming by.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRAILER};
use http::{Response, response};
use http_body::Body as _;
use http_body_util::{BodyExt, Either, Limited};
use hyper::body::Incoming;

use crate::payload::Payload;
use crate::runtime_api::{Body, remove_hop_by_hop};

/// Bytes of payload above which work on it is handed to another thread.
const LARGE: u64 = 8 << 20;

/// Bytes of a body that are read only to keep its connection.
const DRAINED_LENGTH: usize = 64 << 10;

/// How long a body is read only to keep its connection.
const DRAINED_TIME: Duration = Duration::from_secs(1);

/// All of a body, each piece shown to `look` as it arrives, which says whether the body is needed in one.
pub(super) async fn gather(mut body: Incoming, mut look: impl FnMut(&[u8]) -> bool) -> Result<Payload, hyper::Error> {
    let mut payload = Payload::default();
    while let Some(piece) = next_data(&mut body).await? {
        if look(&piece) {
            payload.join(&piece, body.size_hint().lower());
        } else {
            payload.push(piece);
        }
    }
    Ok(payload)
}

async fn next_data(body: &mut Incoming) -> Result<Option<Bytes>, hyper::Error> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// Reads a body that nobody waits for, because only then is its connection used again. A long or a slow one is not
/// worth the wait.
pub(super) async fn drain(body: Body) {
    let rest = Limited::new(body, DRAINED_LENGTH).collect();
    let _ = tokio::time::timeout(DRAINED_TIME, rest).await;
}

/// An event with its upstream's head. Its length and framing are ours.
pub(super) fn gathered(mut head: response::Parts, event: Payload) -> Response<Body> {
    remove_hop_by_hop(&mut head.headers);
    head.headers.remove(CONTENT_LENGTH);
    head.headers.remove(TRAILER);
    Response::from_parts(head, Either::Left(event))
}

/// An answer of upstream, streaming by.
pub(super) fn forwarded(response: Response<Incoming>) -> Response<Body> {
    let mut response = response.map(Either::Right);
    remove_hop_by_hop(response.headers_mut());
    response
}

/// The outcome of `work` on about `bytes` bytes of payload. What takes long leaves the runtime's thread: there, other
/// invocations would wait for it. Anything that fits Lambda's own limits is done sooner than handed over.
pub(super) async fn compute<T: Send + 'static>(bytes: u64, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes <= LARGE {
        return work();
    }
    tokio::task::spawn_blocking(work).await.expect("BUG: payload work neither panics nor is aborted")
}
