//! What a scan of the table says of its items.

use super::item::Attributes;
use crate::reference::ContentRef;

/// Where a scan goes on.
#[derive(Debug, Clone)]
pub struct Cursor(pub(super) Attributes);

/// A content, by the item that makes it readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredContent {
    /// What names it. One written with a key lacks the key's part.
    pub reference: ContentRef,
    /// Bytes of the stored form, where its writer noted them.
    pub stored: Option<u64>,
    /// `identity` or `zstd`.
    pub encoding: &'static str,
    /// How many parts it has; 0 when it is one item.
    pub parts: u64,
    /// How many of them the scan came by.
    pub found: u64,
    /// The second after which it is over, since the Unix epoch; `None` for never.
    pub expires_at: Option<u64>,
}

/// An item that is none of this layer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Its partition key.
    pub id: String,
    /// Why it is none.
    pub problem: String,
}
