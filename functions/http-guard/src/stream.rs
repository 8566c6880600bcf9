//! [`Guard::stream`]: one call whose response is read piece by piece, such as a stream of events that ends when an answer is there.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{self, HeaderValue};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::call::Call;
use crate::fetch::{Guard, location};
use crate::fetch_error::FetchError;
use crate::link::Link;
use crate::target::Target;

/// A response's body as it arrives, within the guard's limits. The connection ends with it.
pub struct Pieces {
    body: Incoming,
    /// Bytes that may still come.
    left: usize,
    limit: usize,
    end: Pin<Box<Sleep>>,
    time: Duration,
    host: String,
    _link: Link,
}

impl Guard {
    /// Sends a call, and gives the response as soon as its head is there. Limits count from now until the body's last byte. No redirect is
    /// followed, and nothing compressed is accepted.
    pub async fn stream(&self, call: &Call) -> Result<Response<Pieces>, FetchError> {
        let time = self.limits.time;
        let end = Instant::now() + time;
        timeout_at(end, self.opened(call, end)).await.unwrap_or(Err(FetchError::Late(time)))
    }

    async fn opened(&self, call: &Call, end: Instant) -> Result<Response<Pieces>, FetchError> {
        let target = Target::parse(call.url(), &self.hosts)?;
        let mut request = call.first(&target)?;
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let (link, response) = self.exchange(&target, request, call).await?;
        let host = target.host().to_owned();
        if location(&response).is_some() {
            return Err(FetchError::PostRedirected(host));
        }
        if response.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(FetchError::Compressed(host));
        }
        let (bytes, time) = (self.limits.bytes, self.limits.time);
        let end = Box::pin(sleep_until(end));
        Ok(response.map(|body| Pieces { body, left: bytes, limit: bytes, end, time, host, _link: link }))
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = FetchError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, FetchError>>> {
        if self.end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(FetchError::Late(self.time))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => self.counted(frame),
            Err(error) => Err(FetchError::Answer(self.host.clone(), error.to_string())),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Pieces {
    fn counted(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, FetchError> {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        self.left = self.left.checked_sub(bytes).ok_or(FetchError::TooLarge(self.limit))?;
        Ok(frame)
    }
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").field("host", &self.host).field("left", &self.left).finish_non_exhaustive()
    }
}
