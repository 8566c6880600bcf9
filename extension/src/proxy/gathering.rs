//! Responses on their way into memory: how much of it they take together (O10), and what becomes of one that ends early (P7).

use std::time::Instant;

use super::error::ProxyError;
use super::sandbox::{LAMBDA_RESPONSE_LIMIT, Proxy, longest_response};
use crate::error::Failure;
use crate::invocations::Invocation;
use crate::payload::Payload;
use crate::room::Part;
use crate::runtime_api::UpstreamError;
use crate::wire::{Connection, Framing, RequestHead, WireError};

/// Why a response is not in memory.
pub(super) enum Ungathered {
    /// Its invocation fails.
    Failed(Failure),
    /// It ended early, after this much of it.
    BrokenOff(Payload, WireError),
    /// It is not a request that can be read.
    Unreadable(WireError),
}

impl<S> Proxy<S> {
    /// All of a response, each piece shown to `look` as it arrives, which says whether the response is needed in one; and the
    /// part of the room that it takes. It is not read before there is room: what it announces is taken at once, so that
    /// no two responses wait for each other. One in chunks announces nothing, and takes what Lambda takes; when it is longer, it takes
    /// at once all that a response may have, and gives back at its end what it did not need. No more of them are read together
    /// than leave that much: so one can always grow, and the others after it.
    pub(super) async fn gather(
        &self,
        request: &RequestHead,
        runtime: &mut Connection,
        invocation: &mut Invocation,
        mut look: impl FnMut(&[u8]) -> bool,
    ) -> Result<(Payload, Part<'_>), Ungathered> {
        let (mut payload, mut part, mut growing) = (Payload::default(), self.responses.part(), self.growing.part());
        let announced = announced(request.framing);
        if announced.is_none() {
            self.make_room(&mut growing, LAMBDA_RESPONSE_LIMIT, invocation).await?;
        }
        self.make_room(&mut part, announced.unwrap_or(LAMBDA_RESPONSE_LIMIT), invocation).await?;
        loop {
            let piece = match runtime.data().await {
                Ok(Some(piece)) => piece,
                Ok(None) => {
                    part.shrink(payload.len() as u64);
                    return Ok((payload, part));
                }
                Err(error @ (WireError::Io(_) | WireError::Closed)) => {
                    return Err(Ungathered::BrokenOff(payload, error));
                }
                Err(error) => return Err(Ungathered::Unreadable(error)),
            };
            let len = (payload.len() + piece.len()) as u64;
            if len > part.bytes() {
                self.make_room(&mut part, len.max(self.longest_response()), invocation).await?;
            }
            if look(&piece) {
                payload.join(piece, runtime.expected());
            } else {
                payload.push(piece);
            }
        }
    }

    /// Takes room for `bytes` of a response, as soon as others leave it.
    async fn make_room(&self, part: &mut Part<'_>, bytes: u64, invocation: &mut Invocation) -> Result<(), Ungathered> {
        let longest = self.longest_response();
        if bytes > longest {
            return Err(Ungathered::Failed(Failure::response_too_large(longest)));
        }
        if part.grow_now(bytes) {
            return Ok(());
        }
        let begun = Instant::now();
        let is_free = part.grow(bytes, invocation.store_until(self.config.store_timeout)).await;
        invocation.work.waiting += begun.elapsed();
        if is_free { Ok(()) } else { Err(Ungathered::Failed(Failure::no_room_for_response(self.responses.size()))) }
    }

    fn longest_response(&self) -> u64 {
        longest_response(self.responses.size())
    }

    /// What becomes of a request whose response is not in memory, unless it fails: what ended early ends early upstream.
    pub(super) async fn break_off(&self, request: &RequestHead, payload: &Payload, error: WireError) -> ProxyError {
        if let Err(error) = self.upstream.break_off(request, payload).await {
            tracing::debug!(%error, "a response that ended early cannot be passed on");
        }
        UpstreamError::Request(error).into()
    }
}

/// Bytes that a response says it has before the first of them is read.
fn announced(framing: Framing) -> Option<u64> {
    match framing {
        Framing::Length(len) => Some(len),
        Framing::Chunked | Framing::Close => None,
        Framing::None => Some(0),
    }
}
