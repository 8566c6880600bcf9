//! Hydrating: finding the references in an event, and putting the contents back in their places.
//!
//! A reference stands for a value as the whole of a JSON string, at any depth, also inside JSON that is itself text in a
//! string (an SQS `body` holding an SNS `Message` holding a document): there, its content is escaped as deep as it
//! stands, and everything around it stays as it was spelt.
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

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::{ControlFlow, Range};
use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;

use crate::batch::Batch;
use crate::escape;
use crate::json::{self, StringToken};
use crate::nested::Budget;
use crate::reference::{ContentRef, Kind, PREFIX, ParseRefError};

/// Looks for what every reference begins with.
static PREFIX_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(PREFIX));

/// How an event is searched.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// Whether the references of [`ContentRef::parse_legacy`] are found too.
    pub reads_legacy: bool,
    /// Bytes of JSON text inside of strings that may be decoded to look into it. Never more than 24 times the event is.
    pub max_decoded: u64,
}

impl Default for Search {
    fn default() -> Self {
        Self { reads_legacy: false, max_decoded: u64::MAX }
    }
}

/// Why an event is not hydrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// It would have more bytes than it may: so many, at least.
    #[error("hydrated, the event would have at least {0} bytes")]
    Bytes(u64),
    /// To find all its references, more of the JSON text inside of its strings would have to be decoded than may be; or its
    /// contents refer to contents that were not added.
    #[error("text inside of text, or contents inside of contents, are nested too deep in the event")]
    TooDeep,
}

/// Which references stand where in one event.
#[derive(Debug)]
pub struct HydratePlan {
    event: Bytes,
    edits: Vec<Edit>,
    found: Found,
}

/// Where a content goes.
#[derive(Debug)]
struct Edit {
    /// The bytes of its reference, quotation marks included.
    span: Range<usize>,
    /// Index of that reference.
    reference: usize,
    /// How many strings it stands inside of: so often it is escaped.
    depth: u32,
}

/// What was found in an event and in the JSON texts inside it.
#[derive(Debug, Default)]
struct Found {
    references: Vec<ContentRef>,
    indices: HashMap<ContentRef, usize>,
    malformed: Vec<(String, ParseRefError)>,
    search: Search,
    budget: Budget,
    /// Whether the event is not valid JSON, though a string of it could be a reference.
    is_invalid: bool,
}

/// Finds every string value of `event` that is a reference. An event that is not valid JSON has none.
///
/// An event without a reference costs one search for `@content:`.
pub fn plan(event: &Bytes) -> HydratePlan {
    plan_with(event, Search::default())
}

/// [`plan`], in another way.
pub fn plan_with(event: &Bytes, search: Search) -> HydratePlan {
    let budget = Budget::of_event(event, search.max_decoded);
    let mut found = Found { search, budget, ..Found::default() };
    let edits = found.search(event);
    HydratePlan { event: event.clone(), edits, found }
}

impl HydratePlan {
    /// A plan for a batch that was too deep: each record is searched by itself, with its share of what may be decoded. A
    /// record that is still too deep stays as it is; says how many do.
    pub fn by_record(&self, batch: &Batch) -> (Self, usize) {
        let search = self.found.search;
        let mut found = Found { search, ..Found::default() };
        let (mut edits, mut left) = (vec![], 0);
        for record in batch.records() {
            let text = &self.event[record.clone()];
            let share = u128::from(search.max_decoded) * text.len() as u128 / u128::from(batch.len().max(1));
            let mut alone = Found { search, budget: Budget::of_event(text, share as u64), ..Found::default() };
            let inside = alone.search(text);
            if alone.budget.is_exhausted() {
                left += 1;
                continue;
            }
            found.malformed.append(&mut alone.malformed);
            edits.extend(inside.into_iter().map(|edit| Edit {
                span: record.start + edit.span.start..record.start + edit.span.end,
                reference: found.index_of(alone.references[edit.reference]),
                depth: edit.depth,
            }));
        }
        (Self { event: self.event.clone(), edits, found }, left)
    }
}

/// An event being hydrated: which contents it needs, and the references that those hold themselves.
///
/// Ask what is [`wanted`](Self::wanted), [`add`](Self::add) it, until nothing is; then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Hydration {
    event: HydratePlan,
    contents: HashMap<ContentRef, Filling>,
    wanted: Vec<ContentRef>,
    /// How often each content will stand in the event.
    counts: HashMap<ContentRef, u64>,
    is_too_deep: bool,
}

/// Bytes that an event may have at most to be written without being counted: its buffer grows as it is written.
const MAX_UNCOUNTED: u64 = 16 << 20;

/// What takes a reference's place.
#[derive(Debug)]
enum Filling {
    /// Nothing: the reference stays.
    Kept,
    /// Text that becomes a JSON string.
    Text(Bytes),
    /// JSON, with the references that it holds itself.
    Json(HydratePlan),
}

impl Hydration {
    /// Begins to hydrate an event.
    pub fn new(event: HydratePlan) -> Self {
        let (wanted, places) = (event.references().to_vec(), event.places().collect::<Vec<_>>());
        let is_too_deep = event.is_too_deep();
        let mut hydration = Self { event, contents: HashMap::new(), wanted, counts: HashMap::new(), is_too_deep };
        add_counts(&mut hydration.counts, places.into_iter(), 1);
        hydration
    }

    /// Distinct references whose contents are needed now; they are not asked for again.
    pub fn wanted(&mut self) -> Vec<ContentRef> {
        std::mem::take(&mut self.wanted)
    }

    /// Bytes of the hydrated event before JSON escapes, as far as its references are known: before a content is read,
    /// so that an event that would be too large costs nothing. What a reference that stays says of its size does not
    /// count: anybody may have written it. Saturates.
    pub fn size(&self) -> u64 {
        self.size_of(&self.counts).saturating_add(self.event.event.len() as u64)
    }

    fn size_of(&self, counts: &HashMap<ContentRef, u64>) -> u64 {
        let stays = |reference| matches!(self.contents.get(reference), Some(Filling::Kept));
        let placed = counts.iter().filter(|(reference, _)| !stays(reference));
        let sizes = placed.map(|(reference, times)| reference.size.saturating_mul(*times));
        sizes.fold(0, u64::saturating_add)
    }

    /// Takes a content that was wanted; `None` leaves its reference where it stands.
    ///
    /// A content of kind [`Kind::String`] is UTF-8: stores verify what they read.
    pub fn add(&mut self, reference: ContentRef, content: Option<Bytes>) {
        let search = self.event.found.search;
        let filling = content.map_or(Filling::Kept, |content| Filling::new(&reference, content, search));
        if let Filling::Json(inside) = &filling {
            self.is_too_deep |= inside.is_too_deep();
            let times = self.counts.get(&reference).copied().unwrap_or(1);
            add_counts(&mut self.counts, inside.places(), times);
            let new = |reference: &&ContentRef| !self.contents.contains_key(*reference);
            let new: Vec<_> = inside.references().iter().filter(new).copied().collect();
            self.wanted.extend(new);
        }
        self.contents.insert(reference, filling);
    }

    /// Leaves records of a batch as they are that would make the event larger than `limit`, the last ones first: those before
    /// them fit. Gives their references, each once.
    ///
    /// Sizes are exact where contents are known, and what a reference says of its content where they are not.
    pub fn leave_too_large(&mut self, batch: &Batch, limit: u64) -> Vec<ContentRef> {
        let mut room = limit.saturating_sub(self.event.event.len() as u64);
        self.leave(batch, |hydration, edits| {
            let grown = hydration.growth(edits, room);
            room -= grown.unwrap_or(0);
            grown.is_none()
        })
    }

    /// Leaves records of a batch as they are whose contents could not be searched, or refer to contents that were not added.
    /// Gives their references, each once.
    pub fn leave_too_deep(&mut self, batch: &Batch) -> Vec<ContentRef> {
        let mut whole = HashMap::new();
        let references = self.leave(batch, |hydration, edits| {
            let mut places = edits.iter().map(|edit| hydration.event.found.references[edit.reference]);
            !places.all(|reference| hydration.is_whole(&reference, &mut whole))
        });
        self.is_too_deep = false;
        self.wanted.clear();
        references
    }

    /// Whether a content and all that it refers to are known and searched.
    fn is_whole(&self, reference: &ContentRef, known: &mut HashMap<ContentRef, bool>) -> bool {
        let mut open = vec![*reference];
        while let Some(reference) = open.pop() {
            if known.contains_key(&reference) {
                continue;
            }
            let is_whole = match self.contents.get(&reference) {
                None => false,
                Some(Filling::Json(inside)) => {
                    open.extend_from_slice(inside.references());
                    !inside.is_too_deep()
                }
                Some(_) => true,
            };
            known.insert(reference, is_whole);
            if !is_whole {
                return false;
            }
        }
        true
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
        if !left.is_empty() {
            self.counts = self.counts_of(self.event.places());
        }
        let mut seen = HashSet::new();
        left.retain(|reference| seen.insert(*reference));
        left
    }

    /// Bytes that these edits add to the event, `None` if that is more than `limit`: what [`size`](Self::size) says of them,
    /// or more where escapes are known.
    fn growth(&self, edits: &[Edit], limit: u64) -> Option<u64> {
        let references = || edits.iter().map(|edit| self.event.found.references[edit.reference]);
        let size = self.size_of(&self.counts_of(references()));
        let filling_of = |reference: &ContentRef| self.contents.get(reference).unwrap_or(&Filling::Kept);
        let mut grown = 0_u64;
        for (edit, reference) in edits.iter().zip(references()) {
            grown = grown.saturating_add(measure(filling_of(&reference), edit.depth, filling_of, limit).ok()?);
        }
        Some(grown.max(size)).filter(|grown| *grown <= limit)
    }

    /// How often each content will stand in the event because of these places: those that they name, those that these name,
    /// and so on.
    fn counts_of(&self, places: impl Iterator<Item = ContentRef>) -> HashMap<ContentRef, u64> {
        let (mut counts, mut level) = (HashMap::new(), HashMap::new());
        add_counts(&mut level, places, 1);
        while !level.is_empty() {
            let mut next = HashMap::new();
            for (reference, times) in level {
                add_counts(&mut counts, std::iter::once(reference), times);
                if let Some(Filling::Json(inside)) = self.contents.get(&reference) {
                    add_counts(&mut next, inside.places(), times);
                }
            }
            level = next;
        }
        counts
    }

    /// Whether a content that was wanted still is: its records may have been left.
    pub fn needs(&self, reference: &ContentRef) -> bool {
        self.counts.contains_key(reference)
    }

    /// Whether the event with all contents in place would have more than `limit` bytes.
    pub fn is_too_large(&self, limit: u64) -> bool {
        let filling = |reference: &ContentRef| self.contents.get(reference).unwrap_or(&Filling::Kept);
        capacity(&self.event, filling, limit).is_err()
    }

    /// The event with all contents in place, if it has no more than `limit` bytes, all of it could be searched, and nothing
    /// is wanted any more.
    pub fn finish(self, limit: u64) -> Result<Bytes, TooLarge> {
        if self.is_too_deep || !self.wanted.is_empty() {
            return Err(TooLarge::TooDeep);
        }
        fill(&self.event, |reference| self.contents.get(reference).unwrap_or(&Filling::Kept), limit)
    }
}

/// Adds `times` for each place of a content.
fn add_counts(counts: &mut HashMap<ContentRef, u64>, places: impl Iterator<Item = ContentRef>, times: u64) {
    for reference in places {
        let count = counts.entry(reference).or_default();
        *count = count.saturating_add(times);
    }
}

impl Filling {
    fn new(reference: &ContentRef, content: Bytes, search: Search) -> Self {
        match reference.kind {
            Kind::String => {
                debug_assert!(
                    std::str::from_utf8(&content).is_ok(),
                    "BUG: the store verified a text that is not UTF-8"
                );
                Self::Text(content)
            }
            Kind::Json if may_hold_references(reference, &content) => Self::Json(plan_with(&content, search)),
            Kind::Json | Kind::Verbatim => Self::Json(HydratePlan::without_references(content)),
        }
    }
}

/// `event` with every reference's filling in its place, and the fillings of those, if that has no more than `limit` bytes.
///
/// Whatever an event names, however often and however deep, it costs no more memory than `limit`: nothing is written before
/// it is known to fit. A small one that fits even if every byte had to be escaped is not counted.
fn fill<'a>(
    event: &'a HydratePlan,
    filling: impl Fn(&ContentRef) -> &'a Filling,
    limit: u64,
) -> Result<Bytes, TooLarge> {
    if event.edits.is_empty() {
        return Ok(event.event.clone());
    }
    let mut out = Vec::with_capacity(capacity(event, &filling, limit)? as usize);
    let _: ControlFlow<()> = pieces(event, &filling, |piece| {
        piece.write(&mut out);
        ControlFlow::Continue(())
    });
    Ok(out.into())
}

/// Memory to set aside for what [`fill`] writes: as many bytes as it has, or about as many where they were not counted.
fn capacity<'a>(
    event: &'a HydratePlan,
    filling: impl Fn(&ContentRef) -> &'a Filling,
    limit: u64,
) -> Result<u64, TooLarge> {
    let mut most = 0_u64;
    let unescaped = sum(event, &filling, limit, |piece| {
        most = most.saturating_add(piece.most());
        piece.text().len() as u64
    })?;
    if most > limit.min(MAX_UNCOUNTED) {
        sum(event, &filling, limit, Piece::len)
    } else {
        Ok(unescaped + unescaped / 16)
    }
}

/// What `measure` says of all pieces together. Stops at the limit.
fn sum<'a>(
    event: &'a HydratePlan,
    filling: impl Fn(&ContentRef) -> &'a Filling,
    limit: u64,
    mut measure: impl FnMut(&Piece<'a>) -> u64,
) -> Result<u64, TooLarge> {
    let mut size = 0_u64;
    let summed = pieces(event, filling, |piece| {
        size = size.saturating_add(measure(&piece));
        if size > limit { ControlFlow::Break(size) } else { ControlFlow::Continue(()) }
    });
    match summed {
        ControlFlow::Continue(()) => Ok(size),
        ControlFlow::Break(size) => Err(TooLarge::Bytes(size)),
    }
}

/// Bytes of a filling as it stands inside of `depth` strings.
fn measure<'a>(
    filling: &'a Filling,
    depth: u32,
    filling_of: impl Fn(&ContentRef) -> &'a Filling,
    limit: u64,
) -> Result<u64, TooLarge> {
    match filling {
        Filling::Kept => Ok(0),
        Filling::Text(text) => Ok(Piece::Text(text, depth).len()),
        Filling::Json(inside) => {
            let mut size = 0_u64;
            let summed = pieces_in(inside, depth, filling_of, |piece| {
                size = size.saturating_add(piece.len());
                if size > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if summed.is_break() { Err(TooLarge::Bytes(size)) } else { Ok(size) }
        }
    }
}

/// A stretch of a hydrated event, and how many strings it stands inside of.
enum Piece<'a> {
    /// JSON text, as it is or was spelt.
    Json(&'a [u8], u32),
    /// A text that stands there as a JSON string.
    Text(&'a [u8], u32),
}

impl Piece<'_> {
    fn text(&self) -> &[u8] {
        let (Self::Json(text, _) | Self::Text(text, _)) = self;
        text
    }

    /// Bytes that it has at most, told without looking at it.
    fn most(&self) -> u64 {
        match self {
            Self::Json(text, depth) => escape::most(text.len(), *depth),
            Self::Text(text, depth) => escape::most(text.len() + 2, depth + 1),
        }
    }

    fn len(&self) -> u64 {
        match self {
            Self::Json(text, depth) => escape::len(text, *depth),
            Self::Text(text, depth) => {
                let marks = escape::len(b"\"", *depth).saturating_mul(2);
                escape::len(text, depth + 1).saturating_add(marks)
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Json(text, depth) => escape::write(out, text, *depth),
            Self::Text(text, depth) => {
                escape::write(out, b"\"", *depth);
                escape::write(out, text, depth + 1);
                escape::write(out, b"\"", *depth);
            }
        }
    }
}

/// A plan that is being carried out, inside of `depth` strings.
struct Open<'a> {
    plan: &'a HydratePlan,
    edits: std::slice::Iter<'a, Edit>,
    written: usize,
    depth: u32,
}

impl<'a> Open<'a> {
    fn new(plan: &'a HydratePlan, depth: u32) -> Self {
        Self { plan, edits: plan.edits.iter(), written: 0, depth }
    }
}

/// Every piece of the hydrated event in order, until `take` breaks. Contents that refer to contents cost no stack.
fn pieces<'a, B>(
    event: &'a HydratePlan,
    filling: impl Fn(&ContentRef) -> &'a Filling,
    take: impl FnMut(Piece<'a>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    pieces_in(event, 0, filling, take)
}

/// The same of JSON that stands inside of `depth` strings.
fn pieces_in<'a, B>(
    json: &'a HydratePlan,
    depth: u32,
    filling: impl Fn(&ContentRef) -> &'a Filling,
    mut take: impl FnMut(Piece<'a>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let mut open = vec![Open::new(json, depth)];
    while let Some(Open { plan, edits, written, depth }) = open.last_mut() {
        let Some(edit) = edits.next() else {
            take(Piece::Json(&plan.event[*written..], *depth))?;
            open.pop();
            continue;
        };
        let filling = filling(&plan.references()[edit.reference]);
        if matches!(filling, Filling::Kept) {
            continue;
        }
        take(Piece::Json(&plan.event[*written..edit.span.start], *depth))?;
        *written = edit.span.end;
        let depth = *depth + edit.depth;
        match filling {
            Filling::Kept => {}
            Filling::Text(text) => take(Piece::Text(text, depth))?,
            Filling::Json(inside) => open.push(Open::new(inside, depth)),
        }
    }
    ControlFlow::Continue(())
}

/// Whether a content may hold references of its own: only an object or array that left so that its response fits (see
/// [`fit`](crate::fit)) does. Any other content is somebody's text, whatever it reads like; one of kind [`Kind::Verbatim`] is an
/// object or array full of such text.
pub fn may_hold_references(reference: &ContentRef, content: &[u8]) -> bool {
    reference.kind == Kind::Json && !reference.is_legacy() && json::opens_container(content)
}

/// A JSON text that is being searched: the event, or what stands in a string of the text that is searched around it.
struct Searched<'a> {
    text: Cow<'a, [u8]>,
    /// The string around it, in the text around that.
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

    /// The next string value in which a reference could stand.
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
        let token = inside.token.expect("BUG: it stands in a string");
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
    /// Finds the references in an event, and in the JSON texts that its strings hold. Any depth, no stack.
    fn search(&mut self, event: &[u8]) -> Vec<Edit> {
        let mut outside = vec![];
        let mut text = Searched::new(Cow::Borrowed(event), None);
        loop {
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

    /// Finds the references in a text inside of `depth` strings, up to the first string that holds JSON text itself.
    fn search_until_nested(&mut self, text: &mut Searched<'_>, depth: u32) -> Option<Searched<'static>> {
        while let Some((at, token)) = text.next_candidate() {
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

    /// The JSON text that a string of `text` holds.
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
                ContentRef::parse_legacy(text).map(|reference| self.index_of(reference))
            }
            Err(ParseRefError::NotAReference) => None,
            Err(error) => {
                self.malformed.push((text.to_owned(), error));
                None
            }
        }
    }

    fn index_of(&mut self, reference: ContentRef) -> usize {
        let next = self.references.len();
        let index = *self.indices.entry(reference).or_insert(next);
        if index == next {
            self.references.push(reference);
        }
        index
    }
}

impl HydratePlan {
    /// Whether the event goes on as it is.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.found.malformed.is_empty() && !self.is_too_deep()
    }

    /// Whether some references may not have been found: the JSON text inside of text that could hold them was too much to
    /// decode.
    pub fn is_too_deep(&self) -> bool {
        self.found.budget.is_exhausted()
    }

    /// Whether nothing was found only because the event is not valid JSON.
    pub fn is_invalid(&self) -> bool {
        self.found.is_invalid
    }

    /// The distinct references of the event, in order of appearance.
    pub fn references(&self) -> &[ContentRef] {
        &self.found.references
    }

    /// Strings with the outline of a reference that cannot be read: truncated, altered, or of a newer version.
    pub fn malformed(&self) -> &[(String, ParseRefError)] {
        &self.found.malformed
    }

    /// The reference at each of its places.
    fn places(&self) -> impl Iterator<Item = ContentRef> {
        self.edits.iter().map(|edit| self.references()[edit.reference])
    }

    /// The event with contents in place, given in the order of [`references`](Self::references); `None` leaves that
    /// reference where it stands.
    ///
    /// A content of kind [`Kind::String`] is UTF-8: stores verify what they read.
    pub fn apply(&self, contents: &[Option<Bytes>]) -> Bytes {
        let filling = |(reference, content): (&ContentRef, &Option<Bytes>)| match content {
            None => Filling::Kept,
            Some(content) if reference.kind != Kind::String => Filling::Json(Self::without_references(content.clone())),
            Some(content) => Filling::new(reference, content.clone(), Search::default()),
        };
        let fillings: Vec<_> = self.references().iter().zip(contents).map(filling).collect();
        let filling = |reference: &ContentRef| &fillings[self.found.indices[reference]];
        fill(self, filling, u64::MAX).expect("BUG: no event is that large")
    }

    /// JSON text that is not searched.
    fn without_references(text: Bytes) -> Self {
        Self { event: text, edits: vec![], found: Found::default() }
    }
}
