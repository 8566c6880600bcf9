//! Parts of contents in an event that is being hydrated. Each whole content (a *whole*) is read once, and its parts are
//! found in it.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use super::search::{HydratePlan, Search};
use super::weigh::{Contents, Filling, may_hold_references};
use crate::part::{Absent, Found, Index};
use crate::reference::{ContentRef, Reference};

/// The parts that an event and its contents name.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Parts whose wholes were not added yet.
    waiting: HashMap<ContentRef, Vec<Reference>>,
    /// Wholes that were added for their parts; `None` if their references stay.
    wholes: HashMap<ContentRef, Option<Whole>>,
    /// Parts that can be found now, and wholes that were added before they were named.
    due: Vec<Reference>,
    /// Parts that their wholes do not have.
    pub(super) absent: Vec<(Reference, Absent)>,
    /// Parts that were not searched.
    unsearched: HashSet<Reference>,
    /// Bytes of the parts that were searched.
    searched: u64,
}

/// A content that was read for its parts, and what is known about where they are.
#[derive(Debug)]
struct Whole {
    bytes: Bytes,
    index: Index,
}

impl Parts {
    /// Whether no part is named.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.wholes.is_empty()
    }

    /// Whether a whole was requested, or is known, because of its parts.
    pub(super) fn knows(&self, whole: &ContentRef) -> bool {
        self.waiting.contains_key(whole) || self.wholes.contains_key(whole)
    }

    /// Notes a named part. `whole` is what was added for its whole, if the whole is named itself. Returns whether the whole
    /// must be requested.
    pub(super) fn name(&mut self, part: Reference, whole: Option<&Filling>, is_asked_for: bool) -> bool {
        let content = part.content;
        if let Some(filling) = whole.filter(|_| !self.wholes.contains_key(&content)) {
            let bytes = match filling {
                Filling::Json(inside) => Some(inside.plan.event.clone()),
                Filling::Text(_) | Filling::Kept => None,
            };
            self.wholes.insert(content, bytes.map(|bytes| Whole { bytes, index: Index::default() }));
        }
        if self.wholes.contains_key(&content) {
            self.due.push(part);
            return false;
        }
        let parts = self.waiting.entry(content).or_default();
        parts.push(part);
        parts.len() == 1 && !is_asked_for
    }

    /// Takes a whole whose parts are named; `None` if their references stay.
    pub(super) fn add(&mut self, content: ContentRef, bytes: Option<Bytes>, index: Option<Index>) {
        if let Some(parts) = self.waiting.remove(&content) {
            self.due.extend(parts);
            let whole = bytes.map(|bytes| Whole { bytes, index: index.unwrap_or_default() });
            self.wholes.insert(content, whole);
        }
    }

    /// Notes a whole that is named itself. Returns whether it must be requested.
    pub(super) fn name_whole(&mut self, content: ContentRef) -> bool {
        if self.wholes.contains_key(&content) {
            self.due.push(content.into());
        }
        !self.knows(&content)
    }

    /// The next reference that can be replaced now, and what takes its place.
    pub(super) fn next_due(&mut self, search: Search) -> Option<(Reference, Filling)> {
        let reference = self.due.pop()?;
        if reference.part.is_none() {
            let whole = self.wholes.get(&reference.content)?.as_ref();
            let filling = whole.map(|whole| Filling::new(&reference.content, whole.bytes.clone(), search));
            return Some((reference, filling.unwrap_or(Filling::Kept)));
        }
        let filling = match self.find(&reference) {
            None => Filling::Kept,
            Some(Err(absent)) => {
                self.absent.push((reference.clone(), absent));
                Filling::Kept
            }
            Some(Ok((text, is_slice, may_hold))) => {
                let plan = if may_hold {
                    self.searched(&reference, text, search)
                } else {
                    HydratePlan::without_references(text)
                };
                Filling::part(plan, is_slice)
            }
        };
        Some((reference, filling))
    }

    /// The text of a part, whether it is elements of an array, and whether it may contain references, which it may if the
    /// whole may.
    fn find(&self, reference: &Reference) -> Option<Result<(Bytes, bool, bool), Absent>> {
        let Whole { bytes, index } = self.wholes.get(&reference.content)?.as_ref()?;
        let found = index.find(bytes, reference.part.as_ref()?);
        let may_hold = may_hold_references(&reference.content, bytes);
        Some(found.map(|Found { span, is_slice }| (bytes.slice(span), is_slice, may_hold)))
    }

    /// The plan of a part that may contain references. If an event with the parts before it would be too large already, it
    /// is not searched.
    fn searched(&mut self, reference: &Reference, text: Bytes, search: Search) -> HydratePlan {
        let searched = self.searched.saturating_add(text.len() as u64);
        if searched > search.max_decoded {
            self.unsearched.insert(reference.clone());
            return HydratePlan::unsearched(text);
        }
        self.searched = searched;
        HydratePlan::of_part(text, search)
    }

    /// Whether a part was searched, as far as it had to be.
    pub(super) fn is_searched(&self, reference: &Reference) -> bool {
        self.unsearched.is_empty() || !self.unsearched.contains(reference)
    }

    /// The wholes that are in memory only because parts of them are in `named`.
    pub(super) fn held_for(named: &HashSet<Reference>, contents: &Contents) -> HashSet<ContentRef> {
        let stays = |reference: &Reference| matches!(contents.get(reference), Some(Filling::Kept));
        let parts = named.iter().filter(|reference| reference.part.is_some() && !stays(reference));
        parts.map(|part| part.content).filter(|whole| !named.contains(&Reference::from(*whole))).collect()
    }
}
