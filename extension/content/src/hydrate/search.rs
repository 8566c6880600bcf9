//! Searches an event for references and their places, also in the JSON texts inside of its strings.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;

use crate::batch::Batch;
use crate::json::{self, StringToken};
use crate::nested::Budget;
use crate::reference::{ContentRef, PREFIX, ParseRefError, Reference};

/// Looks for what every reference begins with.
static PREFIX_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(PREFIX));

/// How an event is searched.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// Whether the references of [`ContentRef::parse_legacy`] are found too.
    pub reads_legacy: bool,
    /// The most bytes of JSON text inside of strings that may be decoded to search it, and never more than 24 times the
    /// bytes of the event.
    pub max_decoded: u64,
    /// How many distinct references an event may name, including those of its contents and those that cannot be read. The
    /// search ends when there are more.
    pub max_references: usize,
}

impl Default for Search {
    fn default() -> Self {
        Self { reads_legacy: false, max_decoded: u64::MAX, max_references: usize::MAX }
    }
}

/// Why an event is not hydrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// It would have more bytes than it may: at least so many.
    #[error("the hydrated event would have at least {0} bytes")]
    Bytes(u64),
    /// To find all its references, more JSON text inside of strings would have to be decoded than is allowed; or its
    /// contents refer to contents that were not added.
    #[error("text inside of text, or contents inside of contents, are nested too deep in the event")]
    TooDeep,
    /// It and its contents name more distinct references than this.
    #[error("the event names more than {0} references")]
    References(usize),
}

/// The references of one event, and their places.
#[derive(Debug)]
pub struct HydratePlan {
    pub(super) event: Bytes,
    pub(super) edits: Vec<Edit>,
    pub(super) found: Found,
}

/// Records of a batch that stay as they are.
#[derive(Debug, Default)]
pub struct Left {
    /// Their numbers.
    pub records: Vec<usize>,
    /// All references in them.
    pub references: Vec<Reference>,
}

/// Where a content goes.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    /// The bytes of its reference, quotation marks included.
    pub(super) span: Range<usize>,
    /// Index of that reference.
    pub(super) reference: usize,
    /// How many strings it is inside of, which is how often it is escaped.
    pub(super) depth: u32,
}

/// What was found in an event and in the JSON texts inside it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) references: Vec<Reference>,
    indices: HashMap<Reference, usize>,
    malformed: Vec<(String, ParseRefError)>,
    pub(super) search: Search,
    budget: Budget,
    /// Whether there are more references than allowed.
    pub(super) has_too_many: bool,
    /// Whether the event is not valid JSON, although a string in it could be a reference.
    is_invalid: bool,
}

/// Finds every string value of `event` that is a reference. An event that is not valid JSON has none.
///
/// An event without a reference costs one search for `@content:`.
pub fn plan(event: &Bytes) -> HydratePlan {
    plan_with(event, Search::default())
}

/// [`plan`], with other settings of the search.
pub fn plan_with(event: &Bytes, search: Search) -> HydratePlan {
    let budget = Budget::of_event(event, search.max_decoded);
    let mut found = Found { search, budget, ..Found::default() };
    let edits = found.search(event);
    HydratePlan { event: event.clone(), edits, found }
}

impl HydratePlan {
    /// A plan for a batch that was too deep or named too many references. Each record is searched separately, with its share
    /// of the bytes that may be decoded. A record that is still too deep, or names more references than are left after the
    /// records before it, stays as it is. What is outside of all records cannot stay: if it is too deep or names too many
    /// references, so does the new plan.
    pub fn by_record(&self, batch: &Batch) -> (Self, Left) {
        let search = self.found.search;
        let (mut found, mut edits) = self.outside(batch);
        let mut left = Left::default();
        for (number, record) in batch.records().iter().enumerate() {
            let text = &self.event[record.clone()];
            let share = u128::from(search.max_decoded) * text.len() as u128 / u128::from(batch.len().max(1));
            // To its end, though it may name too many: what it names is remembered.
            let all = Search { max_references: usize::MAX, ..search };
            let mut alone = Found { search: all, budget: Budget::of_event(text, share as u64), ..Found::default() };
            let inside = alone.search(text);
            if alone.budget.is_exhausted() || !found.has_room_for(&alone) {
                left.records.push(number);
                left.references.append(&mut alone.references);
                continue;
            }
            found.malformed.append(&mut alone.malformed);
            edits.extend(inside.into_iter().map(|edit| Edit {
                span: record.start + edit.span.start..record.start + edit.span.end,
                reference: found.index_of(alone.references[edit.reference].clone()),
                depth: edit.depth,
            }));
        }
        edits.sort_unstable_by_key(|edit| edit.span.start);
        (Self { event: self.event.clone(), edits, found }, left)
    }

    /// Strings outside of all records of a batch that have the outline of a reference and cannot be read.
    pub fn malformed_outside(&self, batch: &Batch) -> Vec<(String, ParseRefError)> {
        if self.malformed().is_empty() { vec![] } else { self.outside(batch).0.malformed }
    }

    /// What is found outside of all records of a batch.
    fn outside(&self, batch: &Batch) -> (Found, Vec<Edit>) {
        let (search, around) = (self.found.search, batch.around(&self.event));
        let budget = Budget::of_event(&around, search.max_decoded);
        let mut found = Found { search, budget, ..Found::default() };
        let edits = found.search(&around);
        (found, edits)
    }
}

/// A JSON text that is being searched: the event, or the decoded text of a string in the text around it.
struct Searched<'a> {
    text: Cow<'a, [u8]>,
    /// The string that contains it, in the text around it.
    token: Option<StringToken>,
    /// How far it was searched.
    at: usize,
    is_valid: OnceCell<bool>,
    edits: Vec<Edit>,
}

impl<'a> Searched<'a> {
    fn new(text: Cow<'a, [u8]>, token: Option<StringToken>) -> Self {
        Self { text, token, at: 0, is_valid: OnceCell::new(), edits: vec![] }
    }

    /// The next string value in which a reference could be.
    fn next_candidate(&mut self) -> Option<(usize, StringToken)> {
        loop {
            let at = self.at + PREFIX_FINDER.find(&self.text[self.at..])?;
            // Outside of a string, or in one that never ends: not JSON, and not worth another look for each look-alike.
            let token = json::enclosing_string(&self.text, self.at, at)?;
            self.at = token.close + 1;
            if !token.is_key(&self.text) && *self.is_valid.get_or_init(|| json::is_valid(&self.text)) {
                return Some((at, token));
            }
        }
    }

    /// Takes over what was found in a string of this text.
    fn take(&mut self, inside: Searched<'_>) {
        let token = inside.token.expect("BUG: it is in a string");
        let offsets = inside.edits.iter().flat_map(|edit| [edit.span.start, edit.span.end]);
        let spelt = json::spelt_offsets(token.raw(&self.text), offsets);
        let places = inside.edits.into_iter().zip(spelt.chunks(2));
        self.edits.extend(places.map(|(edit, span)| {
            let start = token.open + 1;
            Edit { span: start + span[0]..start + span[1], ..edit }
        }));
    }
}

impl Found {
    /// Finds the references in an event, and in the JSON texts in its strings. It handles any depth without recursion.
    fn search(&mut self, event: &[u8]) -> Vec<Edit> {
        self.search_from(Searched::new(Cow::Borrowed(event), None))
    }

    fn search_from(&mut self, mut text: Searched<'_>) -> Vec<Edit> {
        let mut outside = vec![];
        loop {
            if self.has_too_many {
                return vec![];
            }
            if let Some(inside) = self.search_until_nested(&mut text, outside.len() as u32) {
                outside.push(std::mem::replace(&mut text, inside));
            } else if let Some(around) = outside.pop() {
                let inside = std::mem::replace(&mut text, around);
                text.take(inside);
            } else {
                self.is_invalid = text.is_valid.get() == Some(&false);
                return text.edits;
            }
        }
    }

    /// Finds the references in a text inside of `depth` strings, up to the first string that contains JSON text itself.
    fn search_until_nested(&mut self, text: &mut Searched<'_>, depth: u32) -> Option<Searched<'static>> {
        while !self.has_too_many
            && let Some((at, token)) = text.next_candidate()
        {
            if token.escaped {
                let inside = self.open(&text.text, &token);
                if inside.is_some() {
                    return inside;
                }
            } else if token.open + 1 == at {
                let reference = self.judge(token.raw(&text.text));
                let span = token.open..token.close + 1;
                text.edits.extend(reference.map(|reference| Edit { span, reference, depth }));
            }
        }
        None
    }

    /// The JSON text in a string of `text`.
    fn open(&mut self, text: &[u8], token: &StringToken) -> Option<Searched<'static>> {
        if !json::says_text(token.raw(text)) {
            return None;
        }
        let inside = self.budget.decode(text, token)?.into_owned();
        Some(Searched::new(Cow::Owned(inside), Some(*token)))
    }

    /// The index of the reference that `text` is.
    fn judge(&mut self, text: &[u8]) -> Option<usize> {
        let text = std::str::from_utf8(text).ok()?;
        match text.parse() {
            Ok(reference) => Some(self.index_of(reference)),
            Err(ParseRefError::NotAReference) if self.search.reads_legacy => {
                ContentRef::parse_legacy(text).map(|reference| self.index_of(reference.into()))
            }
            Err(ParseRefError::NotAReference) => None,
            Err(error) => {
                self.malformed.push((text.to_owned(), error));
                self.has_too_many |= self.len() > self.search.max_references;
                None
            }
        }
    }

    /// How many distinct references there are, plus strings that look like references and cannot be read.
    fn len(&self) -> usize {
        self.references.len() + self.malformed.len()
    }

    /// Whether what another search found may be added to this.
    fn has_room_for(&self, other: &Self) -> bool {
        let new = other.references.iter().filter(|reference| !self.indices.contains_key(*reference)).count();
        self.len() + new + other.malformed.len() <= self.search.max_references
    }

    pub(super) fn index_of(&mut self, reference: Reference) -> usize {
        let next = self.references.len();
        let index = *self.indices.entry(reference.clone()).or_insert(next);
        if index == next {
            self.references.push(reference);
            self.has_too_many |= self.len() > self.search.max_references;
        }
        index
    }
}

impl HydratePlan {
    /// Whether nothing in the event is replaced.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.found.malformed.is_empty() && !self.is_too_deep() && !self.has_too_many()
    }

    /// Whether it names more references than allowed, so that the rest of it was not searched.
    pub fn has_too_many(&self) -> bool {
        self.found.has_too_many
    }

    /// Why the event cannot be hydrated, if it cannot.
    pub fn too_large(&self) -> Option<TooLarge> {
        if self.has_too_many() {
            return Some(TooLarge::References(self.found.search.max_references));
        }
        self.is_too_deep().then_some(TooLarge::TooDeep)
    }

    /// Whether some references may not have been found, because there was too much JSON text inside of text to decode.
    pub fn is_too_deep(&self) -> bool {
        self.found.budget.is_exhausted()
    }

    /// Whether nothing was found only because the event is not valid JSON.
    pub fn is_invalid(&self) -> bool {
        self.found.is_invalid
    }

    /// The distinct references of the event, in order of appearance.
    pub fn references(&self) -> &[Reference] {
        &self.found.references
    }

    /// Strings with the outline of a reference that cannot be read: truncated, altered, or of a newer version.
    pub fn malformed(&self) -> &[(String, ParseRefError)] {
        &self.found.malformed
    }

    /// JSON text that is not searched.
    pub(super) fn without_references(text: Bytes) -> Self {
        Self { event: text, edits: vec![], found: Found::default() }
    }

    /// JSON text that would have to be searched, but was not.
    pub(super) fn unsearched(text: Bytes) -> Self {
        Self { event: text, edits: vec![], found: Found { budget: Budget::exhausted(), ..Found::default() } }
    }

    /// The plan of a part of valid JSON text: of a value, or of elements without brackets.
    pub(super) fn of_part(text: Bytes, search: Search) -> Self {
        let budget = Budget::of_event(&text, search.max_decoded);
        let mut found = Found { search, budget, ..Found::default() };
        let edits = found.search_from(Searched { is_valid: true.into(), ..Searched::new(Cow::Borrowed(&text), None) });
        Self { event: text, edits, found }
    }
}
