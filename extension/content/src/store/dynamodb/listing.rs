//! What a scan of the table says about its items.

use super::item::Attributes;
use crate::reference::ContentRef;

/// Where a scan continues.
#[derive(Debug, Clone)]
pub struct Cursor(pub(super) Attributes);

/// A content, by the item that makes it readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredContent {
    /// The reference to it. If it was written with a key, the signature is missing.
    pub reference: ContentRef,
    /// Bytes of the stored form, if its writer noted them.
    pub stored: Option<u64>,
    /// `identity` or `zstd`.
    pub encoding: &'static str,
    /// How many parts it has; 0 if it is one item.
    pub parts: u64,
    /// How many of them the scan has read.
    pub found: u64,
    /// The second after which it is expired, since the Unix epoch; `None` for never.
    pub expires_at: Option<u64>,
}

/// An item that this layer has not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Its partition key.
    pub id: String,
    /// Why it is not one of this layer's.
    pub problem: String,
}
