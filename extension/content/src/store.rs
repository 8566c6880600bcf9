//! Content stores: put and get one content at a time, many together. A store waits and never parses JSON.

use std::fmt;
use std::future::Future;
use std::time::Instant;

use bytes::Bytes;

use self::tally::Tally;
use crate::part::Index;
use crate::reference::{ContentRef, Scope};

#[cfg(feature = "cache")]
pub mod cache;
pub mod clock;
pub mod cost;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
#[cfg(feature = "dynamodb")]
mod encoding;
mod expiry;
pub mod memory;
#[cfg(feature = "dynamodb")]
pub mod s3;
#[cfg(feature = "dynamodb")]
pub mod settings;
pub mod tally;
#[cfg(feature = "dynamodb")]
pub mod tiers;

pub use self::expiry::Expiry;

/// The largest content a store takes, in bytes before compression.
pub const MAX_CONTENT_LEN: u64 = 64 << 20;

/// Why a content could not be read. The variant says whose fault it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetError {
    /// No such content, or only parts of it.
    #[error("no content is stored under it")]
    NotFound,
    /// Its time is over, whether or not the store has deleted it yet.
    #[error("the content expired")]
    Expired,
    /// The reference disagrees with what is stored under its id (kind, size or TTL class): it was altered; or what is
    /// stored there is another tenant's.
    #[error("the reference does not match what is stored under its id")]
    Refused,
    /// What is stored is not what was put there.
    #[error("the stored content is damaged")]
    Corrupt,
    /// The store did not answer in time; the text says what was last heard of it, without content or credentials.
    #[error("the content store did not answer: {0}")]
    Unavailable(String),
}

/// Why contents could not be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// Larger than [`MAX_CONTENT_LEN`].
    #[error("a content of {size} bytes is larger than the store allows ({MAX_CONTENT_LEN})")]
    TooLarge {
        /// Bytes of the content.
        size: u64,
    },
    /// The store did not take it in time; the text says what was last heard of it, without content or credentials.
    #[error("the content could not be stored: {0}")]
    Unavailable(String),
}

/// A content as a store gave it: verified, and until when it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The content, in a separate allocation: keeping it keeps nothing larger alive.
    pub bytes: Bytes,
    /// When it is over.
    pub expiry: Expiry,
}

/// A place that keeps contents under their references. A value is a handle: its clones share one place.
pub trait ContentStore: fmt::Debug {
    /// The same store, on somebody's account: what this handle is used for is counted in `tally` too, so that of many
    /// invocations at once each knows its own costs.
    #[must_use]
    fn charging(&self, tally: &Tally) -> Self
    where
        Self: Sized;

    /// Stores contents under their references, which are theirs in `scope` ([`Scope::reference`]). When this returns
    /// `Ok`, every one of them is durable and readable for at least half of its life; the expiries are in their order.
    ///
    /// Gives up with [`PutError::Unavailable`] when `until` has come.
    fn put(
        &self,
        scope: &Scope,
        contents: &[(ContentRef, Bytes)],
        until: Instant,
    ) -> impl Future<Output = Result<Vec<Expiry>, PutError>> + Send;

    /// Reads the contents of distinct references, in their order. Each is verified against its reference in `scope`.
    ///
    /// Gives up with [`GetError::Unavailable`] for what has not arrived when `until` has come.
    fn get(
        &self,
        scope: &Scope,
        references: &[ContentRef],
        until: Instant,
    ) -> impl Future<Output = Vec<Result<Stored, GetError>>> + Send;

    /// What is known of where the parts of a content are: nothing, unless a store remembers it with the content.
    fn index(&self, _scope: &Scope, _reference: &ContentRef) -> Index {
        Index::default()
    }
}

/// Nothing of a call is stored when one of its contents is too large.
fn refuse_too_large(contents: &[(ContentRef, Bytes)]) -> Result<(), PutError> {
    let largest = contents.iter().map(|(_, bytes)| bytes.len() as u64).max().unwrap_or(0);
    if largest > MAX_CONTENT_LEN { Err(PutError::TooLarge { size: largest }) } else { Ok(()) }
}
