//! Content stores: they put and get contents, many with one call. A store waits for the network, and never parses JSON.

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

/// The largest content that a store accepts, in bytes before compression.
pub const MAX_CONTENT_LEN: u64 = 64 << 20;

/// Why a content could not be read. The variant says whose fault it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetError {
    /// There is no such content, or only some of its parts are stored.
    #[error("no content is stored under it")]
    NotFound,
    /// The content has expired, whether or not the store has deleted it yet.
    #[error("the content expired")]
    Expired,
    /// The reference disagrees with what is stored under its id (kind, size or TTL class), so it was altered; or the content
    /// under its id belongs to another tenant.
    #[error("the reference does not match what is stored under its id")]
    Refused,
    /// The stored content is damaged.
    #[error("the stored content is damaged")]
    Corrupt,
    /// The store did not answer in time. The text is the last error, without content or credentials.
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
    /// The store did not accept it in time. The text is the last error, without content or credentials.
    #[error("the content could not be stored: {0}")]
    Unavailable(String),
}

/// A content from a store, which was verified, and its expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The content. It is a separate allocation, so that keeping it does not keep anything larger in memory.
    pub bytes: Bytes,
    /// When it expires.
    pub expiry: Expiry,
}

/// A place that keeps contents under their references. It is a handle: its clones share one place.
pub trait ContentStore: fmt::Debug {
    /// The same store, whose use is also counted in `tally`. With it, each of many concurrent invocations knows its own
    /// costs.
    #[must_use]
    fn charging(&self, tally: &Tally) -> Self
    where
        Self: Sized;

    /// Stores contents under the references that they have in `scope` ([`Scope::reference`]). If this returns `Ok`, every
    /// content is stored and readable for at least half of its life. The expiries are in the order of the contents.
    ///
    /// Fails with [`PutError::Unavailable`] at `until`.
    fn put(
        &self,
        scope: &Scope,
        contents: &[(ContentRef, Bytes)],
        until: Instant,
    ) -> impl Future<Output = Result<Vec<Expiry>, PutError>> + Send;

    /// Reads the contents of distinct references, in their order. Each is verified against its reference in `scope`.
    ///
    /// Contents that have not arrived at `until` fail with [`GetError::Unavailable`].
    fn get(
        &self,
        scope: &Scope,
        references: &[ContentRef],
        until: Instant,
    ) -> impl Future<Output = Vec<Result<Stored, GetError>>> + Send;

    /// What is known about where the parts of a content are. It is empty, unless the store remembers it with the content.
    fn index(&self, _scope: &Scope, _reference: &ContentRef) -> Index {
        Index::default()
    }
}

/// Fails if one of the contents is too large. Then none of them is stored.
fn refuse_too_large(contents: &[(ContentRef, Bytes)]) -> Result<(), PutError> {
    let largest = contents.iter().map(|(_, bytes)| bytes.len() as u64).max().unwrap_or(0);
    if largest > MAX_CONTENT_LEN { Err(PutError::TooLarge { size: largest }) } else { Ok(()) }
}
