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

use std::cell::OnceCell;
use std::collections::HashMap;

use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::json::{self, StringToken};
use crate::reference::{ContentRef, Kind, PREFIX, ParseRefError};
use crate::splice::{Edit, splice, spliced_len};

/// Which references stand where in one event.
#[derive(Debug)]
pub struct HydratePlan {
    event: Bytes,
    edits: Vec<Edit<Place>>,
    found: Found,
}

/// Where a content goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    /// Index of its reference.
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
    reads_legacy: bool,
}

/// Finds every string value of `event` that is a reference. An event that is not valid JSON has none.
///
/// An event without a reference costs one search for `@content:`.
pub fn plan(event: &Bytes) -> HydratePlan {
    plan_with(event, false)
}

/// [`plan`], with or without the references of [`ContentRef::parse_legacy`].
pub fn plan_with(event: &Bytes, reads_legacy: bool) -> HydratePlan {
    let mut found = Found { reads_legacy, ..Found::default() };
    let edits = found.search(event, 0);
    HydratePlan { event: event.clone(), edits, found }
}

/// An event being hydrated: which contents it needs, and the references that those hold themselves.
///
/// Ask what is [`wanted`](Self::wanted), [`add`](Self::add) it, until nothing is; then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Hydration {
    event: HydratePlan,
    contents: HashMap<ContentRef, Held>,
    wanted: Vec<ContentRef>,
    /// How often each content will stand in the event.
    counts: HashMap<ContentRef, u64>,
}

/// What is known of a content: `None` is left as a reference.
#[derive(Debug)]
struct Held {
    content: Option<Bytes>,
    inside: Option<HydratePlan>,
}

impl Hydration {
    /// Begins to hydrate an event.
    pub fn new(event: HydratePlan) -> Self {
        let (wanted, places) = (event.references().to_vec(), event.places().collect::<Vec<_>>());
        let mut hydration = Self { event, contents: HashMap::new(), wanted, counts: HashMap::new() };
        hydration.count(&places, 1);
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
        let stays = |reference| self.contents.get(reference).is_some_and(|held: &Held| held.content.is_none());
        let placed = self.counts.iter().filter(|(reference, _)| !stays(reference));
        let sizes = placed.map(|(reference, times)| reference.size.saturating_mul(*times));
        sizes.fold(self.event.event.len() as u64, u64::saturating_add)
    }

    /// Takes a content that was wanted; `None` leaves its reference where it stands.
    pub fn add(&mut self, reference: ContentRef, content: Option<Bytes>) {
        let searchable = content.as_ref().filter(|content| may_hold_references(&reference, content));
        let inside = searchable
            .map(|content| plan_with(content, self.event.found.reads_legacy))
            .filter(|plan| !plan.edits.is_empty());
        if let Some(inside) = &inside {
            let places: Vec<_> = inside.places().collect();
            self.count(&places, self.counts.get(&reference).copied().unwrap_or(1));
            let new = |reference: &&ContentRef| !self.contents.contains_key(*reference);
            let new: Vec<_> = inside.references().iter().filter(new).copied().collect();
            self.wanted.extend(new);
        }
        self.contents.insert(reference, Held { content, inside });
    }

    fn count(&mut self, places: &[ContentRef], times: u64) {
        for reference in places {
            let count = self.counts.entry(*reference).or_default();
            *count = count.saturating_add(times);
        }
    }

    /// The event with all contents in place; when it would have more than `limit` bytes, that number and no event.
    pub fn finish(self, limit: u64) -> Result<Bytes, u64> {
        let mut complete = HashMap::new();
        let contents: Result<Vec<_>, _> =
            self.event.references().iter().map(|reference| self.complete(reference, limit, &mut complete)).collect();
        self.event.apply_within(&contents?, limit)
    }

    /// A content with the contents that it refers to in place. As deep as rounds of reading were needed.
    fn complete(
        &self,
        reference: &ContentRef,
        limit: u64,
        complete: &mut HashMap<ContentRef, Option<Bytes>>,
    ) -> Result<Option<Bytes>, u64> {
        if let Some(done) = complete.get(reference) {
            return Ok(done.clone());
        }
        let held = self.contents.get(reference);
        let content = match held.and_then(|held| held.inside.as_ref()) {
            None => held.and_then(|held| held.content.clone()),
            Some(inside) => {
                let contents: Result<Vec<_>, _> =
                    inside.references().iter().map(|reference| self.complete(reference, limit, complete)).collect();
                Some(inside.apply_within(&contents?, limit)?)
            }
        };
        complete.insert(*reference, content.clone());
        Ok(content)
    }
}

/// Whether a content may hold references of its own: only an object or array that left so that its response fits (see
/// [`fit`](crate::fit)) does. Any other content is somebody's text, whatever it reads like.
pub fn may_hold_references(reference: &ContentRef, content: &[u8]) -> bool {
    reference.kind == Kind::Json && !reference.is_legacy() && json::opens_container(content)
}

impl Found {
    /// Finds the references in a JSON text that stands inside of `depth` strings.
    fn search(&mut self, text: &[u8], depth: u32) -> Vec<Edit<Place>> {
        let mut edits = vec![];
        let mut searched = 0;
        let valid = OnceCell::new();
        for at in memmem::find_iter(text, PREFIX) {
            if at < searched {
                continue;
            }
            let Some(token) = json::enclosing_string(text, searched, at) else { continue };
            searched = token.close + 1;
            if token.is_key(text) || !*valid.get_or_init(|| json::is_valid(text)) {
                continue;
            }
            if token.escaped {
                edits.extend(self.search_inside(text, &token, depth));
            } else if token.open + 1 == at {
                let place = self.judge(token.raw(text)).map(|reference| Place { reference, depth });
                edits.extend(place.map(|value| Edit { span: token.open..token.close + 1, value }));
            }
        }
        edits
    }

    /// Finds the references in a string of `text` that is JSON text itself, and where they stand in `text`.
    fn search_inside(&mut self, text: &[u8], token: &StringToken, depth: u32) -> Vec<Edit<Place>> {
        let inner = json::decode(text, token);
        if !json::opens_container(&inner) {
            return vec![];
        }
        let mut edits = self.search(&inner, depth + 1);
        let offsets = edits.iter().flat_map(|edit| [edit.span.start, edit.span.end]);
        let spelt = json::spelt_offsets(token.raw(text), offsets.collect::<Vec<_>>());
        for (edit, span) in edits.iter_mut().zip(spelt.chunks(2)) {
            edit.span = token.open + 1 + span[0]..token.open + 1 + span[1];
        }
        edits
    }

    /// The index of the reference that `text` is.
    fn judge(&mut self, text: &[u8]) -> Option<usize> {
        let text = std::str::from_utf8(text).ok()?;
        match text.parse() {
            Ok(reference) => Some(self.index_of(reference)),
            Err(ParseRefError::NotAReference) if self.reads_legacy => {
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
        self.edits.is_empty() && self.found.malformed.is_empty()
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
        self.edits.iter().map(|edit| self.references()[edit.value.reference])
    }

    /// The event with contents in place, given in the order of [`references`](Self::references); `None` leaves that
    /// reference where it stands.
    pub fn apply(&self, contents: &[Option<Bytes>]) -> Bytes {
        self.apply_within(contents, u64::MAX).expect("BUG: no event is that large")
    }

    /// [`apply`](Self::apply), but when the event would have more than `limit` bytes, that number and no event: escapes
    /// can make a content several times longer.
    ///
    /// # Panics
    ///
    /// When a content is of kind [`Kind::String`] and not UTF-8: stores verify what they read, so that is a bug.
    pub fn apply_within(&self, contents: &[Option<Bytes>], limit: u64) -> Result<Bytes, u64> {
        let contents: Vec<_> = self.references().iter().zip(contents).collect();
        let escaped = self.escaped(&contents);
        let value = |place: Place| match (place.depth, contents[place.reference]) {
            (_, (_, None)) => Value::Kept,
            (0, (reference, Some(content))) => Value::new(reference.kind, content),
            (_, _) => Value::Json(&escaped[&place]),
        };
        let values: HashMap<_, _> = self.edits.iter().map(|edit| (edit.value, value(edit.value))).collect();
        let len = |edit: &Edit<Place>| values[&edit.value].len().unwrap_or(edit.span.len());
        let size = spliced_len(&self.event, &self.edits, len) as u64;
        if size > limit {
            return Err(size);
        }
        Ok(splice(&self.event, &self.edits, len, |edit, out| match values[&edit.value] {
            Value::Kept => out.extend_from_slice(&self.event[edit.span.clone()]),
            Value::Text(text, _) => json::encode(out, text),
            Value::Json(text) => out.extend_from_slice(text),
        }))
    }

    /// What stands in the place of references inside of strings.
    fn escaped(&self, contents: &[(&ContentRef, &Option<Bytes>)]) -> HashMap<Place, Vec<u8>> {
        let mut escaped = HashMap::new();
        for place in self.edits.iter().map(|edit| edit.value).filter(|place| place.depth > 0) {
            if let (reference, Some(content)) = contents[place.reference] {
                let escape = || json::escape(Value::new(reference.kind, content).into_json(), place.depth);
                escaped.entry(place).or_insert_with(escape);
            }
        }
        escaped
    }

    /// Whether the event is a batch of records (SQS, SNS, Kinesis, DynamoDB streams), of which one may be bad.
    pub fn is_batch(&self) -> bool {
        #[derive(Deserialize)]
        struct Batch {
            #[serde(rename = "Records")]
            _records: Vec<IgnoredAny>,
        }
        serde_json::from_slice::<Batch>(&self.event).is_ok()
    }
}

/// What takes a reference's place.
#[derive(Clone, Copy)]
enum Value<'a> {
    Kept,
    /// With the bytes it takes as a JSON string.
    Text(&'a str, usize),
    Json(&'a [u8]),
}

impl<'a> Value<'a> {
    fn new(kind: Kind, content: &'a [u8]) -> Self {
        match kind {
            Kind::Json => Self::Json(content),
            Kind::String => {
                let text = std::str::from_utf8(content).expect("BUG: the store verified a text that is not UTF-8");
                Self::Text(text, json::encoded_len(text))
            }
        }
    }

    fn len(self) -> Option<usize> {
        match self {
            Self::Kept => None,
            Self::Text(_, len) => Some(len),
            Self::Json(text) => Some(text.len()),
        }
    }

    fn into_json(self) -> Vec<u8> {
        match self {
            Self::Kept => vec![],
            Self::Json(text) => text.to_vec(),
            Self::Text(text, len) => {
                let mut out = Vec::with_capacity(len);
                json::encode(&mut out, text);
                out
            }
        }
    }
}
