//! Contents in an S3 bucket: one object for each, under its id behind a prefix that says when lifecycle rules delete it.
//!
//! Layout
//! - `settings`, `endpoint`: where the bucket is, and how it is reached
//! - `bucket`: requests, signed by AWS's own signer and sent over the connections of `dynamodb::protocol` (docs/adr/0034)
//! - `answer`: what an answer means
//! - `object`: keys, and the heading of a content as headers; pure
//! - `write`, `read`: `put` and `get`
//! - `listing`: what is stored, for the tool
//!
//! S3 creates an object as a whole, with its heading: by one `PUT`, or when an upload in parts is completed. So writes need
//! no particular order, and two writers of one content may overwrite each other. Reads are consistent.

use std::time::Instant;

use bytes::Bytes;

mod answer;
mod bucket;
mod endpoint;
mod listing;
mod object;
mod read;
mod settings;
mod store;
mod write;

pub use self::listing::Page;
pub use self::object::LIFETIMES;
pub use self::settings::BucketSettings;
pub use self::store::S3Store;

use super::tally::Tally;
use super::{ContentStore, Expiry, GetError, PutError, Stored, refuse_too_large};
use crate::reference::{ContentRef, Scope};

impl ContentStore for S3Store {
    fn charging(&self, tally: &Tally) -> Self {
        self.charged_to(tally)
    }

    async fn put(
        &self,
        scope: &Scope,
        contents: &[(ContentRef, Bytes)],
        until: Instant,
    ) -> Result<Vec<Expiry>, PutError> {
        refuse_too_large(contents)?;
        let work = Box::pin(write::put(self, scope, contents, until));
        let outcome = tokio::time::timeout_at(until.into(), work).await;
        let outcome = outcome.unwrap_or_else(|_| Err("there was no time left".to_owned()));
        outcome.map_err(PutError::Unavailable)
    }

    async fn get(&self, scope: &Scope, references: &[ContentRef], until: Instant) -> Vec<Result<Stored, GetError>> {
        Box::pin(read::get(self, scope, references, until)).await
    }
}
