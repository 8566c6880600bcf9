//! The content table on `DynamoDB`: partition key `id` (S), TTL attribute `expires_at`, no index, no sort key. Without a
//! sort key, the parts of a content are spread over partitions, each of which accepts only 1000 write units a second.
//!
//! Layout
//! - `store`: the store itself
//! - `settings`, `endpoint`: what a client is built from
//! - `protocol`: connections, credentials, and what the SDK's clients are built on
//! - `table`: the operations on a table, and what they charge
//! - `retry`: when to retry, and what an error means
//! - `item`, `entry`, `condition`: bytes to items and back, and when an item need not be written; pure
//! - `write`, `look`, `read`: `put`, the look before writing, and `get`
//! - `stage`: a client that sends nothing, for the write of the warm-up
//! - `inventory`, `listing`: what is stored, for people who look
//!
//! Durability: `put` returns when every item is acknowledged, and the item that makes a content readable is written after
//! all of its parts. A crash in between leaves parts that no item names. They expire, except those with
//! [`Ttl::NONE`](crate::reference::Ttl::NONE), which stay.

use std::time::Instant;

use bytes::Bytes;

mod condition;
pub(super) mod endpoint;
mod entry;
mod in_flight;
mod inventory;
mod item;
mod listing;
mod look;
pub(crate) mod protocol;
mod read;
pub(crate) mod retry;
mod settings;
mod settings_error;
mod stage;
mod store;
mod table;
mod write;

pub use self::in_flight::LARGE_IN_FLIGHT;
pub use self::inventory::{Inventory, Orphans, Page};
pub use self::listing::{Cursor, Foreign, StoredContent};
pub use self::protocol::pool::Connections;
pub use self::protocol::tls::TlsRoots;
pub use self::settings::{Authorization, CredentialsSource, ServiceAccess, Settings};
pub use self::settings_error::SettingsError;
pub use self::store::DynamoDbStore;

use super::tally::Tally;
use super::{ContentStore, Expiry, GetError, PutError, Stored, refuse_too_large};
use crate::reference::{ContentRef, Scope};

impl ContentStore for DynamoDbStore {
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
        // Boxed, since the SDK's futures nest so deep that with the server's around them the compiler gives up.
        let work = Box::pin(write::put(self, scope, contents, until));
        let outcome = tokio::time::timeout_at(until.into(), work).await;
        let outcome = outcome.unwrap_or_else(|_| Err("there was no time left".to_owned()));
        outcome.map_err(PutError::Unavailable)
    }

    async fn get(&self, scope: &Scope, references: &[ContentRef], until: Instant) -> Vec<Result<Stored, GetError>> {
        read::get(self, scope, references, until).await
    }
}
