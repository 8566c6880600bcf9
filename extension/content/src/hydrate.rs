//! Hydrating: finding the references in an event, and putting the contents back in their places.
//!
//! A reference takes the place of a value, and is always a whole JSON string. It may be at any depth, also in JSON that is
//! itself the text of a string (an SQS `body` with an SNS `Message` with a document). There, its content is escaped as many
//! times as the depth requires, and everything around it stays as it was spelt.
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

use self::parts::Parts;
use self::search::Edit;
pub use self::search::{HydratePlan, Left, Search, TooLarge, plan, plan_with};
pub use self::weigh::may_hold_references;
use self::weigh::{Contents, Filling, Inside, Place, Scale, places_of_event};
pub use self::write::{Chunks, Hydrated};
use crate::batch::Batch;
use crate::part::{Absent, Index};
use crate::reference::{ContentRef, Kind, Reference};

mod parts;
mod search;
mod weigh;
mod write;

/// An event that is being hydrated: which contents it needs, and the references in these contents.
///
/// Ask for the contents that are [`wanted`](Self::wanted) and [`add`](Self::add) them, until none is wanted any more; then
/// call [`finish`](Self::finish). For parts of a content, the whole content is wanted, once for all its parts.
#[derive(Debug)]
pub struct Hydration {
    event: HydratePlan,
    /// The places where the event itself names contents.
    places: Vec<Place>,
    contents: Contents,
    parts: Parts,
    wanted: Vec<ContentRef>,
    /// Every reference that the event and its contents name.
    named: HashSet<Reference>,
    /// The named references that are needed, if records were left as they are.
    needed: Option<HashSet<Reference>>,
    is_too_deep: bool,
    has_too_many: bool,
}

impl Hydration {
    /// Starts to hydrate an event.
    pub fn new(event: HydratePlan) -> Self {
        let places = places_of_event(&event, &event.edits);
        let mut hydration = Self {
            places,
            contents: HashMap::new(),
            parts: Parts::default(),
            named: HashSet::new(),
            wanted: vec![],
            needed: None,
            is_too_deep: event.is_too_deep(),
            has_too_many: event.has_too_many(),
            event,
        };
        hydration.name(hydration.event.references().to_vec());
        hydration
    }

    /// Notes distinct references that were not named before, and asks for contents that are not known.
    fn name(&mut self, references: Vec<Reference>) {
        self.named.extend(references.iter().cloned());
        let (wholes, parts): (Vec<_>, Vec<_>) = references.into_iter().partition(|reference| reference.part.is_none());
        for Reference { content, .. } in wholes {
            self.wanted.extend(self.parts.name_whole(content).then_some(content));
        }
        for part in parts {
            let (content, whole) = (part.content, Reference::from(part.content));
            let is_asked_for = self.named.contains(&whole);
            self.wanted.extend(self.parts.name(part, self.contents.get(&whole), is_asked_for).then_some(content));
        }
    }

    /// Distinct references whose contents are needed now. Each is returned only once.
    pub fn wanted(&mut self) -> Vec<ContentRef> {
        std::mem::take(&mut self.wanted)
    }

    /// Bytes of the hydrated event. A content that is not known yet counts with the size in its reference, as if nothing in
    /// it had to be escaped: so no content is read for an event that would be too large. The size in a reference that stays
    /// does not count, because anyone may have written it. Saturates.
    pub fn size(&self) -> u64 {
        self.size_within(u64::MAX)
    }

    /// The same, if it is at most `limit`; otherwise some number above it, found without looking at the rest.
    pub fn size_within(&self, limit: u64) -> u64 {
        Scale::new(&self.contents, limit).weigh(self.event.event.len() as u64, &self.places).saturating_add(self.held())
    }

    /// Bytes of the whole contents that are in memory for their parts, each counted once.
    fn held(&self) -> u64 {
        if self.parts.is_empty() {
            return 0;
        }
        let held = Parts::held_for(self.needed.as_ref().unwrap_or(&self.named), &self.contents);
        held.iter().fold(0, |sum, whole| sum.saturating_add(whole.size))
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
        if size > limit && !self.is_as_it_came() { Err(TooLarge::Bytes(size)) } else { Ok(size) }
    }

    /// Takes a content that was wanted. With `None`, its reference stays.
    ///
    /// A content of kind [`Kind::String`] is UTF-8: stores verify what they read.
    pub fn add(&mut self, reference: ContentRef, content: Option<Bytes>) {
        self.add_indexed(reference, content, None);
    }

    /// The same, with what is already known about where the parts of the content are.
    pub fn add_indexed(&mut self, reference: ContentRef, content: Option<Bytes>, index: Option<Index>) {
        let (whole, search) = (Reference::from(reference), self.event.found.search);
        if !self.parts.is_empty() {
            self.parts.add(reference, content.clone(), index);
        }
        if self.parts.is_empty() || self.named.contains(&whole) {
            let filling = content.map_or(Filling::Kept, |content| Filling::new(&reference, content, search));
            self.fill(whole, filling);
        }
        while let Some((reference, filling)) = self.parts.next_due(search) {
            self.fill(reference, filling);
        }
    }

    /// Puts something in the place of a reference, and asks for the contents that it names.
    fn fill(&mut self, reference: Reference, mut filling: Filling) {
        if let Filling::Json(inside) = &mut filling {
            let is_searched = self.parts.is_searched(&reference);
            self.is_too_deep |= is_searched && inside.plan.is_too_deep();
            let new = inside.plan.references().iter().filter(|reference| !self.named.contains(*reference)).cloned();
            let new: Vec<_> = new.collect();
            inside.plan.found.has_too_many |= self.named.len() + new.len() > self.event.found.search.max_references;
            if let Some(needed) = self.needed.as_mut().filter(|needed| needed.contains(&reference)) {
                needed.extend(inside.plan.references().iter().cloned());
            }
            if inside.plan.has_too_many() {
                self.has_too_many = true;
            } else {
                self.name(new);
            }
        }
        self.contents.insert(reference, filling);
    }

    /// Parts that their contents do not have, found since the last call. Their references stay.
    pub fn take_absent(&mut self) -> Vec<(Reference, Absent)> {
        std::mem::take(&mut self.parts.absent)
    }

    /// Whether parts of a content are named, so that an [`Index`] of it is useful.
    pub fn names_parts_of(&self, content: &ContentRef) -> bool {
        self.parts.knows(content)
    }

    /// The references that name a content or parts of it.
    pub fn names_of(&self, content: &ContentRef) -> Vec<Reference> {
        if self.parts.is_empty() {
            return vec![(*content).into()];
        }
        self.named.iter().filter(|reference| reference.content == *content).cloned().collect()
    }

    /// Drops all contents. They are wanted again. References that were to stay still stay.
    pub fn forget(&mut self) {
        self.contents.retain(|_, filling| matches!(filling, Filling::Kept));
        (self.parts, self.wanted) = (Parts::default(), vec![]);
        self.named = self.contents.keys().cloned().collect();
        let places = self.places.iter().map(|place| &place.reference);
        let new = places.filter(|reference| self.named.insert((*reference).clone())).cloned().collect();
        self.name(new);
    }

    /// If the event would be larger than `limit`, leaves records of a batch as they are, the last ones first, until the
    /// others fit. What is outside of all records is always hydrated. Returns the references of the records that were left,
    /// each once.
    ///
    /// The size of a known content is exact; for an unknown content, the size in its reference is used.
    pub fn leave_too_large(&mut self, batch: &Batch, limit: u64) -> Vec<Reference> {
        let mut size = self.event.event.len() as u64;
        let outside = self.places_outside(batch);
        let contents = std::mem::take(&mut self.contents);
        let (mut scale, mut held) = (Scale::new(&contents, limit), HashSet::new());
        let mut add = |hydration: &Self, places: &[Place], may_stay: bool| {
            let more = hydration.held_also_for(places, &contents, &held);
            let more_len = more.iter().fold(0_u64, |sum, whole| sum.saturating_add(whole.size));
            let grown = scale.weigh(size, places).saturating_add(more_len);
            let stays = may_stay && grown > limit;
            if !stays {
                size = grown;
                held.extend(more);
            }
            stays
        };
        add(self, &outside, false);
        let left =
            self.leave(batch, |hydration, edits| add(hydration, &places_of_event(&hydration.event, edits), true));
        self.contents = contents;
        self.note_left(&left);
        left
    }

    /// The whole contents that are in memory for the parts at these places, except those in `held`.
    fn held_also_for(&self, places: &[Place], contents: &Contents, held: &HashSet<ContentRef>) -> Vec<ContentRef> {
        if self.parts.is_empty() {
            return vec![];
        }
        let named = all_named(places, contents);
        Parts::held_for(&named, contents).into_iter().filter(|whole| !held.contains(whole)).collect()
    }

    /// Leaves a record of a batch as it is if its contents could not be searched, or refer to contents that were not added,
    /// or name too many references. Returns the references of these records, each once. If the same is true of what is
    /// outside of all records, the event still cannot be hydrated.
    pub fn leave_too_deep(&mut self, batch: &Batch) -> Vec<Reference> {
        let mut whole = HashMap::new();
        let is_whole = self.places_outside(batch).iter().all(|place| self.is_whole(&place.reference, &mut whole));
        let left = self.leave(batch, |hydration, edits| {
            let mut places = edits.iter().map(|edit| &hydration.event.found.references[edit.reference]);
            !places.all(|reference| hydration.is_whole(reference, &mut whole))
        });
        if is_whole {
            (self.is_too_deep, self.has_too_many) = (false, false);
        }
        self.wanted.clear();
        self.note_left(&left);
        left
    }

    /// All references outside of all records of a batch, and in the contents there. They may not stay.
    pub fn named_outside(&self, batch: &Batch) -> HashSet<Reference> {
        all_named(&self.places_outside(batch), &self.contents)
    }

    fn places_outside(&self, batch: &Batch) -> Vec<Place> {
        let is_outside = |edit: &&Edit| !batch.holds(edit.span.start);
        let edits: Vec<_> = self.event.edits.iter().filter(is_outside).cloned().collect();
        places_of_event(&self.event, &edits)
    }

    /// Whether nothing in the event is replaced.
    pub fn is_as_it_came(&self) -> bool {
        self.event.edits.is_empty()
    }

    /// Whether a content, and all contents to which it refers, are known and were searched.
    fn is_whole(&self, reference: &Reference, known: &mut HashMap<Reference, bool>) -> bool {
        let (mut open, mut seen) = (vec![reference.clone()], HashSet::from([reference.clone()]));
        let mut is_whole = true;
        while let Some(reference) = open.pop().filter(|_| is_whole) {
            is_whole = match (known.get(&reference), self.contents.get(&reference)) {
                (Some(is_whole), _) => *is_whole,
                (None, None) => false,
                (None, Some(Filling::Json(inside))) => {
                    let plan = &inside.plan;
                    open.extend(plan.references().iter().filter(|inner| seen.insert((*inner).clone())).cloned());
                    plan.too_large().is_none()
                }
                (None, Some(_)) => true,
            };
        }
        if is_whole {
            known.extend(seen.into_iter().map(|reference| (reference, true)));
        } else {
            known.insert(reference.clone(), false);
        }
        is_whole
    }

    /// Forgets the places in records that were left, which have these references.
    fn note_left(&mut self, left: &[Reference]) {
        if !left.is_empty() {
            self.places = places_of_event(&self.event, &self.event.edits);
            self.needed = Some(self.all_needed());
        }
    }

    /// Leaves the records for which `is_bad`, given their edits, is true.
    fn leave(&mut self, batch: &Batch, mut is_bad: impl FnMut(&Self, &[Edit]) -> bool) -> Vec<Reference> {
        let (mut kept, mut left) = (vec![], vec![]);
        let mut edits = std::mem::take(&mut self.event.edits).into_iter().peekable();
        for record in batch.records() {
            kept.extend(std::iter::from_fn(|| edits.next_if(|edit| edit.span.start < record.start)));
            let inside: Vec<_> = std::iter::from_fn(|| edits.next_if(|edit| edit.span.start < record.end)).collect();
            if !inside.is_empty() && is_bad(self, &inside) {
                left.extend(inside.iter().map(|edit| self.event.found.references[edit.reference].clone()));
            } else {
                kept.extend(inside);
            }
        }
        kept.extend(edits);
        self.event.edits = kept;
        let mut seen = HashSet::new();
        left.retain(|reference| seen.insert(reference.clone()));
        left
    }

    /// Whether a content that was wanted is still wanted: the records that name it may have been left.
    pub fn needs(&self, content: &ContentRef) -> bool {
        let Some(needed) = &self.needed else { return true };
        needed.contains(&Reference::from(*content))
            || !self.parts.is_empty() && needed.iter().any(|reference| reference.content == *content)
    }

    /// Everything that the event and its contents name at places that were not left.
    fn all_needed(&self) -> HashSet<Reference> {
        all_named(&self.places, &self.contents)
    }

    /// The event with all contents in place, if it has at most `limit` bytes, all of it could be searched, and nothing is
    /// wanted any more.
    pub fn finish(self, limit: u64) -> Result<Bytes, TooLarge> {
        Ok(self.hydrated(limit)?.into_bytes())
    }

    /// The same, not yet written.
    pub fn hydrated(self, limit: u64) -> Result<Hydrated, TooLarge> {
        let held = self.held();
        let len = self.fits(limit)? - held;
        let is_known =
            |reference: &Reference| self.contents.contains_key(reference) && self.parts.is_searched(reference);
        let is_known = self.all_needed().iter().all(is_known);
        if is_known { Ok(Hydrated::new(self.event, self.contents, len, held)) } else { Err(TooLarge::TooDeep) }
    }
}

/// Everything that these places and the contents there name.
fn all_named(places: &[Place], contents: &Contents) -> HashSet<Reference> {
    let mut open: Vec<_> = places.iter().map(|place| &place.reference).collect();
    let mut named: HashSet<_> = open.iter().copied().cloned().collect();
    while let Some(reference) = open.pop() {
        if let Some(Filling::Json(inside)) = contents.get(reference) {
            open.extend(inside.plan.references().iter().filter(|inner| named.insert((*inner).clone())));
        }
    }
    named
}

impl HydratePlan {
    /// The event with contents in place, given in the order of [`references`](Self::references). With `None`, a reference
    /// stays.
    ///
    /// A content of kind [`Kind::String`] is UTF-8: stores verify what they read.
    pub fn apply(&self, contents: &[Option<Bytes>]) -> Bytes {
        if self.edits.is_empty() {
            return self.event.clone();
        }
        let filling = |(reference, content): (&Reference, &Option<Bytes>)| match content {
            None => Filling::Kept,
            Some(content) if reference.content.kind != Kind::String => {
                Filling::Json(Box::new(Inside::new(Self::without_references(content.clone()))))
            }
            Some(content) => Filling::new(&reference.content, content.clone(), Search::default()),
        };
        let contents = self.references().iter().zip(contents).map(|named| (named.0.clone(), filling(named))).collect();
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

    /// Only cases of at most this many bytes are written; for a larger one, only the weight is compared.
    const WRITTEN: u64 = 256 << 10;

    /// A plan in which any text may be in the place of a reference.
    fn plan(text: Vec<u8>, mut cuts: Vec<usize>, mut next: impl FnMut() -> (ContentRef, u32)) -> HydratePlan {
        cuts.sort_unstable();
        let mut found = Found::default();
        let edits = cuts.chunks_exact(2).map(|cut| {
            let (reference, depth) = next();
            Edit { span: cut[0]..cut[1], reference: found.index_of(reference.into()), depth }
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

    /// An event with contents in contents. Each content may be named by those after it.
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
            contents.entry(reference.into()).or_insert(filling);
            named.push(reference);
        }
        let text = text(random);
        let cuts = cuts(text.len(), random);
        let event = plan(text, cuts, || (named[random.usize(..named.len())], depth(random)));
        Hydration { contents, wanted: vec![], ..Hydration::new(event) }
    }

    /// H5, H8: the counted size of an event is its real size, at depths 0 to 64, for lengths 0 to 64 KiB, with all kinds of
    /// escapes, references that stay, and contents inside of contents.
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

    /// The deepest place where backslashes are doubled. One string deeper, escapes are spelt by number.
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
