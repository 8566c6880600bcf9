//! Reads responses into memory: how much memory they may take together (O10), and what happens to a response that ends early
//! (P7).

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
    /// The request that carries it cannot be read.
    Unreadable(WireError),
}

impl<S> Proxy<S> {
    /// Reads a whole response, and returns it with the part of the room that it takes. Shows each piece to `look` as it
    /// arrives; `look` returns whether the response is needed in one piece.
    ///
    /// A response is not read before there is room for it. A response with a length takes room for all of it at once, so
    /// that no two responses wait for each other. A response in chunks has no length, so it first takes room for the longest
    /// response that Lambda accepts. If it is longer, it takes room for the longest response that is buffered, and at its
    /// end gives back what it did not need. Only so many responses in chunks are read at the same time that this much room
    /// is left. So one of them can always grow, and then the next.
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

    /// Takes room for `bytes` of a response, as soon as other responses leave it.
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

    /// Forwards a response that ended early as far as it arrived, so that it ends early for upstream, too.
    pub(super) async fn break_off(&self, request: &RequestHead, payload: &Payload, error: WireError) -> ProxyError {
        if let Err(error) = self.upstream.break_off(request, payload).await {
            tracing::debug!(%error, "a response that ended early cannot be passed on");
        }
        UpstreamError::Request(error).into()
    }
}

/// Bytes that a response has according to its head; `None` if the head does not say.
fn announced(framing: Framing) -> Option<u64> {
    match framing {
        Framing::Length(len) => Some(len),
        Framing::Chunked | Framing::Close => None,
        Framing::None => Some(0),
    }
}
