//! Directories: where the members of one long object or array are.

use std::hash::{BuildHasher, RandomState};

use super::spans::Spans;
use crate::json::{self, Members, Name, StringToken};

/// Bytes between two elements of an array whose places are noted, unless there is one long element between them.
const STRIDE: usize = 64;

/// Where the members of a container are.
#[derive(Debug)]
pub(super) enum Directory {
    /// Hashes of the keys of an object, with where each key begins; sorted.
    Object(Vec<(u32, u32)>),
    /// How many elements an array has; and the indices of some of them, with where each begins, in order.
    Array(usize, Vec<(u32, u32)>),
}

/// Elements of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) index: usize,
    /// Where it begins.
    pub(super) at: usize,
}

impl Directory {
    /// The directory of the container that begins at `open`, and how many bytes were scanned to make it.
    pub(super) fn of(text: &[u8], open: usize, spans: &Spans, hasher: &RandomState) -> (Self, usize) {
        let (mut members, mut places, mut scanned, mut count) = (Members::of(text, open), vec![], 0, 0);
        while let Some((name, value)) = members.begin() {
            let Some((end, looked_at)) = spans.end(text, value) else { break };
            match name {
                Name::Key(key) => {
                    scanned += key.close - key.open;
                    places.push((hash(hasher, &json::decode(text, &key)), key.open as u32));
                }
                Name::Index(index) => {
                    let is_far = places.last().is_none_or(|(_, noted)| value - *noted as usize >= STRIDE);
                    places.extend(is_far.then_some((index as u32, value as u32)));
                }
            }
            (count, scanned) = (count + 1, scanned + looked_at);
            members.end(end);
        }
        let is_object = text.get(open) == Some(&b'{');
        if is_object {
            places.sort_unstable();
        }
        (if is_object { Self::Object(places) } else { Self::Array(count, places) }, scanned)
    }

    /// Bytes of memory that it takes.
    pub(super) fn size(&self) -> usize {
        let (Self::Object(places) | Self::Array(_, places)) = self;
        size_of_val(&places[..])
    }

    /// How many elements an array has.
    pub(super) fn count(&self) -> Option<usize> {
        match self {
            Self::Object(_) => None,
            Self::Array(count, _) => Some(*count),
        }
    }

    /// Where the value of an object's member begins; the last one if several have the same key.
    pub(super) fn member(&self, text: &[u8], key: &str, hasher: &RandomState) -> Option<usize> {
        let Self::Object(places) = self else { return None };
        let wanted = hash(hasher, key.as_bytes());
        let end = places.partition_point(|(hash, _)| *hash <= wanted);
        let alike = places[..end].iter().rev().take_while(|(hash, _)| *hash == wanted);
        let mut tokens = alike.filter_map(|(_, open)| StringToken::at(text, *open as usize));
        let token = tokens.find(|token| json::decode(text, token).as_ref() == key.as_bytes())?;
        Some(json::value_of(text, &token))
    }

    /// The element with this index or the last one before it whose place is noted.
    pub(super) fn element_before(&self, index: usize) -> Option<Element> {
        let Self::Array(count, places) = self else { return None };
        let noted = places.partition_point(|(noted, _)| *noted as usize <= index).checked_sub(1)?;
        let (noted, at) = places[noted];
        (index < *count).then_some(Element { index: noted as usize, at: at as usize })
    }

    /// Where the element with this index begins, if that is noted.
    pub(super) fn noted(&self, index: usize) -> Option<usize> {
        self.element_before(index).filter(|element| element.index == index).map(|element| element.at)
    }
}

fn hash(hasher: &RandomState, key: &[u8]) -> u32 {
    hasher.hash_one(key) as u32
}
