//! The items of the content table: their attributes, what they weigh, and how they are read back.
//!
//! A content whose stored form fits into one item is one item. A longer one is cut into *parts*, and a *commit item*
//! under the content's id lists them:
//!
//! ```text
//! whole    id, kind, ttl, size, tenant, expires_at, format, encoding, stored, content
//! commit   id, kind, ttl, size, tenant, expires_at, format, encoding, stored, digest, parts, part_size
//! part     id = "{id}.{digest}.{n}", expires_at, content
//! legacy   id = "record-{uuid}", content (S): JSON text; read only, and with `expires_at` if there is one
//! ```
//!
//! `stored` is the length of the stored form: readers do not need it, but who lists the table then need not fetch contents
//! to learn it.
//!
//! The digest covers the stored form, its encoding and the part size. So writers with other settings or versions write
//! other parts, and a commit item can only ever name parts that belong together. Items of a tenant carry its tag, so that
//! another tenant's reference is told from a damaged item; those of a function without tenants have none.

use std::collections::HashMap;
use std::ops::Range;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;

use super::encoding::{Encoded, Encoding};
use super::inventory::{Foreign, StoredContent};
use crate::reference::{ContentRef, PREFIX, StoreName, TenantTag, Ttl, VERSION};
use crate::store::{Expiry, MAX_CONTENT_LEN};

/// Names of attributes, once.
pub(super) const ID: &str = "id";
const CONTENT: &str = "content";
const DIGEST: &str = "digest";
const ENCODING: &str = "encoding";
const EXPIRES_AT: &str = "expires_at";
const FORMAT: &str = "format";
const KIND: &str = "kind";
const PARTS: &str = "parts";
const PART_SIZE: &str = "part_size";
const SIZE: &str = "size";
const STORED: &str = "stored";
const TENANT: &str = "tenant";
const TTL: &str = "ttl";

/// The kind of what a forerunner of this format wrote; no item of ours has it.
const LEGACY_KIND: &str = "legacy";

/// The layout described above.
const FORMAT_VERSION: u64 = 1;

/// The largest item `DynamoDB` takes, names included.
pub(super) const MAX_ITEM: usize = 400 << 10;

/// What a part's item holds beside its content: at most `id` with 43 + 22 + 2 dots and 5 digits, `expires_at` and the name.
const MAX_PART_OVERHEAD: usize = 128;

/// Bytes of a part: as many as an item takes, in as few items as possible.
pub(super) const MAX_PART: usize = MAX_ITEM - MAX_PART_OVERHEAD;

/// A commit item with smaller parts is not ours. Bounds what a damaged one can make us ask for.
const MIN_PART: u64 = 1 << 10;

/// An item as the SDK has it.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// An item to be written. Its content is shared, not copied, until the item is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item(Vec<(&'static str, Value)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    S(String),
    N(u64),
    B(Bytes),
}

impl Item {
    /// The partition key.
    pub(super) fn key(&self) -> &str {
        match &self.0[0] {
            (ID, Value::S(key)) => key,
            _ => unreachable!("BUG: every item begins with its id"),
        }
    }

    /// What the item weighs, as `DynamoDB` counts it for its limit of [`MAX_ITEM`] and for capacity.
    pub(super) fn stored_size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.stored_size()).sum()
    }

    /// Bytes of content in the item.
    pub(super) fn content_len(&self) -> usize {
        self.0.iter().map(|(_, value)| if let Value::B(bytes) = value { bytes.len() } else { 0 }).sum()
    }

    /// The item as the SDK wants it; this copies the content.
    pub(super) fn attributes(&self) -> Attributes {
        self.0.iter().map(|(name, value)| ((*name).to_owned(), value.attribute())).collect()
    }

    fn part(key: String, content: Bytes, expiry: Expiry) -> Self {
        let mut attributes = vec![(ID, Value::S(key))];
        attributes.extend(expiry.second().map(|second| (EXPIRES_AT, Value::N(second))));
        attributes.push((CONTENT, Value::B(content)));
        Self(attributes)
    }

    /// What whole and commit items have in common.
    fn entry(label: &Label, encoding: Encoding, stored: usize) -> Self {
        let Label { reference, tenant, expiry } = label;
        let mut attributes = vec![
            (ID, Value::S(reference.id.to_string())),
            (KIND, Value::S(reference.kind.as_str().to_owned())),
            (TTL, Value::S(reference.ttl.to_string())),
            (SIZE, Value::N(reference.size)),
            (FORMAT, Value::N(FORMAT_VERSION)),
            (ENCODING, Value::S(encoding.as_str().to_owned())),
            (STORED, Value::N(stored as u64)),
        ];
        attributes.extend(tenant.map(|tag| (TENANT, Value::S(tag.to_string()))));
        attributes.extend(expiry.second().map(|second| (EXPIRES_AT, Value::N(second))));
        Self(attributes)
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
        self.0.extend(attributes);
        self
    }
}

impl Value {
    /// After `DynamoDB`'s rules: text and binary weigh their bytes; a number weighs one byte, and one for every two
    /// significant digits.
    fn stored_size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(0) => 1,
            Self::N(number) => 1 + number.to_string().trim_end_matches('0').len().div_ceil(2),
            Self::B(bytes) => bytes.len(),
        }
    }

    fn attribute(&self) -> AttributeValue {
        match self {
            Self::S(text) => AttributeValue::S(text.clone()),
            Self::N(number) => AttributeValue::N(number.to_string()),
            Self::B(bytes) => AttributeValue::B(Blob::new(bytes.as_ref())),
        }
    }
}

/// What the items of a content say of it, however it is encoded and cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) reference: ContentRef,
    pub(super) tenant: Option<TenantTag>,
    pub(super) expiry: Expiry,
}

/// The items that one content becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    Whole(Item),
    /// `commit` may be written only when all `parts` are there.
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
        let parts = keys.zip(contents).map(|(key, content)| Item::part(key, content, label.expiry));
        Self::Parted { parts: parts.collect(), commit: entry.commit(list) }
    }

    /// What writing a stored form of `len` bytes costs, in write request units: the same layout, of lengths only.
    pub(super) fn write_units(label: &Label, encoding: Encoding, len: usize, part_size: usize) -> u64 {
        let entry = Item::entry(label, encoding, len);
        let whole = entry.stored_size() + CONTENT.len() + len;
        if whole <= MAX_ITEM {
            return units(whole);
        }
        let list = PartList::new("-".repeat(DIGEST_LEN), len, part_size);
        let keys = list.keys(&label.reference.id.to_string());
        let weigh = |key, len| units(Item::part(key, Bytes::new(), label.expiry).stored_size() + len);
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
    digest: String,
    count: u64,
    part_size: u64,
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

    /// What the parts' keys under a content's id begin with.
    fn prefix(&self, id: &str) -> String {
        format!("{id}.{}", self.digest)
    }

    /// Whether a stored form of at most `size` bytes can have such parts.
    fn is_plausible(&self, size: u64) -> bool {
        self.part_size >= MIN_PART && self.count > 0 && self.count <= size.div_ceil(self.part_size)
    }
}

/// Characters of a digest: base64url of 16 bytes.
const DIGEST_LEN: usize = 22;

/// BLAKE3 over everything that makes two writers' parts differ.
fn digest(encoded: &Encoded, part_size: u64) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("lrap long-content 2026-11 parts digest");
    hasher.update(&part_size.to_le_bytes());
    hasher.update(encoded.encoding.as_str().as_bytes());
    hasher.update(b":");
    hasher.update(&encoded.bytes);
    BASE64URL_NOPAD.encode(&hasher.finalize().as_bytes()[..16])
}

/// The item under a content's id, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    kind: String,
    ttl: String,
    size: u64,
    tenant: Option<String>,
    pub(super) expiry: Expiry,
    pub(super) encoding: Encoding,
    pub(super) body: Body,
}

/// Where the stored form is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    Whole(Bytes),
    Parts(PartList),
}

/// Why an item cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Attributes are missing or make no sense.
    Damaged,
    /// Written by a newer version, in its own layout.
    Newer(u64),
}

impl Entry {
    /// Reads a whole or commit item.
    pub(super) fn parse(mut item: Attributes) -> Result<Self, Unreadable> {
        match number(&item, FORMAT) {
            Some(FORMAT_VERSION) => Self::parse_fields(&mut item).ok_or(Unreadable::Damaged),
            Some(newer) if newer > FORMAT_VERSION => Err(Unreadable::Newer(newer)),
            None if is_legacy(&item) => Self::parse_legacy(item).ok_or(Unreadable::Damaged),
            _ => Err(Unreadable::Damaged),
        }
    }

    fn parse_legacy(mut item: Attributes) -> Option<Self> {
        let Some(AttributeValue::S(content)) = item.remove(CONTENT) else { return None };
        Some(Self {
            kind: LEGACY_KIND.to_owned(),
            ttl: Ttl::NONE.to_string(),
            size: content.len() as u64,
            tenant: None,
            expiry: expiry(&item).ok()?,
            encoding: Encoding::Identity,
            body: Body::Whole(content.into()),
        })
    }

    fn parse_fields(item: &mut Attributes) -> Option<Self> {
        let size = number(item, SIZE)?;
        Some(Self {
            kind: text(item, KIND)?.to_owned(),
            ttl: text(item, TTL)?.to_owned(),
            size,
            tenant: match item.get(TENANT) {
                None => None,
                Some(_) => Some(text(item, TENANT)?.to_owned()),
            },
            expiry: expiry(item).ok()?,
            encoding: Encoding::parse(text(item, ENCODING)?)?,
            body: match take_content(item) {
                Some(content) => Body::Whole(content),
                None => Body::Parts(part_list(item).filter(|list| list.is_plausible(size))?),
            },
        })
    }

    /// Whether the item was written for this very reference, and this tenant.
    pub(super) fn fits(&self, reference: &ContentRef, tenant: Option<TenantTag>) -> bool {
        if reference.is_legacy() {
            return self.kind == LEGACY_KIND && self.size <= reference.size;
        }
        self.kind == reference.kind.as_str()
            && self.ttl == reference.ttl.to_string()
            && self.size == reference.size
            && self.size <= MAX_CONTENT_LEN
            && self.tenant == tenant.map(|tag| tag.to_string())
    }
}

fn is_legacy(item: &Attributes) -> bool {
    key(item).is_some_and(|key| key.starts_with("record-"))
}

/// When the item's time is over; an error when that makes no sense.
fn expiry(item: &Attributes) -> Result<Expiry, Unreadable> {
    match item.get(EXPIRES_AT) {
        None => Ok(Expiry::NEVER),
        Some(_) => number(item, EXPIRES_AT).map(Expiry::at).ok_or(Unreadable::Damaged),
    }
}

fn part_list(item: &Attributes) -> Option<PartList> {
    Some(PartList {
        digest: text(item, DIGEST)?.to_owned(),
        count: number(item, PARTS)?,
        part_size: number(item, PART_SIZE)?,
    })
}

/// Every attribute but the content: what a list of the table shows.
pub(super) const SUMMARY: [&str; 11] =
    [ID, KIND, TTL, SIZE, EXPIRES_AT, FORMAT, ENCODING, STORED, DIGEST, PARTS, PART_SIZE];

/// What an item is, without its content.
#[derive(Debug)]
pub(super) enum Summary {
    Content {
        content: StoredContent,
        /// What its parts' keys begin with.
        parts_key: Option<String>,
    },
    Part {
        parts_key: String,
        expires_at: Option<u64>,
    },
    Foreign(Foreign),
}

/// Sums up an item of which [`SUMMARY`] was read.
pub(super) fn summary(item: &Attributes) -> Summary {
    let id = key(item).unwrap_or_default();
    let foreign = |problem: String| Summary::Foreign(Foreign { id: id.to_owned(), problem });
    match number(item, FORMAT) {
        Some(newer) if newer > FORMAT_VERSION => {
            foreign(format!("item format {newer} is newer than this version reads"))
        }
        format => {
            let ours = if format.is_some() { stored_content(id, item) } else { part(id, item) };
            ours.unwrap_or_else(|| foreign("its attributes are not this layer's".to_owned()))
        }
    }
}

fn stored_content(id: &str, item: &Attributes) -> Option<Summary> {
    let (kind, ttl, size) = (text(item, KIND)?, text(item, TTL)?, number(item, SIZE)?);
    let list = part_list(item);
    let content = StoredContent {
        reference: format!("{PREFIX}{VERSION}:{}:{kind}:{ttl}:{id}:{size}", StoreName::DynamoDb.as_str())
            .parse()
            .ok()?,
        stored: number(item, STORED),
        encoding: Encoding::parse(text(item, ENCODING)?)?.as_str(),
        parts: list.as_ref().map_or(0, |list| list.count),
        found: 0,
        expires_at: number(item, EXPIRES_AT),
    };
    Some(Summary::Content { content, parts_key: list.map(|list| list.prefix(id)) })
}

/// A part, known by its key: `{id}.{digest}.{n}`.
fn part(id: &str, item: &Attributes) -> Option<Summary> {
    let (parts_key, number_of_part) = id.rsplit_once('.')?;
    let (_, digest) = parts_key.split_once('.')?;
    let is_part = digest.len() == DIGEST_LEN && number_of_part.parse::<u64>().is_ok();
    is_part.then(|| Summary::Part { parts_key: parts_key.to_owned(), expires_at: number(item, EXPIRES_AT) })
}

/// The key of an item that was read.
pub(super) fn key(item: &Attributes) -> Option<&str> {
    text(item, ID)
}

/// The content of a whole item or of a part.
pub(super) fn take_content(item: &mut Attributes) -> Option<Bytes> {
    match item.remove(CONTENT)? {
        AttributeValue::B(blob) => Some(blob.into_inner().into()),
        _ => None,
    }
}

fn text<'a>(item: &'a Attributes, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn number(item: &Attributes, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::reference::{Content, Scope};
    use proptest::prelude::*;

    const NOW: u64 = 1_800_000_000;

    fn reference(len: usize, ttl: Ttl) -> ContentRef {
        Scope::new("table").reference(ttl, &Content::string(vec![b'a'; len]))
    }

    fn identity(len: usize) -> Encoded {
        Encoded { encoding: Encoding::Identity, bytes: vec![b'a'; len].into() }
    }

    fn label(len: usize, ttl: Ttl) -> Label {
        Label { reference: reference(len, ttl), tenant: None, expiry: Expiry::of(ttl, NOW) }
    }

    fn layout(len: usize, ttl: Ttl, part_size: usize) -> Layout {
        Layout::new(&label(len, ttl), &identity(len), part_size)
    }

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
        let item = Item::part("key".to_owned(), Bytes::from_static(b"content"), Expiry::at(12));
        assert_eq!(item.stored_size(), "idkey".len() + "expires_at".len() + 2 + "contentcontent".len());
    }

    #[test]
    fn what_is_written_reads_back() {
        let ttl = Ttl::seconds(60);
        let Layout::Whole(item) = layout(10, ttl, MAX_PART) else { panic!("parts") };
        let entry = Entry::parse(item.attributes()).unwrap();
        assert_eq!(entry.body, Body::Whole(identity(10).bytes));
        assert_eq!(entry.expiry, Expiry::at(NOW + 60));
        assert!(entry.fits(&reference(10, ttl), None));
        assert!(!entry.fits(&reference(11, ttl), None));
        assert!(!entry.fits(&reference(10, Ttl::NONE), None));
    }

    #[test]
    fn an_item_is_one_tenants_or_nobodys() {
        let tag = |tenant: &str| Scope::new("table").for_tenant(tenant).tenant_tag();
        let entry = |tenant| {
            let label = Label { tenant, ..label(10, Ttl::NONE) };
            let Layout::Whole(item) = Layout::new(&label, &identity(10), MAX_PART) else { panic!("parts") };
            Entry::parse(item.attributes()).unwrap()
        };
        for (written, read) in
            [(None, None), (tag("a"), tag("a")), (tag("a"), tag("b")), (tag("a"), None), (None, tag("a"))]
        {
            assert_eq!(entry(written).fits(&reference(10, Ttl::NONE), read), written == read, "{written:?} {read:?}");
        }
    }

    #[test]
    fn damage_is_told_from_a_newer_layout() {
        let Layout::Parted { commit, .. } = layout(500_000, Ttl::NONE, MAX_PART) else { panic!("one item") };
        let with = |name: &str, value: &str| {
            let mut item = commit.attributes();
            item.insert(name.to_owned(), AttributeValue::N(value.to_owned()));
            Entry::parse(item)
        };
        assert_eq!(with(FORMAT, "2"), Err(Unreadable::Newer(2)));
        assert_eq!(with(FORMAT, "x"), Err(Unreadable::Damaged));
        assert_eq!(with(EXPIRES_AT, "soon"), Err(Unreadable::Damaged));
        assert_eq!(with(PART_SIZE, "1"), Err(Unreadable::Damaged));
        assert_eq!(with(PARTS, "4000000000"), Err(Unreadable::Damaged));
        assert_eq!(with(PARTS, "0"), Err(Unreadable::Damaged));
        assert_eq!(with(ENCODING, "1"), Err(Unreadable::Damaged));
    }
}
