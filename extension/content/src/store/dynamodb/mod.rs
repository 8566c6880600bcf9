//! The content table on `DynamoDB`: partition key `id` (S), TTL attribute `expires_at`, no index, no sort key (so that
//! the parts of a content spread over partitions, each of which takes only 1000 write units a second).
//!
//! Layout
//! - `settings`, `endpoint`: what a client is built from
//! - `protocol`: connections, credentials, and what the SDK's clients are built on
//! - `table`: the operations on a table, and what they charge
//! - `retry`: when to ask again, and what an error means
//! - `encoding`, `item`, `entry`, `condition`: bytes to items and back, and when an item need not be written; pure
//! - `write`, `look`, `read`: `put`, what it spares itself, and `get`
//! - `stage`: a client that sends nothing, for a write that is rehearsed
//! - `inventory`: what is stored, for people who look
//! - `secret`, `signing_keys`: the signing keys' secret, in Secrets Manager, and when it is read
//!
//! What is durable: `put` returns when every item is acknowledged, and the item that makes a content readable is
//! written after all of its parts. A crash in between leaves parts that nothing names and that expire (with
//! [`Ttl::NONE`](crate::reference::Ttl::NONE) they stay).

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

mod condition;
mod encoding;
mod endpoint;
mod entry;
mod inventory;
mod item;
mod look;
mod protocol;
mod read;
mod retry;
mod secret;
mod settings;
mod settings_error;
mod signing_keys;
mod stage;
mod table;
mod write;

pub use self::inventory::{Cursor, Foreign, Inventory, Orphans, Page, StoredContent};
pub use self::protocol::pool::Connections;
pub use self::protocol::tls::TlsRoots;
pub use self::secret::{NotASecret, SecretArn, SecretError, SecretKeys, SecretSettings, SigningSecret};
pub use self::settings::{Authorization, CredentialsSource, Settings};
pub use self::settings_error::SettingsError;
pub use self::signing_keys::{NoKeysYet, Refetched, SigningKeys, UnknownKey};

use self::encoding::Encoder;
use self::table::Table;
use super::clock::Clock;
use super::tally::{Tally, Usage};
use super::{ContentStore, Expiry, GetError, PutError, Stored, refuse_too_large};
use crate::reference::{ContentRef, Scope};

/// Bytes above which hashing and compressing leave the runtime's thread: there, other invocations would wait for them.
const BLOCKING: usize = 512 << 10;

/// A content store on a `DynamoDB` table. Clones share one client, its connections and its counters.
#[derive(Debug, Clone)]
pub struct DynamoDbStore {
    table: Table,
    encoder: Arc<Encoder>,
    clock: Clock,
    part_size: usize,
    in_flight: Arc<read::InFlight>,
}

impl DynamoDbStore {
    /// Checks the settings and reads the certificates of [`TlsRoots::File`]; all else is made when it is first needed.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            table: Table::new(settings)?,
            encoder: Arc::default(),
            clock: Clock::default(),
            part_size: item::MAX_PART,
            in_flight: Arc::default(),
        })
    }

    /// The same store by another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same store writing parts of `part_size` bytes, within what an item can hold and what readers accept (1 KiB).
    /// Readers take any size, so writers may differ.
    #[must_use]
    pub fn with_part_size(self, part_size: usize) -> Self {
        Self { part_size: part_size.clamp(1 << 10, item::MAX_PART), ..self }
    }

    /// Opens the connection, TLS included, without a `DynamoDB` operation. Failing is no loss; it takes two seconds at most.
    pub async fn warm(&self) {
        self.table.warm().await;
    }

    /// The same store in name only: what is asked of it is neither sent nor counted, and every write succeeds.
    #[must_use]
    pub fn staged(&self) -> Self {
        Self { table: self.table.staged(), ..self.clone() }
    }

    /// Requests and units since the store was built, counted over all clones, whomever they charged.
    pub fn meter(&self) -> Usage {
        self.table.usage()
    }
}

impl ContentStore for DynamoDbStore {
    fn charging(&self, tally: &Tally) -> Self {
        Self { table: self.table.charging(tally), ..self.clone() }
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
