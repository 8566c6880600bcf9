//! Finds parts of a content without parsing it. One pass finds where its long values end. At most one more pass finds the
//! members of those long values that the parts lead through. Both results are kept, so that a thousand parts cost little
//! more than one.

use std::collections::HashMap;
use std::fmt;
use std::hash::RandomState;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::directory::{Directory, Element};
use super::spans::{LONG, Spans};
use super::spelling::{Part, Slice, parse_number};
use crate::json::{self, Members, Name};

/// How much white space around a comma is skipped to find where the value before it ends.
const MOST_SPACE: usize = 64;

/// What is known about where values are in one content. It is a handle: its clones share what they know.
#[derive(Clone, Default)]
pub struct Index(Arc<Known>);

struct Known {
    /// Values of this many bytes or more are skipped with their spans, and their directories are kept.
    long: usize,
    spans: OnceLock<Spans>,
    directories: Mutex<HashMap<usize, Arc<Directory>>>,
    hasher: RandomState,
    scanned: AtomicU64,
}

impl Default for Known {
    fn default() -> Self {
        let (spans, directories) = (OnceLock::new(), Mutex::default());
        Self { long: LONG, spans, directories, hasher: RandomState::new(), scanned: AtomicU64::new(0) }
    }
}

/// Where a part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its bytes: a value, or elements of an array without the brackets around them.
    pub span: Range<usize>,
    /// Whether it is elements of an array.
    pub is_slice: bool,
}

/// Where a value begins, and the index after it if that is known without scanning the value.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: usize,
    end: Option<usize>,
}

impl From<usize> for Place {
    fn from(at: usize) -> Self {
        Self { at, end: None }
    }
}

/// Why a content has no such part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Absent {
    /// The pointer leads nowhere.
    #[error("the content has no value there")]
    NoValue,
    /// The pointer leads to a value that has no elements.
    #[error("the content has no array there")]
    NoArray,
    /// The slice begins after the array's end.
    #[error("the array there has only {0} elements")]
    BeyondEnd(u64),
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("scanned", &self.scanned()).finish_non_exhaustive()
    }
}

impl Index {
    /// Where a part of `content` is. All calls must be for the same content. If it is not valid JSON, the result is any
    /// place or none.
    ///
    /// # Errors
    /// Why there is none.
    pub fn find(&self, content: &[u8], part: &Part) -> Result<Found, Absent> {
        if u32::try_from(content.len()).is_err() {
            return Err(Absent::NoValue);
        }
        let tokens = part.tokens();
        let Place { at, end } = self.value(content, &tokens).ok_or(Absent::NoValue)?;
        if let Some(slice) = part.slice() {
            return self.elements(content, at, slice);
        }
        let end = end.or_else(|| self.end(content, at)).ok_or(Absent::NoValue)?;
        Ok(Found { span: at..end, is_slice: false })
    }

    /// How many bytes of the content were scanned so far.
    pub fn scanned(&self) -> u64 {
        self.0.scanned.load(Relaxed)
    }

    /// Where the value is that these tokens lead to.
    fn value(&self, text: &[u8], tokens: &[String]) -> Option<Place> {
        let mut place = Place::from(json::skip_space(text, 0));
        for (nth, token) in tokens.iter().enumerate() {
            let Place { at, end } = place;
            let end = end.or_else(|| self.end(text, at))?;
            if end - at < self.0.long {
                self.note(end - at);
                return descend(text, at, &tokens[nth..])?.1.map(Place::from);
            }
            place = match text[at] {
                b'{' => self.directory(text, at).member(text, token, &self.0.hasher)?.into(),
                b'[' => self.element(text, &self.directory(text, at), parse_number(token)?)?,
                _ => return None,
            };
        }
        Some(place)
    }

    /// Where an element of an array is.
    fn element(&self, text: &[u8], array: &Directory, index: usize) -> Option<Place> {
        let Element { index: first, at } = array.element_before(index)?;
        if first == index {
            let next = array.noted(index + 1);
            return Some(Place { at, end: next.and_then(|next| end_before(text.get(at..next)?)).map(|len| at + len) });
        }
        let mut elements = Members::from_element(text, at, first);
        for _ in first..index {
            let (_, at) = elements.begin()?;
            elements.end(self.end(text, at)?);
        }
        elements.begin().map(|(_, at)| at.into())
    }

    /// Elements of the array that begins at `at`.
    fn elements(&self, text: &[u8], at: usize, slice: Slice) -> Result<Found, Absent> {
        if text.get(at) != Some(&b'[') {
            return Err(Absent::NoArray);
        }
        let array = self.directory(text, at);
        let count = array.count().unwrap_or_default() as u64;
        let end = slice.start.saturating_add(slice.count).min(count);
        if slice.start > count {
            return Err(Absent::BeyondEnd(count));
        }
        let span = self.span(text, &array, slice.start as usize, end as usize).unwrap_or(at..at);
        Ok(Found { span, is_slice: true })
    }

    /// Where the elements from `start` to before `end` are, `None` if that is none.
    fn span(&self, text: &[u8], array: &Directory, start: usize, end: usize) -> Option<Range<usize>> {
        let last = end.checked_sub(1).filter(|last| start <= *last)?;
        let (first, last) = (self.element(text, array, start)?, self.element(text, array, last)?);
        Some(first.at..last.end.or_else(|| self.end(text, last.at))?)
    }

    /// Index after the value that begins at `at`.
    fn end(&self, text: &[u8], at: usize) -> Option<usize> {
        let (end, scanned) = self.spans(text).end(text, at)?;
        self.note(scanned);
        Some(end)
    }

    fn spans(&self, text: &[u8]) -> &Spans {
        self.0.spans.get_or_init(|| {
            self.note(text.len());
            Spans::of(text, self.0.long)
        })
    }

    /// The directory of the container that begins at `open`. Directories of long containers are kept as long as they take no
    /// more memory than the content.
    fn directory(&self, text: &[u8], open: usize) -> Arc<Directory> {
        let lock = || self.0.directories.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(directory) = lock().get(&open) {
            return directory.clone();
        }
        let spans = self.spans(text);
        let (directory, scanned) = Directory::of(text, open, spans, &self.0.hasher);
        self.note(scanned);
        let directory = Arc::new(directory);
        if spans.is_long(open) {
            let mut kept = lock();
            let size: usize = kept.values().map(|directory| directory.size()).sum();
            if size + directory.size() > text.len() {
                kept.clear();
            }
            kept.insert(open, directory.clone());
        }
        directory
    }

    fn note(&self, scanned: usize) {
        self.0.scanned.fetch_add(scanned as u64, Relaxed);
    }
}

/// How many bytes an element has. `bytes` are those from its beginning to the beginning of the next. `None` if there is much
/// white space between the two.
fn end_before(bytes: &[u8]) -> Option<usize> {
    let last_before = |end: usize| {
        let looked_at = bytes.get(end.saturating_sub(MOST_SPACE)..end)?;
        let spaces = looked_at.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
        end.checked_sub(spaces + 1)
    };
    let comma = last_before(bytes.len()).filter(|at| bytes[*at] == b',')?;
    last_before(comma).filter(|at| !bytes[*at].is_ascii_whitespace()).map(|last| last + 1)
}

/// Where the value begins to which `tokens` lead from the short value at `at`, and the index after that short value. It
/// scans each byte once. If several members have the same key, the last one counts. It recurses as deep as there are tokens.
fn descend(text: &[u8], at: usize, tokens: &[String]) -> Option<(usize, Option<usize>)> {
    let opens_container = matches!(text.get(at), Some(b'{' | b'['));
    let Some((token, tokens)) = tokens.split_first().filter(|_| opens_container) else {
        return Some((json::value_end(text, at)?, tokens.is_empty().then_some(at)));
    };
    let (mut members, mut found, mut end) = (Members::of(text, at), None, at + 1);
    let index: Option<usize> = parse_number(token);
    while let Some((name, value)) = members.begin() {
        let is_named = match name {
            Name::Key(key) => json::decode(text, &key).as_ref() == token.as_bytes(),
            Name::Index(nth) => index == Some(nth),
        };
        if is_named {
            let Some(inside) = descend(text, value, tokens) else { break };
            (end, found) = inside;
        } else {
            let Some(behind) = json::value_end(text, value) else { break };
            end = behind;
        }
        members.end(end);
    }
    Some((json::skip_space(text, end) + 1, found))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// Keys and tokens: as JSON spells them, and as pointers do.
    const NAMES: [(&str, &str); 11] = [
        (r#""a""#, "a"),
        (r#""\u0061""#, "a"),
        (r#""a/b""#, "a~1b"),
        (r#""~1""#, "~01"),
        (r#""""#, ""),
        (r#""0""#, "0"),
        (r#""1""#, "1"),
        (r#""\"\\ ""#, "\"\\ "),
        (r#""\u00e9\ud83e\udd80""#, "é🦀"),
        (r#""-""#, "-"),
        (r#""01""#, "01"),
    ];

    const SCALARS: [&str; 9] =
        ["-0", "1.0", "18446744073709551617", "1E+2", "true", "null", r#""]}\",[{""#, r#""@content:""#, r#""""#];

    /// JSON text with keys that are there twice, escapes, numbers spelt oddly, and space.
    fn any_document() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            4 => (0..SCALARS.len()).prop_map(|nth| SCALARS[nth].to_owned()),
            1 => (0_usize..90).prop_map(|len| format!("\"{}\"", "x".repeat(len))),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            let space = " {0,2}|\n";
            prop_oneof![
                (proptest::collection::vec((inner.clone(), space), 0..8), space)
                    .prop_map(|(items, space)| list('[', ']', items, &space)),
                (proptest::collection::vec((0..NAMES.len(), inner, space), 0..8), space).prop_map(
                    |(members, space)| {
                        let member = |(name, value, space): (usize, String, String)| {
                            (format!("{}{space}:{space}{value}", NAMES[name].0), space)
                        };
                        list('{', '}', members.into_iter().map(member).collect(), &space)
                    }
                ),
            ]
        })
    }

    fn list(open: char, close: char, items: Vec<(String, String)>, space: &str) -> String {
        let items: Vec<_> = items.into_iter().map(|(item, space)| format!("{space}{item}{space}")).collect();
        format!("{open}{space}{}{close}", items.join(","))
    }

    fn any_pointer() -> impl Strategy<Value = String> {
        let tokens = proptest::collection::vec(0..NAMES.len() + 5, 0..4);
        let token = |nth: usize| {
            NAMES.get(nth).map_or_else(|| (nth - NAMES.len()).to_string(), |(_, token)| (*token).to_owned())
        };
        tokens.prop_map(move |tokens| tokens.into_iter().flat_map(|nth| ["/".to_owned(), token(nth)]).collect())
    }

    /// What a JSON library says that the part is.
    fn expected(document: &str, pointer: &str, slice: Option<Slice>) -> Option<Value> {
        let whole: Value = serde_json::from_str(document).unwrap();
        let value = whole.pointer(pointer)?;
        let Some(Slice { start, count }) = slice else { return Some(value.clone()) };
        let elements = value.as_array()?.get(start as usize..)?;
        Some(elements.iter().take(count as usize).cloned().collect())
    }

    fn found(index: &Index, document: &str, part: &Part) -> Option<Value> {
        let Found { span, is_slice } = index.find(document.as_bytes(), part).ok()?;
        let text = if is_slice { format!("[{}]", &document[span]) } else { document[span].to_owned() };
        Some(serde_json::from_str(&text).unwrap())
    }

    fn with_long(long: usize) -> Index {
        Index(Arc::new(Known { long, ..Known::default() }))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// The result is the same for any length above which values are skipped.
        #[test]
        fn a_part_is_what_a_json_library_gives(
            document in any_document(), space in " {0,2}", long in prop_oneof![0_usize..200, Just(LONG)],
            wanted in proptest::collection::vec((any_pointer(), proptest::option::of((0_u64..9, 0_u64..9))), 1..12),
        ) {
            let (document, index) = (format!("{space}{document}{space}"), with_long(long));
            for (pointer, slice) in wanted {
                let slice = slice.map(|(start, count)| Slice { start, count });
                let part = Part::new(&pointer, slice).unwrap();
                prop_assert_eq!(found(&index, &document, &part), expected(&document, &pointer, slice), "{}", part);
            }
        }

        #[test]
        fn of_any_bytes_something_or_nothing_is_found(
            bytes in proptest::collection::vec(prop_oneof![proptest::sample::select(b"[]{}\",:\\ a0".to_vec()), any::<u8>()], 0..200),
            pointer in any_pointer(), slice in proptest::option::of(any::<(u64, u64)>()), long in 0_usize..9,
        ) {
            let part = Part::new(&pointer, slice.map(|(start, count)| Slice { start, count })).unwrap();
            if let Ok(Found { span, .. }) = with_long(long).find(&bytes, &part) {
                prop_assert!(span.start <= span.end && span.end <= bytes.len());
            }
        }
    }

    fn part(text: &str) -> Part {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_absent_says_why() {
        let index = Index::default();
        let absent = |text| index.find(br#"{"a":[1,2],"s":"[1]"}"#, &part(text)).unwrap_err();
        assert_eq!(absent(".b"), Absent::NoValue);
        assert_eq!(absent(".a.2"), Absent::NoValue);
        assert_eq!(absent(".s.0"), Absent::NoValue);
        assert_eq!(absent(".s:0:1"), Absent::NoArray);
        assert_eq!(absent(":0:1"), Absent::NoArray);
        assert_eq!(absent(".a:3:1"), Absent::BeyondEnd(2));
        assert_eq!(index.find(br#"{"a":[1,2],"s":"[1]"}"#, &part(".a:2:1")), Ok(Found { span: 5..5, is_slice: true }));
    }

    /// How the part with a number is spelt.
    type Spelt = fn(usize) -> String;

    /// Documents of 5 MB, and how their parts are spelt.
    fn large_documents() -> Vec<(String, Spelt)> {
        let row = |nth: usize| format!(r#"{{"id":{nth},"name":"row {nth}","text":"{}"}}"#, "x".repeat(400));
        let rows = |count: usize| (0..count).map(row).collect::<Vec<_>>().join(",");
        let named = (0..12_000).map(|nth| format!(r#""key {nth}":{}"#, row(nth))).collect::<Vec<_>>().join(",");
        let nested = (0..100).map(|_| format!("[{}]", rows(120))).collect::<Vec<_>>().join(",");
        let deep = format!("{}[{}]{}", r#"{"a":["#.repeat(50), rows(12_000), "]}".repeat(50));
        let large = format!("[{}]", vec![format!("[\"{}\"]", "\\n".repeat(2_500)); 1_000].join(","));
        vec![
            (format!(r#"{{"items":[{}]}}"#, rows(12_000)), |nth| format!(".items:{}:12", nth * 12)),
            (format!("[{}]", rows(12_000)), |nth| format!(".{}.name", nth * 7)),
            (format!("{{{named}}}"), |nth| format!(".key-20{}.text", nth * 11)),
            (format!("[{nested}]"), |nth| format!(".{}.{}", nth % 100, nth % 120)),
            (deep, |nth| format!("{}.{}", ".a.0".repeat(50), nth)),
            (large, |nth| format!(".{nth}.0")),
        ]
    }

    #[test]
    fn a_thousand_parts_cost_at_most_twice_what_one_does() {
        for (document, spelt) in large_documents() {
            let (one, all) = (Index::default(), Index::default());
            one.find(document.as_bytes(), &part(&spelt(999))).unwrap();
            for nth in 0..1_000 {
                all.find(document.as_bytes(), &part(&spelt(nth))).unwrap();
            }
            let (one, all) = (one.scanned(), all.scanned());
            assert!(all <= 2 * one, "{} bytes, {}: {one} and {all} scanned", document.len(), spelt(0));
        }
    }

    #[test]
    fn depth_and_directories_are_bounded() {
        let deep = format!("{}1{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        let index = Index::default();
        assert!(index.find(deep.as_bytes(), &part(&".0".repeat(256))).is_ok());
        let directories = index.0.directories.lock().unwrap();
        assert!(directories.values().map(|directory| directory.size()).sum::<usize>() <= deep.len());
    }
}
