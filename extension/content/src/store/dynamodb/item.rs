//! The items of the content table: their attributes, and their sizes. `entry` reads them back.
//!
//! A content whose stored form fits into one item is one item. A longer one is cut into *parts*, and a *commit item*
//! under the content's id lists them:
//!
//! ```text
//! whole    id, kind, ttl, size, count, tenant, scope, expires_at, format, encoding, stored, content
//! commit   id, kind, ttl, size, count, tenant, scope, expires_at, format, encoding, stored, digest, parts, part_size
//! part     id = "{id}.{digest}.{n}", expires_at, content
//! legacy   id = "record-{uuid}", content (S): JSON text; read only, and with `expires_at` if there is one
//! ```
//!
//! `stored` is the length of the stored form, and `count` the number of an array's elements. Readers do not need them; with
//! them, listing the table need not fetch contents.
//!
//! The digest covers the stored form, its encoding and the part size. So writers with other settings or versions write other
//! parts, and a commit item can only name parts that belong together. `scope` is the tag of the table, the tenant and the
//! signing key. With it, an item of another scope is distinguished from a damaged one; it is treated as if it did not exist.
//! Items of a tenant also have the tenant's tag, the only tag that older layers know.
//!
//! `expires_at` is set again for each attempt to write an item ([`Item::renew`]).

use std::collections::HashMap;
use std::ops::Range;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;

use crate::reference::{ContentRef, ScopeTag, TenantTag, Ttl};
use crate::store::Expiry;
use crate::store::encoding::{Encoded, Encoding};

/// Names of attributes.
pub(super) const ID: &str = "id";
pub(super) const CONTENT: &str = "content";
pub(super) const COUNT: &str = "count";
pub(super) const DIGEST: &str = "digest";
pub(super) const ENCODING: &str = "encoding";
pub(super) const EXPIRES_AT: &str = "expires_at";
pub(super) const FORMAT: &str = "format";
pub(super) const KIND: &str = "kind";
pub(super) const PARTS: &str = "parts";
pub(super) const PART_SIZE: &str = "part_size";
pub(super) const SCOPE: &str = "scope";
pub(super) const SIZE: &str = "size";
pub(super) const STORED: &str = "stored";
pub(super) const TENANT: &str = "tenant";
pub(super) const TTL: &str = "ttl";

/// Every attribute but the content. A look at an item and a list of the table read these.
pub(super) const SUMMARY: [&str; 14] =
    [ID, KIND, TTL, SIZE, COUNT, TENANT, SCOPE, EXPIRES_AT, FORMAT, ENCODING, STORED, DIGEST, PARTS, PART_SIZE];

/// The layout described above.
pub(super) const FORMAT_VERSION: u64 = 1;

/// The largest item that `DynamoDB` accepts, including the names of attributes.
pub(super) const MAX_ITEM: usize = 400 << 10;

/// Bytes of a part's item beside its content: at most an `id` of 43 + 22 characters, 2 dots and 5 digits, `expires_at`, and
/// the names.
const MAX_PART_OVERHEAD: usize = 128;

/// Bytes of a part: as many as an item can hold, so that there are as few items as possible.
pub(super) const MAX_PART: usize = MAX_ITEM - MAX_PART_OVERHEAD;

/// A commit item with smaller parts is not ours. This limits how many parts a damaged commit item can make a reader request.
const MIN_PART: u64 = 1 << 10;

/// An item as the SDK has it.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// An item to be written. Its content is shared, not copied, until the item is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    attributes: Vec<(&'static str, Value)>,
    ttl: Ttl,
}

/// An attribute's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    S(String),
    N(u64),
    B(Bytes),
}

impl Item {
    /// The partition key.
    pub(super) fn key(&self) -> &str {
        match &self.attributes[0] {
            (ID, Value::S(key)) => key,
            _ => unreachable!("BUG: every item begins with its id"),
        }
    }

    /// The size of the item, as `DynamoDB` counts it for its limit of [`MAX_ITEM`] and for capacity.
    pub(super) fn stored_size(&self) -> usize {
        self.attributes.iter().map(|(name, value)| name.len() + value.stored_size()).sum()
    }

    /// What writing the item costs, in write request units.
    pub(super) fn write_units(&self) -> u64 {
        units(self.stored_size())
    }

    /// Sets the expiry of an item that is about to be written, perhaps not for the first time: its life starts `now`. An
    /// item that has no byte left keeps its expiry if a later one would be larger.
    pub(super) fn renew(&mut self, now: u64) {
        let Some(second) = Expiry::of(self.ttl, now).second() else { return };
        let size = self.stored_size();
        if let Some((_, expires_at)) = self.attributes.iter_mut().find(|(name, _)| *name == EXPIRES_AT) {
            let (before, renewed) = (expires_at.stored_size(), Value::N(second));
            if size - before + renewed.stored_size() <= MAX_ITEM {
                *expires_at = renewed;
            }
        }
    }

    /// Its expiry, as it would be written now.
    pub(super) fn expiry(&self) -> Expiry {
        match self.attributes.iter().find(|(name, _)| *name == EXPIRES_AT) {
            Some((_, Value::N(second))) => Expiry::at(*second),
            _ => Expiry::NEVER,
        }
    }

    /// Whether an item that was read has the same content.
    pub(super) fn has_content_of(&self, read: &Attributes) -> bool {
        self.attributes.iter().filter(|(name, _)| *name == CONTENT).all(|(_, value)| match (value, read.get(CONTENT)) {
            (Value::B(bytes), Some(AttributeValue::B(blob))) => blob.as_ref() == bytes.as_ref(),
            _ => false,
        })
    }

    /// Its attributes, in the order of the layout.
    pub(super) fn values(&self) -> impl Iterator<Item = &(&'static str, Value)> {
        self.attributes.iter()
    }

    /// Bytes of content in the item.
    pub(super) fn content_len(&self) -> usize {
        self.attributes.iter().map(|(_, value)| if let Value::B(bytes) = value { bytes.len() } else { 0 }).sum()
    }

    /// The item in the SDK's form. This copies the content.
    pub(super) fn attributes(&self) -> Attributes {
        self.attributes.iter().map(|(name, value)| ((*name).to_owned(), value.attribute())).collect()
    }

    fn part(label: &Label, key: String, content: Bytes) -> Self {
        let mut attributes = vec![(ID, Value::S(key))];
        attributes.extend(label.expiry.second().map(|second| (EXPIRES_AT, Value::N(second))));
        attributes.push((CONTENT, Value::B(content)));
        Self { attributes, ttl: label.reference.ttl }
    }

    /// What whole and commit items have in common.
    fn entry(label: &Label, encoding: Encoding, stored: usize) -> Self {
        let Label { reference, tenant, scope, expiry } = label;
        let mut attributes = vec![
            (ID, Value::S(reference.id.to_string())),
            (KIND, Value::S(reference.kind.as_str().to_owned())),
            (TTL, Value::S(reference.ttl.to_string())),
            (SIZE, Value::N(reference.size)),
            (FORMAT, Value::N(FORMAT_VERSION)),
            (ENCODING, Value::S(encoding.as_str().to_owned())),
            (STORED, Value::N(stored as u64)),
        ];
        attributes.extend(reference.count.map(|count| (COUNT, Value::N(count))));
        attributes.extend(tenant.map(|tag| (TENANT, Value::S(tag.to_string()))));
        attributes.push((SCOPE, Value::S(scope.to_string())));
        attributes.extend(expiry.second().map(|second| (EXPIRES_AT, Value::N(second))));
        Self { attributes, ttl: reference.ttl }
    }

    /// An entry whose content is in parts.
    fn commit(self, list: PartList) -> Self {
        self.with([
            (DIGEST, Value::S(list.digest)),
            (PARTS, Value::N(list.count)),
            (PART_SIZE, Value::N(list.part_size)),
        ])
    }

    fn with(mut self, attributes: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        self.attributes.extend(attributes);
        self
    }
}

impl Value {
    /// The size by `DynamoDB`'s rules: text and binary values have the size of their bytes; a number has one byte, and one
    /// for every two significant digits.
    fn stored_size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(0) => 1,
            Self::N(number) => 1 + number.to_string().trim_end_matches('0').len().div_ceil(2),
            Self::B(bytes) => bytes.len(),
        }
    }

    pub(super) fn attribute(&self) -> AttributeValue {
        match self {
            Self::S(text) => AttributeValue::S(text.clone()),
            Self::N(number) => AttributeValue::N(number.to_string()),
            Self::B(bytes) => AttributeValue::B(Blob::new(bytes.as_ref())),
        }
    }
}

/// What the items of a content say about it, independent of its encoding and its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) reference: ContentRef,
    pub(super) tenant: Option<TenantTag>,
    pub(super) scope: ScopeTag,
    /// When it expires if it is written at once.
    pub(super) expiry: Expiry,
}

/// The items that one content becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    Whole(Item),
    /// `commit` may be written only when all `parts` are stored.
    Parted {
        parts: Vec<Item>,
        commit: Item,
    },
}

impl Layout {
    /// Lays out a stored form in items with parts of `part_size` bytes.
    pub(super) fn new(label: &Label, encoded: &Encoded, part_size: usize) -> Self {
        let entry = Item::entry(label, encoded.encoding, encoded.bytes.len());
        let whole = entry.clone().with([(CONTENT, Value::B(encoded.bytes.clone()))]);
        if whole.stored_size() <= MAX_ITEM {
            return Self::Whole(whole);
        }
        let list = PartList::new(digest(encoded, part_size as u64), encoded.bytes.len(), part_size);
        let keys = list.keys(&label.reference.id.to_string());
        let contents = ranges(encoded.bytes.len(), part_size).map(|range| encoded.bytes.slice(range));
        let parts = keys.zip(contents).map(|(key, content)| Item::part(label, key, content));
        Self::Parted { parts: parts.collect(), commit: entry.commit(list) }
    }

    /// What writing a stored form of `len` bytes costs, in write request units. It uses the same layout, but only lengths.
    pub(super) fn write_units(label: &Label, encoding: Encoding, len: usize, part_size: usize) -> u64 {
        let entry = Item::entry(label, encoding, len);
        let whole = entry.stored_size() + CONTENT.len() + len;
        if whole <= MAX_ITEM {
            return units(whole);
        }
        let list = PartList::new("-".repeat(DIGEST_LEN), len, part_size);
        let keys = list.keys(&label.reference.id.to_string());
        let weigh = |key, len| units(Item::part(label, key, Bytes::new()).stored_size() + len);
        let parts: u64 = keys.zip(ranges(len, part_size)).map(|(key, range)| weigh(key, range.len())).sum();
        parts + units(entry.commit(list).stored_size())
    }
}

fn units(stored_size: usize) -> u64 {
    stored_size.div_ceil(1024) as u64
}

/// Where the parts of `len` bytes are.
fn ranges(len: usize, part_size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).step_by(part_size).map(move |start| start..len.min(start + part_size))
}

/// Which parts make up a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartList {
    pub(super) digest: String,
    pub(super) count: u64,
    pub(super) part_size: u64,
}

impl PartList {
    fn new(digest: String, len: usize, part_size: usize) -> Self {
        Self { digest, count: len.div_ceil(part_size) as u64, part_size: part_size as u64 }
    }

    /// The parts' keys under a content's id, in their order.
    pub(super) fn keys(&self, id: &str) -> impl Iterator<Item = String> + use<> {
        let prefix = self.prefix(id);
        (0..self.count).map(move |n| format!("{prefix}.{n}"))
    }

    /// The beginning of the parts' keys under a content's id.
    pub(super) fn prefix(&self, id: &str) -> String {
        format!("{id}.{}", self.digest)
    }

    /// Whether a stored form of at most `size` bytes can have such parts.
    pub(super) fn is_plausible(&self, size: u64) -> bool {
        self.part_size >= MIN_PART && self.count > 0 && self.count <= size.div_ceil(self.part_size)
    }
}

/// Characters of a digest: base64url of 16 bytes.
pub(super) const DIGEST_LEN: usize = 22;

/// BLAKE3 over everything in which the parts of two writers may differ.
fn digest(encoded: &Encoded, part_size: u64) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("lrap long-content 2026-11 parts digest");
    hasher.update(&part_size.to_le_bytes());
    hasher.update(encoded.encoding.as_str().as_bytes());
    hasher.update(b":");
    hasher.update(&encoded.bytes);
    BASE64URL_NOPAD.encode(&hasher.finalize().as_bytes()[..16])
}

/// Contents of one repeated letter, for tests.
#[cfg(test)]
pub(super) mod samples {
    use super::*;
    use crate::reference::{Content, Scope, Ttl};

    pub(in super::super) const NOW: u64 = 1_800_000_000;

    pub(in super::super) fn reference(len: usize, ttl: Ttl) -> ContentRef {
        Scope::new("table").reference(ttl, &Content::string(vec![b'a'; len]))
    }

    pub(in super::super) fn identity(len: usize) -> Encoded {
        Encoded { encoding: Encoding::Identity, bytes: vec![b'a'; len].into() }
    }

    pub(in super::super) fn label(len: usize, ttl: Ttl) -> Label {
        let reference = reference(len, ttl);
        Label { reference, tenant: None, scope: Scope::new("table").tag(&reference), expiry: Expiry::of(ttl, NOW) }
    }

    pub(in super::super) fn layout(len: usize, ttl: Ttl, part_size: usize) -> Layout {
        Layout::new(&label(len, ttl), &identity(len), part_size)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::entry::{Body, Entry};
    use super::samples::{NOW, identity, label, layout};
    use super::*;
    use crate::reference::Ttl;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_item_is_within_the_limit_and_the_cost_is_foreseen(
            len in prop_oneof![0_usize..3000, 408_000_usize..411_000, 0_usize..3_000_000],
            part_size in prop_oneof![Just(MAX_PART), 1024_usize..MAX_PART],
            ttl in prop_oneof![Just(0_u32), any::<u32>()],
        ) {
            let items = match layout(len, Ttl::seconds(ttl), part_size) {
                Layout::Whole(item) => vec![item],
                Layout::Parted { mut parts, commit } => { parts.push(commit); parts }
            };
            prop_assert!(items.iter().all(|item| item.stored_size() <= MAX_ITEM));
            let foreseen = Layout::write_units(&label(len, Ttl::seconds(ttl)), Encoding::Identity, len, part_size);
            prop_assert_eq!(foreseen, items.iter().map(|item| units(item.stored_size())).sum::<u64>());
        }

        #[test]
        fn parts_joined_are_the_stored_form(len in 409_600_usize..2_000_000, part_size in 1024_usize..MAX_PART) {
            let Layout::Parted { parts, commit } = layout(len, Ttl::NONE, part_size) else { panic!("one item") };
            let entry = Entry::parse(commit.attributes()).unwrap();
            let Body::Parts(list) = &entry.body else { panic!("no parts") };
            let keys: Vec<_> = list.keys(commit.key()).collect();
            prop_assert_eq!(keys, parts.iter().map(|part| part.key().to_owned()).collect::<Vec<_>>());
            prop_assert_eq!(parts.iter().map(Item::content_len).sum::<usize>(), len);
            prop_assert!(parts[..parts.len() - 1].iter().all(|part| part.content_len() == part_size));
        }

        #[test]
        fn the_digest_tells_any_two_writers_apart(len in 0_usize..3000, other in 0_usize..3000, size in 1_u64..9, other_size in 1_u64..9) {
            let same = (len, size) == (other, other_size);
            prop_assert_eq!(digest(&identity(len), size) == digest(&identity(other), other_size), same);
            let zstd = Encoded { encoding: Encoding::Zstd, ..identity(len) };
            prop_assert_ne!(digest(&identity(len), size), digest(&zstd, size));
        }
    }

    #[test]
    fn numbers_weigh_a_byte_and_one_for_two_significant_digits() {
        let weights =
            [(0, 1), (7, 2), (42, 2), (100, 2), (123, 3), (86_400, 3), (1_800_000_000, 2), (1_800_000_001, 6)];
        for (number, weight) in weights {
            assert_eq!(Value::N(number).stored_size(), weight, "{number}");
        }
    }

    #[test]
    fn an_item_weighs_its_names_and_values() {
        let label = Label { expiry: Expiry::at(12), ..label(7, Ttl::seconds(60)) };
        let item = Item::part(&label, "key".to_owned(), Bytes::from_static(b"content"));
        assert_eq!(item.stored_size(), "idkey".len() + "expires_at".len() + 2 + "contentcontent".len());
    }

    #[test]
    fn an_item_lives_from_its_last_attempt_on_unless_it_is_full() {
        let Layout::Whole(mut item) = layout(10, Ttl::seconds(60), MAX_PART) else { panic!("parts") };
        item.renew(NOW + 7);
        assert_eq!(item.expiry(), Expiry::at(NOW + 67));
        let Layout::Whole(mut endless) = layout(10, Ttl::NONE, MAX_PART) else { panic!("parts") };
        endless.renew(NOW);
        assert_eq!(endless.expiry(), Expiry::NEVER);
        let fits = |len| matches!(layout(len, Ttl::seconds(100), MAX_PART), Layout::Whole(_));
        let largest = (409_000..409_600).rev().find(|len| fits(*len)).unwrap();
        let Layout::Whole(mut full) = layout(largest, Ttl::seconds(100), MAX_PART) else { panic!("parts") };
        full.renew(NOW + 1);
        assert_eq!((full.stored_size(), full.expiry()), (MAX_ITEM, Expiry::at(NOW + 100)));
    }
}
