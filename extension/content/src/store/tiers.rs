//! Two stores as one: the content table, and, if there is one, the bucket for contents that are cheaper there.
//!
//! A reference says which store has its content. Requests to both stores are in flight at the same time.

use std::time::Instant;

use bytes::Bytes;

use super::dynamodb::{DynamoDbStore, Settings, SettingsError};
use super::s3::{BucketSettings, S3Store};
use super::tally::{Tally, Usage};
use super::{ContentStore, Expiry, GetError, PutError, Stored, refuse_too_large};
use crate::reference::{ContentRef, Scope, StoreName};

/// The content table, and the bucket if there is one.
#[derive(Debug, Clone)]
pub struct TieredStore {
    table: DynamoDbStore,
    bucket: Option<S3Store>,
}

impl TieredStore {
    /// Checks the settings. Everything else is set up on first use.
    pub fn new(table: Settings, bucket: Option<BucketSettings>) -> Result<Self, SettingsError> {
        Ok(Self { table: DynamoDbStore::new(table)?, bucket: bucket.map(S3Store::new).transpose()? })
    }

    /// A store of these two.
    pub fn of(table: DynamoDbStore, bucket: Option<S3Store>) -> Self {
        Self { table, bucket }
    }

    /// The content table.
    pub fn table(&self) -> &DynamoDbStore {
        &self.table
    }

    /// The bucket, if there is one.
    pub fn bucket(&self) -> Option<&S3Store> {
        self.bucket.as_ref()
    }

    /// Opens connections, TLS included. If that fails, nothing is lost. It takes at most two seconds.
    pub async fn warm(&self) {
        match &self.bucket {
            None => self.table.warm().await,
            Some(bucket) => drop(tokio::join!(self.table.warm(), bucket.warm())),
        }
    }

    /// Requests and units since the stores were built, counted over all clones and the tallies that they charge.
    pub fn meter(&self) -> Usage {
        let table = self.table.meter();
        match &self.bucket {
            None => table,
            Some(bucket) => {
                let bucket = bucket.meter();
                Usage { requests: table.requests + bucket.requests, saved_usd: bucket.saved_usd, ..table }
            }
        }
    }
}

/// Whether a content is in the bucket.
fn is_in_bucket(reference: &ContentRef) -> bool {
    reference.store == StoreName::S3
}

impl ContentStore for TieredStore {
    fn charging(&self, tally: &Tally) -> Self {
        Self { table: self.table.charging(tally), bucket: self.bucket.as_ref().map(|bucket| bucket.charging(tally)) }
    }

    async fn put(
        &self,
        scope: &Scope,
        contents: &[(ContentRef, Bytes)],
        until: Instant,
    ) -> Result<Vec<Expiry>, PutError> {
        if !contents.iter().any(|(reference, _)| is_in_bucket(reference)) {
            return self.table.put(scope, contents, until).await;
        }
        refuse_too_large(contents)?;
        let bucket = self.bucket.as_ref().ok_or_else(|| PutError::Unavailable(NO_BUCKET.to_owned()))?;
        let (large, small): (Vec<_>, Vec<_>) =
            contents.iter().cloned().partition(|(reference, _)| is_in_bucket(reference));
        let (large, small) = tokio::try_join!(bucket.put(scope, &large, until), self.table.put(scope, &small, until))?;
        Ok(merged(contents.iter().map(|(reference, _)| reference), large, small))
    }

    async fn get(&self, scope: &Scope, references: &[ContentRef], until: Instant) -> Vec<Result<Stored, GetError>> {
        if !references.iter().any(is_in_bucket) {
            return self.table.get(scope, references, until).await;
        }
        let (large, small): (Vec<_>, Vec<_>) = references.iter().copied().partition(is_in_bucket);
        let get_large = async {
            match &self.bucket {
                Some(bucket) => bucket.get(scope, &large, until).await,
                None => vec![Err(GetError::Unavailable(NO_BUCKET.to_owned())); large.len()],
            }
        };
        let (large, small) = tokio::join!(get_large, self.table.get(scope, &small, until));
        merged(references.iter(), large, small)
    }
}

const NO_BUCKET: &str = "the content is in S3, and LRAP_CONTENT_BUCKET is not set";

/// The answers of both stores, in the order of the references.
fn merged<'a, T>(references: impl Iterator<Item = &'a ContentRef>, large: Vec<T>, small: Vec<T>) -> Vec<T> {
    let (mut large, mut small) = (large.into_iter(), small.into_iter());
    let next = |reference| if is_in_bucket(reference) { large.next() } else { small.next() };
    references.map(next).map(|one| one.expect("BUG: stores answer for each reference")).collect()
}
