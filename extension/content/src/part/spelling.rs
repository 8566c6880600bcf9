//! How parts are spelt.

use std::fmt::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

/// A part has no more than this many bytes.
pub const MAX_PART_LEN: usize = 512;

/// A pointer has at most this many tokens, because each takes at least one byte.
pub(crate) const MAX_TOKENS: usize = MAX_PART_LEN;

/// Elements of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slice {
    /// Index of the first one.
    pub start: u64,
    /// How many at most. There are fewer if the array ends before.
    pub count: u64,
}

/// A part of a content, as it is spelt in references.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Part(Arc<str>);

/// A text or pointer that is not a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a part of a content: a pointer of at most {MAX_PART_LEN} bytes as references spell it, maybe with a slice"
)]
pub struct NotAPart;

impl Part {
    /// The part for a JSON Pointer, spelt as in RFC 6901.
    ///
    /// # Errors
    /// The text is not a JSON Pointer, or the part would be too long.
    pub fn new(pointer: &str, slice: Option<Slice>) -> Result<Self, NotAPart> {
        let tokens = match pointer.strip_prefix('/') {
            Some(tokens) => tokens.split('/').map(unescaped).collect::<Option<Vec<_>>>(),
            None => pointer.is_empty().then(Vec::new),
        };
        let mut text = String::new();
        tokens.ok_or(NotAPart)?.iter().for_each(|token| push_token(&mut text, token));
        if let Some(Slice { start, count }) = slice {
            let _ = write!(text, ":{start}:{count}");
        }
        if text.len() > MAX_PART_LEN { Err(NotAPart) } else { Ok(Self(text.into())) }
    }

    /// The tokens of its pointer, decoded.
    pub fn tokens(&self) -> Vec<String> {
        let (pointer, _) = split(&self.0);
        pointer.split('.').skip(1).filter_map(decoded).collect()
    }

    /// Its pointer as RFC 6901 spells it.
    pub fn pointer(&self) -> String {
        self.tokens().iter().flat_map(|token| ["/".to_owned(), token.replace('~', "~0").replace('/', "~1")]).collect()
    }

    /// The elements of the array to which the pointer leads; `None` for the whole value.
    pub fn slice(&self) -> Option<Slice> {
        parse_slice(split(&self.0).1?)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Part {
    type Err = NotAPart;

    fn from_str(text: &str) -> Result<Self, NotAPart> {
        let (pointer, slice) = split(text);
        let mut tokens = pointer.split('.');
        let is_pointer = tokens.next() == Some("") && tokens.all(|token| decoded(token).is_some());
        let is_slice = slice.is_none_or(|slice| parse_slice(slice).is_some());
        let is_part = text.len() <= MAX_PART_LEN && is_pointer && is_slice;
        is_part.then(|| Self(text.into())).ok_or(NotAPart)
    }
}

/// The pointer of a part, and what follows its colon.
fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once(':').map_or((text, None), |(pointer, slice)| (pointer, Some(slice)))
}

fn parse_slice(text: &str) -> Option<Slice> {
    let (start, count) = text.split_once(':')?;
    Some(Slice { start: parse_number(start)?, count: parse_number(count)? })
}

/// A number in its only spelling: digits without sign or leading zeros.
pub(crate) fn parse_number<N: FromStr>(text: &str) -> Option<N> {
    let canonical = text == "0" || text.bytes().next().is_some_and(|first| (b'1'..=b'9').contains(&first));
    canonical.then(|| text.parse().ok()).flatten()
}

/// A token of RFC 6901, in which `~` is followed by 0 or 1.
pub(crate) fn unescaped(token: &str) -> Option<String> {
    let is_token = token.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    is_token.then(|| token.replace("~1", "/").replace("~0", "~"))
}

/// Whether a byte of a token is spelt without an escape.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn push_token(text: &mut String, token: &str) {
    text.push('.');
    for byte in token.bytes() {
        let _ = if is_plain(byte) { text.write_char(char::from(byte)) } else { write!(text, "-{byte:02X}") };
    }
}

/// The decoded token; `None` if it is not in its only spelling.
fn decoded(mut token: &str) -> Option<String> {
    let mut said = vec![];
    while let Some(byte) = token.bytes().next() {
        let (byte, spelt) = if byte == b'-' { (escaped(token)?, 3) } else { (is_plain(byte).then_some(byte)?, 1) };
        said.push(byte);
        token = &token[spelt..];
    }
    String::from_utf8(said).ok()
}

/// The escaped byte with which a token begins; `None` if that byte needs no escape.
fn escaped(token: &str) -> Option<u8> {
    let digits =
        token.get(1..3).filter(|digits| digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F')))?;
    u8::from_str_radix(digits, 16).ok().filter(|byte| !is_plain(*byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_slice() -> impl Strategy<Value = Option<Slice>> {
        proptest::option::of(any::<(u64, u64)>().prop_map(|(start, count)| Slice { start, count }))
    }

    proptest! {
        #[test]
        fn any_pointer_comes_back(tokens in proptest::collection::vec(".{0,8}", 0..6), slice in any_slice()) {
            let escaped = |token: &String| ["/".to_owned(), token.replace('~', "~0").replace('/', "~1")];
            let pointer: String = tokens.iter().flat_map(escaped).collect();
            let part = Part::new(&pointer, slice).unwrap();
            prop_assert_eq!(part.tokens(), tokens);
            prop_assert_eq!(part.pointer(), pointer);
            prop_assert_eq!(part.slice(), slice);
            prop_assert_eq!(part.to_string().parse(), Ok(part));
        }

        #[test]
        fn what_parses_is_spelt_as_it_was(text in r"(\.([a-zA-Z0-9_]|-[0-9A-Fa-f]{2}|[.:-]){0,4}){0,3}(:[0-9]{1,3}){0,3}") {
            if let Ok(part) = text.parse::<Part>() {
                prop_assert_eq!(Part::new(&part.pointer(), part.slice()), Ok(part.clone()));
                prop_assert_eq!(part.to_string(), text);
            }
        }
    }

    #[test]
    fn the_documented_vectors_hold() {
        let slice = |start, count| Some(Slice { start, count });
        let vectors = [
            ("", None),
            ("/items/7", None),
            ("/items", slice(700, 100)),
            ("", slice(0, 100)),
            ("/due date/a~1b", None),
            ("/~01", None),
            ("/", None),
            ("/é_-", None),
        ];
        let show = |text: &str| if text.is_empty() { "(empty)".to_owned() } else { format!("`{text}`") };
        let rows = vectors.map(|(pointer, slice): (&str, Option<Slice>)| {
            let part = Part::new(pointer, slice).unwrap().to_string();
            let slice = slice.map_or("-".to_owned(), |Slice { start, count }| format!("{start}, {count} elements"));
            format!("| {} | {slice} | {} |", show(pointer), show(&part))
        });
        let documented = include_str!("../../../../docs/references.md");
        assert!(documented.contains(&rows.join("\n")), "docs/references.md should contain:\n{}", rows.join("\n"));
    }

    #[test]
    fn other_texts_are_no_parts() {
        let long = format!(".{}", "a".repeat(MAX_PART_LEN));
        let wrong = [
            "a",
            "a.b",
            ".a/b",
            ".é",
            ".a-2",
            ".a-",
            ".-2f",
            ".-41",
            ".-5F",
            ".-C3",
            ".-ED-A0-80",
            ":",
            ":1",
            ":1:",
            ":01:1",
            ":1:1:1",
            ":-1:1",
            ".a:1",
            ".a:1:x",
            ":18446744073709551616:1",
            ".a b",
            &long,
        ];
        for text in wrong {
            assert_eq!(text.parse::<Part>(), Err(NotAPart), "{text}");
        }
        for pointer in ["a", "/~", "/~2", "/a~", &long.replace('.', "/")] {
            assert_eq!(Part::new(pointer, None), Err(NotAPart), "{pointer}");
        }
    }
}
