//! Computes how many bytes a hydrated event has before it is written. For each content, the bytes of each class of escapes
//! are counted once, however often and however deep the content is in the event. [`escape`](crate::escape) defines what one
//! byte becomes, here and when the event is written.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;

use super::search::{Edit, HydratePlan, Search, plan_with};
use crate::escape::{self, Census};
use crate::json;
use crate::reference::{ContentRef, Kind, Reference};

/// What takes the places of references, by reference.
pub(super) type Contents = HashMap<Reference, Filling>;

/// What takes a reference's place.
#[derive(Debug)]
pub(super) enum Filling {
    /// Nothing: the reference stays.
    Kept,
    /// Text that becomes a JSON string.
    Text(Counted),
    /// JSON, with the references in it.
    Json(Box<Inside>),
}

impl Filling {
    pub(super) fn new(reference: &ContentRef, content: Bytes, search: Search) -> Self {
        match reference.kind {
            Kind::String => {
                debug_assert!(
                    std::str::from_utf8(&content).is_ok(),
                    "BUG: the store verified a text that is not UTF-8"
                );
                Self::Text(Counted::new(content))
            }
            Kind::Json if may_hold_references(reference, &content) => {
                Self::Json(Box::new(Inside::new(plan_with(&content, search))))
            }
            Kind::Json | Kind::Verbatim => Self::Json(Box::new(Inside::new(HydratePlan::without_references(content)))),
        }
    }

    /// A part of a content of kind [`Kind::Json`], with its plan.
    pub(super) fn part(plan: HydratePlan, is_slice: bool) -> Self {
        Self::Json(Box::new(if is_slice { Inside::slice(plan) } else { Inside::new(plan) }))
    }
}

/// Whether a content may contain references itself. Only an object or array that was taken out to make its response fit (see
/// [`fit`](crate::fit)) may. Any other content is ordinary text, even if it looks like a reference; a content of kind
/// [`Kind::Verbatim`] is an object or array full of such text.
pub fn may_hold_references(reference: &ContentRef, content: &[u8]) -> bool {
    reference.kind == Kind::Json && !reference.is_legacy() && json::opens_container(content)
}

/// A text, and its census once it was needed.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) bytes: Bytes,
    census: OnceLock<Census>,
}

impl Counted {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes, census: OnceLock::new() }
    }

    fn census(&self) -> &Census {
        self.census.get_or_init(|| Census::of(&self.bytes))
    }

    /// Whether it is known that nothing in it is escaped.
    pub(super) fn is_plain(&self) -> bool {
        self.census.get().is_some_and(Census::is_plain)
    }
}

/// A JSON content: the references in it and their places, and how long it is without them.
#[derive(Debug)]
pub(super) struct Inside {
    pub(super) plan: HydratePlan,
    pub(super) places: Vec<Place>,
    text: Counted,
    /// Whether it is elements of an array, which are put into brackets.
    pub(super) is_slice: bool,
}

impl Inside {
    pub(super) fn new(plan: HydratePlan) -> Self {
        let places = places(&plan, &plan.edits, |span| Census::of(&plan.event[span]));
        Self { text: Counted::new(plan.event.clone()), places, plan, is_slice: false }
    }

    /// Elements of an array.
    pub(super) fn slice(plan: HydratePlan) -> Self {
        Self { is_slice: true, ..Self::new(plan) }
    }

    /// Bytes of the brackets around it, which are never escaped.
    fn brackets(&self) -> u64 {
        if self.is_slice { 2 } else { 0 }
    }

    /// Bytes of the text that stays, inside of `depth` strings.
    fn own(&self, depth: u32, contents: &Contents) -> u64 {
        let leave = self.places.iter().filter(|place| !stays(contents, &place.reference));
        let leave = leave.fold(Census::default(), |sum, place| sum.with(&place.spelt));
        if depth == 0 {
            self.brackets() + self.plan.event.len() as u64 - leave.len(0)
        } else {
            self.brackets() + self.text.census().without(&leave).len(depth)
        }
    }
}

/// The places at one depth where a document names one content.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) reference: Reference,
    depth: u32,
    times: u64,
    /// All of its references there, as they are spelt.
    spelt: Census,
}

/// The places of these edits. `spelt` gives the census of the reference at each of them.
fn places(plan: &HydratePlan, edits: &[Edit], spelt: impl Fn(Range<usize>) -> Census) -> Vec<Place> {
    let mut indices = HashMap::new();
    let mut places: Vec<Place> = vec![];
    for edit in edits {
        let spelt = spelt(edit.span.clone());
        match indices.entry((edit.reference, edit.depth)) {
            Entry::Occupied(index) => {
                let place: &mut Place = &mut places[*index.get()];
                place.times += 1;
                place.spelt = place.spelt.with(&spelt);
            }
            Entry::Vacant(index) => {
                index.insert(places.len());
                let reference = plan.references()[edit.reference].clone();
                places.push(Place { reference, depth: edit.depth, times: 1, spelt });
            }
        }
    }
    places
}

/// The places in an event. The event is not inside of a string, so only the length of the references there matters.
pub(super) fn places_of_event(event: &HydratePlan, edits: &[Edit]) -> Vec<Place> {
    places(event, edits, |span| Census::of_plain(span.len()))
}

/// Whether a reference stays where it is.
fn stays(contents: &Contents, reference: &Reference) -> bool {
    matches!(contents.get(reference), Some(Filling::Kept))
}

/// Weighs contents as they will be in an event.
pub(super) struct Scale<'a> {
    contents: &'a Contents,
    /// Bytes of a content inside of so many strings, with all contents that it names itself.
    weights: HashMap<(Reference, u32), u64>,
    limit: u64,
}

/// A content that is to be weighed, or whose own contents have been weighed.
enum Step {
    Into(Reference, u32),
    Outof(Reference, u32),
}

impl<'a> Scale<'a> {
    /// A scale that stops at `limit` bytes, so that its work is limited, too.
    pub(super) fn new(contents: &'a Contents, limit: u64) -> Self {
        Self { contents, weights: HashMap::new(), limit }
    }

    /// Bytes that an event of `len` bytes has with the contents of these places, if they are at most the limit; otherwise
    /// some number above it. Saturates.
    pub(super) fn weigh(&mut self, len: u64, places: &[Place]) -> u64 {
        let leave = || places.iter().filter(|place| !stays(self.contents, &place.reference));
        let spelt: u64 = leave().map(|place| place.spelt.len(0)).sum();
        let leave: Vec<_> = leave().cloned().collect();
        let contents = self.find_weights(&leave).unwrap_or_else(|| self.sum(0, &leave));
        contents.saturating_add(len.saturating_sub(spelt))
    }

    /// Bytes of the contents of places in a document inside of `depth` strings. A content that was not weighed counts as too
    /// large.
    fn sum(&self, depth: u32, places: &[Place]) -> u64 {
        let leave = places.iter().filter(|place| !stays(self.contents, &place.reference)).map(|place| {
            let weight = self.weights.get(&(place.reference.clone(), depth + place.depth)).copied().unwrap_or(u64::MAX);
            weight.saturating_mul(place.times)
        });
        leave.fold(0, u64::saturating_add)
    }

    /// Weighs contents and the contents that they name, each once for each depth, without recursion. It stops as soon as
    /// their sum is above the limit, and then returns the sum so far.
    fn find_weights(&mut self, places: &[Place]) -> Option<u64> {
        let mut seen = 0_u64;
        let mut steps: Vec<_> = places.iter().map(|place| Step::Into(place.reference.clone(), place.depth)).collect();
        while seen <= self.limit {
            let (is_into, key) = match steps.pop()? {
                Step::Into(reference, depth) => (true, (reference, depth)),
                Step::Outof(reference, depth) => (false, (reference, depth)),
            };
            let depth = key.1;
            match self.contents.get(&key.0) {
                Some(Filling::Json(inside)) if !is_into => {
                    let own = inside.own(depth, self.contents);
                    let weight = own.saturating_add(self.sum(depth, &inside.places));
                    self.weights.insert(key, weight);
                }
                _ if is_into && self.weights.contains_key(&key) => {}
                Some(Filling::Json(inside)) => {
                    seen = seen.saturating_add(inside.own(depth, self.contents));
                    steps.push(Step::Outof(key.0.clone(), depth));
                    // Until it is weighed. A content that names itself, which no hash allows, would never be.
                    self.weights.insert(key, u64::MAX);
                    let inner = inside.places.iter().filter(|place| !stays(self.contents, &place.reference));
                    steps.extend(inner.map(|place| Step::Into(place.reference.clone(), depth + place.depth)));
                }
                filling => {
                    let weight = weight_of_text(&key.0, filling, depth);
                    seen = seen.saturating_add(weight);
                    self.weights.insert(key, weight);
                }
            }
        }
        for step in steps {
            if let Step::Outof(reference, depth) = step {
                self.weights.remove(&(reference, depth));
            }
        }
        Some(seen)
    }
}

/// Bytes of a text as a string inside of `depth` others. For a content that is not known, it is the size in its reference,
/// as if nothing in it had to be escaped. A reference to a part gives no size.
fn weight_of_text(reference: &Reference, filling: Option<&Filling>, depth: u32) -> u64 {
    let (text, size) = match filling {
        Some(Filling::Text(text)) => (Some(text), 0),
        // There is no JSON without a byte.
        _ if reference.part.is_some() => return 1,
        _ if reference.content.kind != Kind::String => return reference.content.size.max(1),
        _ => (None, reference.content.size),
    };
    let parts = escape::string(b"", depth).map(|(mark, depth)| Census::of(mark).len(depth));
    let marks = parts.into_iter().fold(0, u64::saturating_add);
    marks.saturating_add(text.map_or(size, |text| text.census().len(depth + 1)))
}
