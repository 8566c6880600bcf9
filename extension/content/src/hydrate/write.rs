//! Writes a hydrated event: in one piece, or chunk by chunk while it is sent, so that it is never in memory beside its
//! contents.

use bytes::Bytes;

use super::search::{Edit, HydratePlan};
use super::weigh::{Contents, Filling};
use crate::escape::{self, Part, string};
use crate::reference::Reference;

/// A stretch of a hydrated event, and how many strings it is inside of.
enum Piece<'a> {
    /// JSON text with its original spelling.
    Json(&'a [u8], u32),
    /// A text that becomes a JSON string.
    Text(&'a [u8], u32),
    /// A text that becomes a JSON string and in which nothing is escaped.
    Plain(&'a [u8], u32),
}

impl<'a> Piece<'a> {
    fn parts(self) -> [Part<'a>; 3] {
        match self {
            Self::Json(text, depth) => [(text, depth), (b"", 0), (b"", 0)],
            Self::Text(text, depth) => string(text, depth),
            Self::Plain(text, depth) => {
                let [before, _, behind] = string(b"", depth);
                [before, (text, 0), behind]
            }
        }
    }
}

/// A plan that is being written, inside of `depth` strings.
struct Open<'a> {
    plan: &'a HydratePlan,
    edits: std::slice::Iter<'a, Edit>,
    written: usize,
    depth: u32,
    /// What is to be written around it.
    brackets: Option<Brackets>,
}

/// Which of the brackets around the elements of a slice are written. Brackets are never escaped.
#[derive(Clone, Copy)]
enum Brackets {
    Unopened,
    Open,
    Unclosed,
}

impl<'a> Open<'a> {
    fn new(plan: &'a HydratePlan, depth: u32, is_slice: bool) -> Self {
        let brackets = is_slice.then_some(Brackets::Unopened);
        Self { plan, edits: plan.edits.iter(), written: 0, depth, brackets }
    }
}

/// Every piece of a hydrated event in order. Contents that refer to contents need no recursion.
struct Pieces<'a> {
    contents: &'a Contents,
    open: Vec<Open<'a>>,
    /// What follows the last piece.
    due: Option<(&'a Filling, u32)>,
}

impl<'a> Pieces<'a> {
    fn of(event: &'a HydratePlan, contents: &'a Contents) -> Self {
        Self { contents, open: vec![Open::new(event, 0, false)], due: None }
    }

    /// What takes a reference's place, unless it stays.
    fn filling(&self, reference: &Reference) -> Option<&'a Filling> {
        self.contents.get(reference).filter(|filling| !matches!(filling, Filling::Kept))
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        match self.due.take() {
            Some((Filling::Text(text), depth)) if text.is_plain() => return Some(Piece::Plain(&text.bytes, depth)),
            Some((Filling::Text(text), depth)) => return Some(Piece::Text(&text.bytes, depth)),
            Some((Filling::Json(inside), depth)) => self.open.push(Open::new(&inside.plan, depth, inside.is_slice)),
            Some((Filling::Kept, _)) | None => {}
        }
        loop {
            let Open { plan, edits, written, depth, brackets } = self.open.last_mut()?;
            let (plan, start, depth) = (*plan, *written, *depth);
            if let Some(Brackets::Unopened) = brackets {
                *brackets = Some(Brackets::Open);
                return Some(Piece::Json(b"[", depth));
            }
            let Some(edit) = edits.next() else {
                if let Some(Brackets::Open) = brackets {
                    (*brackets, *written) = (Some(Brackets::Unclosed), plan.event.len());
                    return Some(Piece::Json(&plan.event[start..], depth));
                }
                let is_slice = brackets.is_some();
                self.open.pop();
                return Some(Piece::Json(if is_slice { b"]" } else { &plan.event[start..] }, depth));
            };
            if let Some(filling) = self.filling(&plan.references()[edit.reference]) {
                self.due = Some((filling, depth + edit.depth));
                self.open.last_mut()?.written = edit.span.end;
                return Some(Piece::Json(&plan.event[start..edit.span.start], depth));
            }
        }
    }
}

/// Appends `event` with every reference's content in its place to `out`.
pub(super) fn write(event: &HydratePlan, contents: &Contents, out: &mut Vec<u8>) {
    for (text, depth) in Pieces::of(event, contents).flat_map(Piece::parts) {
        escape::write(out, text, depth);
    }
}

/// An event with all its contents that is known not to be too large, and is not written yet.
#[derive(Debug)]
pub struct Hydrated {
    event: HydratePlan,
    contents: Contents,
    len: u64,
    held: u64,
}

impl Hydrated {
    /// An event that has `len` bytes with these contents, and `held` bytes of contents of which it needs parts.
    pub(super) fn new(event: HydratePlan, contents: Contents, len: u64, held: u64) -> Self {
        Self { event, contents, len, held }
    }

    /// Its bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Bytes of memory that it needs until it is written: its own, and those of contents of which it needs parts.
    pub fn memory(&self) -> u64 {
        self.len.saturating_add(self.held)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The event in one piece.
    pub fn into_bytes(self) -> Bytes {
        if self.event.edits.is_empty() {
            return self.event.event;
        }
        let mut out = Vec::with_capacity(self.len as usize);
        write(&self.event, &self.contents, &mut out);
        debug_assert_eq!(out.len() as u64, self.len, "BUG: it was weighed in another way than it is written");
        out.into()
    }

    /// The event in chunks.
    pub fn chunks(&self) -> Chunks<'_> {
        Chunks { pieces: Pieces::of(&self.event, &self.contents), parts: [(b"", 0); 3], next: 3 }
    }
}

/// A hydrated event that is written chunk by chunk.
pub struct Chunks<'a> {
    pieces: Pieces<'a>,
    /// The piece that is being written.
    parts: [Part<'a>; 3],
    /// The first of its parts that is not written yet.
    next: usize,
}

impl std::fmt::Debug for Chunks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chunks")
    }
}

impl Chunks<'_> {
    /// Appends the next bytes of the event to `out`, until `out` has `len` bytes or the event ends. `out` may get at most
    /// `len` bytes more than that, or the bytes that one byte becomes at its depth, if these are more.
    pub fn write(&mut self, out: &mut Vec<u8>, len: usize) {
        while out.len() < len {
            let Some((text, depth)) = self.parts.get_mut(self.next) else {
                let Some(piece) = self.pieces.next() else { return };
                (self.parts, self.next) = (piece.parts(), 0);
                continue;
            };
            let most = (len as u64 / escape::widest(*depth)).max(1);
            let (now, rest) = text.split_at(text.len().min(most as usize));
            escape::write(out, now, *depth);
            *text = rest;
            if rest.is_empty() {
                self.next += 1;
            }
        }
    }
}
