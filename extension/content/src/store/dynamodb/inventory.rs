//! Lists a content table for the tool: it scans everything but the contents, and counts parts with the contents that list
//! them.
//!
//! `DynamoDB` charges a scan by the bytes that it reads, not by those that it returns: about half a read unit for every
//! 4 KiB of the table, contents included.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use super::entry::{self, Summary};
use super::item::Attributes;
use super::listing::{Cursor, Foreign, StoredContent};
use super::retry::Attempts;
use super::store::DynamoDbStore;

/// Some items of the table.
#[derive(Debug)]
pub struct Page {
    items: Vec<Attributes>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

impl DynamoDbStore {
    /// Reads one page of what is stored; `from` is `None` for the first page. The error is the last one from the table.
    pub async fn page(&self, from: Option<&Cursor>, until: Instant) -> Result<Page, String> {
        let mut attempts = Attempts::until(until);
        loop {
            if let Some((items, next)) = attempts.attempt(self.table.scan(from)).await? {
                return Ok(Page { items, next });
            }
        }
    }
}

/// Parts that no content lists. They exist for a moment while a writer works, and until they expire if it has crashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphans {
    /// The id that their keys begin with.
    pub id: String,
    /// How many there are.
    pub parts: u64,
    /// The second after which the last part is expired.
    pub expires_at: Option<u64>,
}

/// Everything that a scan has read.
#[derive(Debug, Default)]
pub struct Inventory {
    scanned: u64,
    contents: Vec<(Option<String>, StoredContent)>,
    parts: BTreeMap<String, Parts>,
    foreign: Vec<Foreign>,
}

/// Parts whose keys differ only in their numbers.
#[derive(Debug, Default)]
struct Parts {
    count: u64,
    expires_at: Option<u64>,
}

impl Inventory {
    /// Adds a page.
    pub fn add(&mut self, page: Page) {
        for item in page.items {
            self.scanned += 1;
            match entry::summary(&item) {
                Summary::Content { content, parts_key } => self.contents.push((parts_key, content)),
                Summary::Part { parts_key, expires_at } => {
                    let parts = self.parts.entry(parts_key).or_default();
                    parts.count += 1;
                    parts.expires_at = parts.expires_at.max(expires_at);
                }
                Summary::Foreign(foreign) => self.foreign.push(foreign),
            }
        }
    }

    /// How many items were read so far.
    pub fn scanned(&self) -> u64 {
        self.scanned
    }

    /// How many contents were found so far.
    pub fn len(&self) -> usize {
        self.contents.len()
    }

    /// Whether no content was found.
    pub fn is_empty(&self) -> bool {
        self.contents.is_empty()
    }

    /// Contents in the order of the scan, with their parts counted; parts that none of them lists; and items that are not
    /// ours. It must be called after the last page: only then is it known which parts are missing, and which are not listed.
    pub fn finish(mut self) -> (Vec<StoredContent>, Vec<Orphans>, Vec<Foreign>) {
        let mut listed: HashMap<String, u64> = HashMap::new();
        let counted = self.contents.into_iter().map(|(key, content)| {
            let own = key.and_then(|key| {
                let parts = self.parts.remove(&key).map(|parts| parts.count);
                parts.map(|count| *listed.entry(key).or_insert(count))
            });
            StoredContent { found: own.unwrap_or(0), ..content }
        });
        let contents = counted.collect();
        let orphans = self.parts.into_iter().map(|(key, parts)| Orphans {
            id: key.split('.').next().unwrap_or_default().to_owned(),
            parts: parts.count,
            expires_at: parts.expires_at,
        });
        (contents, orphans.collect(), self.foreign)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::item::{Item, Label, Layout};
    use super::*;
    use crate::reference::ContentRef;
    use crate::reference::{Content, Scope, Ttl};
    use crate::store::Expiry;
    use crate::store::encoding::{Encoded, Encoding};
    use aws_sdk_dynamodb::types::AttributeValue;

    /// The items of a content of `len` bytes in parts of 2000, as a scan without contents returns them.
    fn items(len: usize, ttl: Ttl) -> (ContentRef, Vec<Attributes>) {
        let bytes = bytes::Bytes::from(vec![b'a'; len]);
        let reference = Scope::new("table").reference(ttl, &Content::string(bytes.clone()));
        let encoded = Encoded { encoding: Encoding::Identity, bytes };
        let scope = Scope::new("table").tag(&reference);
        let label = Label { reference, tenant: None, scope, expiry: Expiry::of(ttl, 0) };
        let laid_out = match Layout::new(&label, &encoded, 200_000) {
            Layout::Whole(item) => vec![item],
            Layout::Parted { parts, commit } => parts.into_iter().chain([commit]).collect(),
        };
        let without_content = |item: &Item| {
            let mut attributes = item.attributes();
            attributes.remove("content");
            attributes
        };
        (reference, laid_out.iter().map(without_content).collect())
    }

    fn inventory(items: Vec<Attributes>) -> (Vec<StoredContent>, Vec<Orphans>, Vec<Foreign>) {
        let mut inventory = Inventory::default();
        inventory.add(Page { items, next: None });
        inventory.finish()
    }

    #[test]
    fn parts_are_folded_into_their_content() {
        let (short, mut all) = items(10, Ttl::NONE);
        let (long, parted) = items(500_000, Ttl::seconds(60));
        all.extend(parted);
        let (contents, orphans, foreign) = inventory(all);
        let whole = StoredContent {
            reference: short,
            stored: Some(10),
            encoding: "identity",
            parts: 0,
            found: 0,
            expires_at: None,
        };
        let parted = StoredContent {
            reference: long,
            stored: Some(500_000),
            encoding: "identity",
            parts: 3,
            found: 3,
            expires_at: Some(60),
        };
        assert_eq!(contents, [whole, parted]);
        assert!(orphans.is_empty() && foreign.is_empty());
    }

    #[test]
    fn parts_that_nobody_lists_are_orphans_and_missing_ones_show() {
        let (reference, mut all) = items(500_000, Ttl::seconds(60));
        let commit = all.pop().unwrap();
        let (_, orphans, _) = inventory(all.clone());
        assert_eq!(orphans, [Orphans { id: reference.id.to_string(), parts: 3, expires_at: Some(60) }]);
        all[0] = commit;
        let (contents, orphans, _) = inventory(all);
        assert_eq!((contents[0].parts, contents[0].found, orphans.len()), (3, 2, 0));
    }

    #[test]
    fn what_is_not_ours_is_named_with_the_reason() {
        let item = |id: &str| Attributes::from([("id".to_owned(), AttributeValue::S(id.to_owned()))]);
        let (_, ours) = items(10, Ttl::NONE);
        let mut newer = ours[0].clone();
        newer.insert("format".to_owned(), AttributeValue::N("2".to_owned()));
        let (contents, _, foreign) = inventory(vec![item("record-1"), item("a.b.c"), newer, Attributes::new()]);
        assert!(contents.is_empty());
        let problems: Vec<_> = foreign.iter().map(|foreign| foreign.problem.as_str()).collect();
        let none = "it does not have the attributes of this layer's items";
        assert_eq!(problems, [none, none, "item format 2 is newer than this version reads", none]);
    }
}
