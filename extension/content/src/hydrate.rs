//! Hydrating: finding the references in an event, and putting the contents back in their places.
//!
//! A reference stands for a value as the whole of a JSON string, at any depth, also inside JSON that is itself text in a
//! string (an SQS `body` holding an SNS `Message` holding a document): there, its content is escaped as deep as it
//! is, and everything around it stays as it was spelt.
//!
//! ```
//! use bytes::Bytes;
//! use long_content::hydrate;
//! use long_content::reference::{Content, Scope, Ttl};
//!
//! let reference = Scope::new("AgentContext-dev").reference(Ttl::NONE, &Content::string("long\ntext"));
//! let event = Bytes::from(format!(r#"{{"n":1e400,"text":"{reference}","body":"{{\"t\": \"{reference}\"}}"}}"#));
//!
//! let plan = hydrate::plan(&event);
//! assert_eq!(plan.references(), [reference]);
//! let hydrated = plan.apply(&[Some(Bytes::from("long\ntext"))]);
//! assert_eq!(hydrated, r#"{"n":1e400,"text":"long\ntext","body":"{\"t\": \"long\\ntext\"}"}"#);
//! ```

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use self::search::Edit;
pub use self::search::{HydratePlan, Search, TooLarge, plan, plan_with};
pub use self::weigh::may_hold_references;
use self::weigh::{Contents, Filling, Inside, Place, Scale, places_of_event};
pub use self::write::{Chunks, Hydrated};
use crate::batch::Batch;
use crate::reference::{ContentRef, Kind};

mod search;
mod weigh;
mod write;

/// An event being hydrated: which contents it needs, and the references that those hold themselves.
///
/// Ask what is [`wanted`](Self::wanted), [`add`](Self::add) it, until nothing is; then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Hydration {
    event: HydratePlan,
    /// Where the event itself names contents.
    places: Vec<Place>,
    contents: Contents,
    wanted: Vec<ContentRef>,
    /// Every reference that the event and its contents name.
    named: HashSet<ContentRef>,
    /// Those of them that are needed, where records were left.
    needed: Option<HashSet<ContentRef>>,
    is_too_deep: bool,
    has_too_many: bool,
}

impl Hydration {
    /// Begins to hydrate an event.
    pub fn new(event: HydratePlan) -> Self {
        let (wanted, places) = (event.references().to_vec(), places_of_event(&event, &event.edits));
        Self {
            places,
            contents: HashMap::new(),
            named: wanted.iter().copied().collect(),
            wanted,
            needed: None,
            is_too_deep: event.is_too_deep(),
            has_too_many: event.has_too_many(),
            event,
        }
    }

    /// Distinct references whose contents are needed now; they are not asked for again.
    pub fn wanted(&mut self) -> Vec<ContentRef> {
        std::mem::take(&mut self.wanted)
    }

    /// Bytes of the hydrated event. Of a content that is not known yet, those that its reference says, as if nothing in it had
    /// to be escaped: so an event that would be too large costs nothing. What a reference that stays says of its size does not
    /// count: anybody may have written it. Saturates.
    pub fn size(&self) -> u64 {
        self.size_within(u64::MAX)
    }

    /// The same, if that is no more than `limit`; otherwise some number above it, found without looking at the rest.
    pub fn size_within(&self, limit: u64) -> u64 {
        Scale::new(&self.contents, limit).weigh(self.event.event.len() as u64, &self.places)
    }

    /// Bytes of the hydrated event, as far as they are known, or why it is too large to be one.
    pub fn fits(&self, limit: u64) -> Result<u64, TooLarge> {
        if self.has_too_many {
            return Err(TooLarge::References(self.event.found.search.max_references));
        }
        if self.is_too_deep {
            return Err(TooLarge::TooDeep);
        }
        let size = self.size_within(limit);
        // An event of which nothing is replaced is as large as it came.
        if size > limit && !self.event.edits.is_empty() { Err(TooLarge::Bytes(size)) } else { Ok(size) }
    }

    /// Takes a content that was wanted; `None` leaves its reference where it is.
    ///
    /// A content of kind [`Kind::String`] is UTF-8: stores verify what they read.
    pub fn add(&mut self, reference: ContentRef, content: Option<Bytes>) {
        let search = self.event.found.search;
        let mut filling = content.map_or(Filling::Kept, |content| Filling::new(&reference, content, search));
        if let Filling::Json(inside) = &mut filling {
            self.is_too_deep |= inside.plan.is_too_deep();
            let new = inside.plan.references().iter().filter(|reference| !self.named.contains(*reference)).copied();
            let new: Vec<_> = new.collect();
            inside.plan.found.has_too_many |= self.named.len() + new.len() > search.max_references;
            if inside.plan.has_too_many() {
                self.has_too_many = true;
            } else {
                self.named.extend(&new);
                self.wanted.extend(new);
            }
            if let Some(needed) = self.needed.as_mut().filter(|needed| needed.contains(&reference)) {
                needed.extend(inside.plan.references());
            }
        }
        self.contents.insert(reference, filling);
    }

    /// Gives back all contents. What they were wanted for is wanted again; references that stay, stay.
    pub fn forget(&mut self) {
        self.contents.retain(|_, filling| matches!(filling, Filling::Kept));
        self.named = self.contents.keys().copied().collect();
        let new = self.places.iter().map(|place| place.reference).filter(|reference| self.named.insert(*reference));
        self.wanted = new.collect();
    }

    /// Leaves records of a batch as they are that would make the event larger than `limit`, the last ones first: those before
    /// them fit. Gives their references, each once.
    ///
    /// Sizes are exact where contents are known, and what a reference says of its content where they are not.
    pub fn leave_too_large(&mut self, batch: &Batch, limit: u64) -> Vec<ContentRef> {
        let mut size = self.event.event.len() as u64;
        let contents = std::mem::take(&mut self.contents);
        let mut scale = Scale::new(&contents, limit);
        let left = self.leave(batch, |hydration, edits| {
            let grown = scale.weigh(size, &places_of_event(&hydration.event, edits));
            let is_too_large = grown > limit;
            if !is_too_large {
                size = grown;
            }
            is_too_large
        });
        self.contents = contents;
        self.note_left(&left);
        left
    }

    /// Leaves records of a batch as they are whose contents could not be searched, or refer to contents that were not added or
    /// are too many. Gives their references, each once.
    pub fn leave_too_deep(&mut self, batch: &Batch) -> Vec<ContentRef> {
        let mut whole = HashMap::new();
        let left = self.leave(batch, |hydration, edits| {
            let mut places = edits.iter().map(|edit| hydration.event.found.references[edit.reference]);
            !places.all(|reference| hydration.is_whole(&reference, &mut whole))
        });
        (self.is_too_deep, self.has_too_many) = (false, false);
        self.wanted.clear();
        self.note_left(&left);
        left
    }

    /// Whether a content and all that it refers to are known and searched.
    fn is_whole(&self, reference: &ContentRef, known: &mut HashMap<ContentRef, bool>) -> bool {
        let (mut open, mut seen) = (vec![*reference], HashSet::from([*reference]));
        let mut is_whole = true;
        while let Some(reference) = open.pop().filter(|_| is_whole) {
            is_whole = match (known.get(&reference), self.contents.get(&reference)) {
                (Some(is_whole), _) => *is_whole,
                (None, None) => false,
                (None, Some(Filling::Json(inside))) => {
                    let plan = &inside.plan;
                    open.extend(plan.references().iter().filter(|inner| seen.insert(**inner)));
                    plan.too_large().is_none()
                }
                (None, Some(_)) => true,
            };
        }
        if is_whole {
            known.extend(seen.into_iter().map(|reference| (reference, true)));
        } else {
            known.insert(*reference, false);
        }
        is_whole
    }

    /// Forgets the places of records that were left, with these references.
    fn note_left(&mut self, left: &[ContentRef]) {
        if !left.is_empty() {
            self.places = places_of_event(&self.event, &self.event.edits);
            self.needed = Some(self.all_needed());
        }
    }

    /// Leaves the records that `is_bad` says so of, given their edits.
    fn leave(&mut self, batch: &Batch, mut is_bad: impl FnMut(&Self, &[Edit]) -> bool) -> Vec<ContentRef> {
        let (mut kept, mut left) = (vec![], vec![]);
        let mut edits = std::mem::take(&mut self.event.edits).into_iter().peekable();
        for record in batch.records() {
            let inside: Vec<_> = std::iter::from_fn(|| edits.next_if(|edit| edit.span.start < record.end)).collect();
            if !inside.is_empty() && is_bad(self, &inside) {
                left.extend(inside.iter().map(|edit| self.event.found.references[edit.reference]));
            } else {
                kept.extend(inside);
            }
        }
        kept.extend(edits);
        self.event.edits = kept;
        let mut seen = HashSet::new();
        left.retain(|reference| seen.insert(*reference));
        left
    }

    /// Whether a content that was wanted still is: its records may have been left.
    pub fn needs(&self, reference: &ContentRef) -> bool {
        self.needed.as_ref().is_none_or(|needed| needed.contains(reference))
    }

    /// Everything that the event and its contents name at places that were not left.
    fn all_needed(&self) -> HashSet<ContentRef> {
        let mut open: Vec<_> = self.places.iter().map(|place| place.reference).collect();
        let mut needed: HashSet<_> = open.iter().copied().collect();
        while let Some(reference) = open.pop() {
            if let Some(Filling::Json(inside)) = self.contents.get(&reference) {
                open.extend(inside.plan.references().iter().filter(|inner| needed.insert(**inner)));
            }
        }
        needed
    }

    /// The event with all contents in place, if it has no more than `limit` bytes, all of it could be searched, and nothing
    /// is wanted any more.
    pub fn finish(self, limit: u64) -> Result<Bytes, TooLarge> {
        Ok(self.hydrated(limit)?.into_bytes())
    }

    /// The same, not yet written.
    pub fn hydrated(self, limit: u64) -> Result<Hydrated, TooLarge> {
        let len = self.fits(limit)?;
        let is_known = self.all_needed().iter().all(|reference| self.contents.contains_key(reference));
        if is_known { Ok(Hydrated::new(self.event, self.contents, len)) } else { Err(TooLarge::TooDeep) }
    }
}

impl HydratePlan {
    /// The event with contents in place, given in the order of [`references`](Self::references); `None` leaves that
    /// reference where it is.
    ///
    /// A content of kind [`Kind::String`] is UTF-8: stores verify what they read.
    pub fn apply(&self, contents: &[Option<Bytes>]) -> Bytes {
        if self.edits.is_empty() {
            return self.event.clone();
        }
        let filling = |(reference, content): (&ContentRef, &Option<Bytes>)| match content {
            None => Filling::Kept,
            Some(content) if reference.kind != Kind::String => {
                Filling::Json(Box::new(Inside::new(Self::without_references(content.clone()))))
            }
            Some(content) => Filling::new(reference, content.clone(), Search::default()),
        };
        let contents = self.references().iter().zip(contents).map(|named| (*named.0, filling(named))).collect();
        let about = self.places_len(&contents);
        let mut out = Vec::with_capacity(about + about / 16);
        write::write(self, &contents, &mut out);
        out.into()
    }

    /// Bytes of the event and, unescaped, of contents at all their places.
    fn places_len(&self, contents: &Contents) -> usize {
        let len = |edit: &Edit| match contents.get(&self.references()[edit.reference]) {
            Some(Filling::Text(text)) => text.bytes.len(),
            Some(Filling::Json(inside)) => inside.plan.event.len(),
            Some(Filling::Kept) | None => 0,
        };
        self.event.len() + self.edits.iter().map(len).sum::<usize>()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::search::Found;
    use super::weigh::Counted;
    use super::*;
    use crate::escape;
    use crate::reference::{Content, Scope, Ttl};
    use fastrand::Rng;

    /// Bytes that a case writes at most. Of a larger one only the weight is compared.
    const WRITTEN: u64 = 256 << 10;

    /// Where a reference's text would be: here, any text stands for it.
    fn plan(text: Vec<u8>, mut cuts: Vec<usize>, mut next: impl FnMut() -> (ContentRef, u32)) -> HydratePlan {
        cuts.sort_unstable();
        let mut found = Found::default();
        let edits = cuts.chunks_exact(2).map(|cut| {
            let (reference, depth) = next();
            Edit { span: cut[0]..cut[1], reference: found.index_of(reference), depth }
        });
        HydratePlan { edits: edits.collect(), event: text.into(), found }
    }

    /// Text of every class of escapes.
    fn text(random: &mut Rng) -> Vec<u8> {
        let len = match random.u8(..) {
            0 => random.usize(..=64 << 10),
            1..64 => random.usize(..500),
            _ => random.usize(..12),
        };
        let classes = ["\"", "\\", "\n\t\u{8}", "\u{0}\u{1f}", "az{}[],: \u{7f}", "\u{e9}\u{4e16}\u{1f980}"];
        let (only, is_mixed) = (random.usize(..classes.len()), random.bool());
        let mut text = String::new();
        while text.len() < len {
            let class = classes[if is_mixed { random.usize(..classes.len()) } else { only }];
            if random.bool() {
                text.push_str(class);
            } else {
                text.extend(class.chars().next_back());
            }
        }
        text.into()
    }

    fn cuts(len: usize, random: &mut Rng) -> Vec<usize> {
        (0..2 * random.usize(..4)).map(|_| random.usize(..=len)).collect()
    }

    fn depth(random: &mut Rng) -> u32 {
        let deep = random.u8(..4) == 0;
        if deep { random.u32(..=64) } else { random.u32(..4) }
    }

    /// An event with contents in contents, each of which may be named by those behind it.
    fn hydration(random: &mut Rng) -> Hydration {
        let mut contents = Contents::new();
        let mut named: Vec<ContentRef> = vec![];
        for _ in 0..random.usize(1..5) {
            let text = text(random);
            let is_json = random.bool();
            let content = if is_json { Content::json(text.clone()) } else { Content::string(text.clone()) };
            let reference = Scope::new("t").reference(Ttl::NONE, &content);
            let cuts = if named.is_empty() { vec![] } else { cuts(text.len(), random) };
            let filling = match random.u8(..8) {
                0 => Filling::Kept,
                _ if is_json => {
                    let next = || (named[random.usize(..named.len())], depth(random));
                    Filling::Json(Box::new(Inside::new(plan(text, cuts, next))))
                }
                _ => Filling::Text(Counted::new(text.into())),
            };
            contents.entry(reference).or_insert(filling);
            named.push(reference);
        }
        let text = text(random);
        let cuts = cuts(text.len(), random);
        let event = plan(text, cuts, || (named[random.usize(..named.len())], depth(random)));
        Hydration { contents, wanted: vec![], ..Hydration::new(event) }
    }

    /// H5, H8: what an event is counted as is what it has, at depths 0 to 64, of lengths 0 to 64 KiB, whatever is escaped in which
    /// way, with references that stay and contents inside of contents.
    #[test]
    fn an_event_has_exactly_as_many_bytes_as_it_is_counted_as() {
        let mut written = 0;
        for seed in 0..200_000 {
            let make = || hydration(&mut Rng::with_seed(seed));
            let hydration = make();
            let size = hydration.size();
            if size > WRITTEN {
                let outcome = hydration.finish(WRITTEN);
                assert!(matches!(outcome, Err(TooLarge::Bytes(some)) if some > WRITTEN && some <= size), "seed {seed}");
                continue;
            }
            written += 1;
            if !hydration.event.edits.is_empty() && size > 0 {
                assert_eq!(hydration.fits(size - 1), Err(TooLarge::Bytes(size)), "seed {seed}");
            }
            let whole = hydration.finish(size).unwrap();
            assert_eq!(whole.len() as u64, size, "seed {seed}");
            if seed % 16 == 0 {
                assert!(make().event.edits.is_empty() || size == 0 || make().finish(size - 1).is_err(), "seed {seed}");
                assert_eq!(in_chunks(make(), Rng::with_seed(seed).usize(1..9_000)), whole, "seed {seed}");
            }
        }
        assert!(written > 100_000, "{written} were written");
    }

    /// The event as it is sent, chunk by chunk.
    fn in_chunks(hydration: Hydration, len: usize) -> Vec<u8> {
        let deepest = escape::widest(22) as usize;
        let hydrated = hydration.hydrated(u64::MAX).unwrap();
        let (mut chunks, mut all) = (hydrated.chunks(), vec![]);
        loop {
            let mut chunk = vec![];
            chunks.write(&mut chunk, len);
            assert!(chunk.len() <= 2 * len + deepest);
            if chunk.is_empty() {
                return all;
            }
            all.append(&mut chunk);
        }
    }

    /// What costs most where it is doubled, one string less deep than what is spelt by number.
    #[test]
    fn quotation_marks_are_counted_as_they_are_written_where_doubling_ends() {
        for depth in 20..25 {
            let content = Content::string("x");
            let reference = Scope::new("t").reference(Ttl::NONE, &content);
            let event = plan(b"@".to_vec(), vec![0, 1], || (reference, depth));
            let mut hydration = Hydration::new(event);
            hydration.wanted();
            hydration.add(reference, Some(content.bytes));
            let size = hydration.size();
            assert_eq!(size > 8 << 20, depth == 22, "{depth}: {size}");
            assert_eq!(hydration.finish(size).unwrap().len() as u64, size);
        }
    }
}
