//! Items of the content table that were read: with their contents for readers, and without them for looks and lists.

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;

use super::item::{
    Attributes, CONTENT, COUNT, DIGEST, DIGEST_LEN, ENCODING, EXPIRES_AT, FORMAT, FORMAT_VERSION, ID, KIND, PART_SIZE,
    PARTS, PartList, SCOPE, SIZE, STORED, TENANT, TTL,
};
use super::listing::{Foreign, StoredContent};
use crate::reference::{ContentRef, ScopeTag, StoreName, TenantTag, Ttl};
use crate::store::encoding::Encoding;
use crate::store::{Expiry, MAX_CONTENT_LEN};

/// The kind of items that the public step-functions-agent has written. No item of ours has it.
const LEGACY_KIND: &str = "legacy";

/// The item under a content's id, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) heading: Heading,
    pub(super) body: Body,
}

/// An item that was read, and may be of another scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    /// The scope that the item names. Items of older layers do not name one.
    pub(super) scope: Option<String>,
    pub(super) entry: Result<Entry, Unreadable>,
}

impl Read {
    pub(super) fn parse(item: Attributes) -> Self {
        Self { scope: text(&item, SCOPE).map(str::to_owned), entry: Entry::parse(item) }
    }

    /// The same without its content if that has more than `bytes`, because a reference with a smaller size cannot mean it.
    pub(super) fn of_at_most(mut self, bytes: usize) -> Self {
        if let Ok(Entry { body: Body::Whole(content), .. }) = &mut self.entry
            && content.len() > bytes
        {
            *content = Bytes::new();
        }
        self
    }
}

/// What the item says about its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    kind: String,
    ttl: String,
    size: u64,
    tenant: Option<String>,
    pub(super) expiry: Expiry,
    pub(super) encoding: Encoding,
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
    /// A newer version has written the item, in a newer layout.
    Newer(u64),
}

impl Entry {
    /// Reads a whole or commit item.
    pub(super) fn parse(mut item: Attributes) -> Result<Self, Unreadable> {
        if is_legacy(&item) {
            return Self::parse_legacy(item).ok_or(Unreadable::Damaged);
        }
        let heading = Heading::parse(&item)?;
        let body = match take_content(&mut item) {
            Some(content) => Some(Body::Whole(content)),
            None => heading.parts(&item).map(Body::Parts),
        };
        Ok(Self { heading, body: body.ok_or(Unreadable::Damaged)? })
    }

    fn parse_legacy(mut item: Attributes) -> Option<Self> {
        let Some(AttributeValue::S(content)) = item.remove(CONTENT) else { return None };
        let heading = Heading {
            kind: LEGACY_KIND.to_owned(),
            ttl: Ttl::NONE.to_string(),
            size: content.len() as u64,
            tenant: None,
            expiry: expiry(&item)?,
            encoding: Encoding::Identity,
        };
        Some(Self { heading, body: Body::Whole(content.into()) })
    }
}

impl Heading {
    /// Reads it from a whole or commit item of which [`SUMMARY`](super::item::SUMMARY) was read. `None` if the item is
    /// damaged, as far as that is visible without its content.
    pub(super) fn glimpse(item: &Attributes) -> Option<Self> {
        let heading = Self::parse(item).ok()?;
        let is_whole = !item.contains_key(DIGEST);
        (is_whole || heading.parts(item).is_some()).then_some(heading)
    }

    fn parse(item: &Attributes) -> Result<Self, Unreadable> {
        match number(item, FORMAT) {
            Some(FORMAT_VERSION) => Self::parse_fields(item).ok_or(Unreadable::Damaged),
            Some(newer) if newer > FORMAT_VERSION => Err(Unreadable::Newer(newer)),
            _ => Err(Unreadable::Damaged),
        }
    }

    fn parse_fields(item: &Attributes) -> Option<Self> {
        Some(Self {
            kind: text(item, KIND)?.to_owned(),
            ttl: text(item, TTL)?.to_owned(),
            size: number(item, SIZE)?,
            tenant: match item.get(TENANT) {
                None => None,
                Some(_) => Some(text(item, TENANT)?.to_owned()),
            },
            expiry: expiry(item)?,
            encoding: Encoding::parse(text(item, ENCODING)?)?,
        })
    }

    fn parts(&self, item: &Attributes) -> Option<PartList> {
        part_list(item).filter(|list| list.is_plausible(self.size))
    }

    /// Whether an item of which [`SUMMARY`](super::item::SUMMARY) was read names this scope.
    pub(super) fn is_of(item: &Attributes, scope: ScopeTag) -> bool {
        text(item, SCOPE).is_some_and(|tag| tag == scope.to_string())
    }

    /// Whether the item was written for exactly this reference and this tenant.
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
    number(item, FORMAT).is_none() && key(item).is_some_and(|key| key.starts_with("record-"))
}

/// When the item expires; `None` if the attribute makes no sense.
pub(super) fn expiry(item: &Attributes) -> Option<Expiry> {
    match item.get(EXPIRES_AT) {
        None => Some(Expiry::NEVER),
        Some(_) => number(item, EXPIRES_AT).map(Expiry::at),
    }
}

fn part_list(item: &Attributes) -> Option<PartList> {
    Some(PartList {
        digest: text(item, DIGEST)?.to_owned(),
        count: number(item, PARTS)?,
        part_size: number(item, PART_SIZE)?,
    })
}

/// What an item is, without its content.
#[derive(Debug)]
pub(super) enum Summary {
    Content {
        content: StoredContent,
        /// The beginning of its parts' keys.
        parts_key: Option<String>,
    },
    Part {
        parts_key: String,
        expires_at: Option<u64>,
    },
    Foreign(Foreign),
}

/// Summarises an item of which [`SUMMARY`](super::item::SUMMARY) was read.
pub(super) fn summary(item: &Attributes) -> Summary {
    let id = key(item).unwrap_or_default();
    let foreign = |problem: String| Summary::Foreign(Foreign { id: id.to_owned(), problem });
    match number(item, FORMAT) {
        Some(newer) if newer > FORMAT_VERSION => {
            foreign(format!("item format {newer} is newer than this version reads"))
        }
        format => {
            let ours = if format.is_some() { stored_content(id, item) } else { part(id, item) };
            ours.unwrap_or_else(|| foreign("it does not have the attributes of this layer's items".to_owned()))
        }
    }
}

fn stored_content(id: &str, item: &Attributes) -> Option<Summary> {
    let (kind, ttl, size) = (text(item, KIND)?, text(item, TTL)?, number(item, SIZE)?);
    let list = part_list(item);
    let content = StoredContent {
        reference: ContentRef::stored(StoreName::DynamoDb, [kind, ttl, id], size, number(item, COUNT))?,
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
    use super::super::item::samples::{NOW, identity, label, layout, reference};
    use super::super::item::{Label, Layout, MAX_PART, SUMMARY};
    use super::*;
    use crate::reference::Scope;

    #[test]
    fn what_is_written_reads_back() {
        let ttl = Ttl::seconds(60);
        let Layout::Whole(item) = layout(10, ttl, MAX_PART) else { panic!("parts") };
        let entry = Entry::parse(item.attributes()).unwrap();
        assert_eq!(entry.body, Body::Whole(identity(10).bytes));
        assert_eq!(entry.heading.expiry, Expiry::at(NOW + 60));
        assert!(entry.heading.fits(&reference(10, ttl), None));
        assert!(!entry.heading.fits(&reference(11, ttl), None));
        assert!(!entry.heading.fits(&reference(10, Ttl::NONE), None));
    }

    #[test]
    fn an_item_is_one_tenants_or_nobodys() {
        let tag = |tenant: &str| Scope::new("table").for_tenant(tenant).tenant_tag();
        let heading = |tenant| {
            let label = Label { tenant, ..label(10, Ttl::NONE) };
            let Layout::Whole(item) = Layout::new(&label, &identity(10), MAX_PART) else { panic!("parts") };
            Entry::parse(item.attributes()).unwrap().heading
        };
        for (written, read) in
            [(None, None), (tag("a"), tag("a")), (tag("a"), tag("b")), (tag("a"), None), (None, tag("a"))]
        {
            assert_eq!(heading(written).fits(&reference(10, Ttl::NONE), read), written == read, "{written:?} {read:?}");
        }
    }

    /// A look reads everything but the content, and has the same result as reading all of it.
    #[test]
    fn a_glimpse_sees_the_heading() {
        for len in [10, 500_000] {
            let item = match layout(len, Ttl::seconds(60), MAX_PART) {
                Layout::Whole(item) => item,
                Layout::Parted { commit, .. } => commit,
            };
            let mut seen = item.attributes();
            seen.retain(|name, _| SUMMARY.contains(&name.as_str()));
            assert_eq!(Heading::glimpse(&seen), Some(Entry::parse(item.attributes()).unwrap().heading));
            seen.insert(PARTS.to_owned(), AttributeValue::N("0".to_owned()));
            assert_eq!(Heading::glimpse(&seen).is_none(), len > 10, "no content has no parts");
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
