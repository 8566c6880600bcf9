//! The part of a JSON parser that splicing needs: whether a text is valid, where a string ends, and what its decoded text
//! is.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr2, memrchr};
use serde::de::IgnoredAny;

/// Whether `text` is one valid JSON document in UTF-8 (RFC 8259). It handles any depth without recursion.
pub(crate) fn is_valid(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok() && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// How many bytes are searched one by one before memchr is called. Most strings and gaps end sooner, and calling memchr
/// costs more than that.
const NEAR: usize = 24;

/// Index of the first `wanted` byte at or after `from`.
fn find(text: &[u8], from: usize, wanted: u8) -> Option<usize> {
    let near = text.get(from..)?.iter().take(NEAR).position(|&byte| byte == wanted);
    near.map(|offset| from + offset)
        .or_else(|| memchr(wanted, text.get(from + NEAR..)?).map(|offset| from + NEAR + offset))
}

/// Index of the first quotation mark or backslash at or after `from`.
fn find_quote_or_escape(text: &[u8], from: usize) -> Option<usize> {
    let near = text.get(from..)?.iter().take(NEAR).position(|&byte| byte == b'"' || byte == b'\\');
    near.map(|offset| from + offset)
        .or_else(|| memchr2(b'"', b'\\', text.get(from + NEAR..)?).map(|offset| from + NEAR + offset))
}

/// One string of a JSON text, key or value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StringToken {
    /// Index of the opening quotation mark.
    pub(crate) open: usize,
    /// Index of the closing quotation mark.
    pub(crate) close: usize,
    /// Whether an escape occurs in it.
    pub(crate) escaped: bool,
}

impl StringToken {
    /// The string as spelt, without its quotation marks.
    pub(crate) fn raw<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.open + 1..self.close]
    }

    /// Whether it is the name of an object's member: a colon follows.
    pub(crate) fn is_key(&self, text: &[u8]) -> bool {
        let next = text[self.close + 1..].iter().find(|byte| !byte.is_ascii_whitespace());
        next == Some(&b':')
    }

    /// The string that opens at `open`, `None` if it never ends.
    pub(crate) fn at(text: &[u8], open: usize) -> Option<Self> {
        let mut at = open + 1;
        let mut escaped = false;
        loop {
            at = find_quote_or_escape(text, at)?;
            if text[at] == b'"' {
                return Some(Self { open, close: at, escaped });
            }
            escaped = true;
            at += 2;
        }
    }
}

/// The string that contains `at`. No string begins before `from`. For text that is not JSON, it is some span.
pub(crate) fn enclosing_string(text: &[u8], from: usize, at: usize) -> Option<StringToken> {
    let mut end = at;
    loop {
        let quote = from + memrchr(b'"', &text[from..end])?;
        let backslashes = text[from..quote].iter().rev().take_while(|&&byte| byte == b'\\').count();
        if backslashes % 2 == 0 {
            return StringToken::at(text, quote);
        }
        end = quote;
    }
}

/// Whether a text begins as an object or an array does.
pub(crate) fn opens_container(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start(), [b'{' | b'[', ..])
}

/// Whether a text begins as JSON does in which a string may be: as an object, an array or a string.
pub(crate) fn opens_text(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start(), [b'{' | b'[' | b'"', ..])
}

/// The same for the decoded text of a string, which is given as it is spelt.
pub(crate) fn says_text(mut raw: &[u8]) -> bool {
    loop {
        let (spelt, said) = match raw {
            [] => return false,
            [b'\\', letter, ..] => unicode_escape(raw).map_or((2, u16::from(says(*letter))), |unit| (6, unit)),
            [byte, ..] => (1, u16::from(*byte)),
        };
        match u8::try_from(said) {
            Ok(b'{' | b'[' | b'"') => return true,
            Ok(byte) if byte.is_ascii_whitespace() => raw = &raw[spelt..],
            _ => return false,
        }
    }
}

/// Converts offsets in a string's decoded text to offsets in its spelling, both counted from the string's first character.
/// The offsets ascend, and each is the beginning of a character or the end of the text.
pub(crate) fn spelt_offsets(raw: &[u8], decoded: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let (mut at, mut said) = (0, 0);
    let advance = |wanted| {
        while said < wanted {
            // No spelling is shorter than what it says, so what is wanted is at least as far away.
            let plain = memchr(b'\\', &raw[at..at + wanted - said]).unwrap_or(wanted - said);
            (at, said) = (at + plain, said + plain);
            if plain == 0 {
                let (spelt, says) = escape_len(&raw[at..]);
                (at, said) = (at + spelt, said + says);
            }
        }
        at
    };
    decoded.into_iter().map(advance).collect()
}

/// Bytes of the escape with which `raw` begins, and bytes of UTF-8 to which it decodes.
fn escape_len(raw: &[u8]) -> (usize, usize) {
    match unicode_escape(raw) {
        None => (2, 1),
        Some(0..0x80) => (6, 1),
        Some(0x80..0x800) => (6, 2),
        Some(0xd800..0xdc00) if matches!(unicode_escape(&raw[6..]), Some(0xdc00..0xe000)) => (12, 4),
        Some(_) => (6, 3),
    }
}

/// The code unit of the `\\uXXXX` with which `raw` begins.
pub(crate) fn unicode_escape(raw: &[u8]) -> Option<u16> {
    let hex = raw.strip_prefix(b"\\u")?.get(..4)?;
    hex.iter().try_fold(0, |unit, &digit| Some(unit << 4 | u16::try_from(char::from(digit).to_digit(16)?).ok()?))
}

/// Every string of a JSON text in order. For text that is not JSON, the result has no meaning, but the iterator ends.
pub(crate) fn strings(text: &[u8]) -> impl Iterator<Item = StringToken> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let token = StringToken::at(text, find(text, at, b'"')?)?;
        at = token.close + 1;
        Some(token)
    })
}

/// The name of a container's member: a key or an index.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Name {
    Key(StringToken),
    Index(usize),
}

impl Name {
    /// Whether a token of a JSON Pointer (RFC 6901) names this member.
    pub(crate) fn is(&self, text: &[u8], token: &str) -> bool {
        match self {
            Self::Key(key) => decode(text, key).as_ref() == token.as_bytes(),
            Self::Index(index) => index.to_string() == token,
        }
    }
}

/// Iterates over the members of an object or array. The caller has to say where each value ends.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    text: &'a [u8],
    is_object: bool,
    /// Where the next member begins, if there may be one.
    at: Option<usize>,
    index: usize,
}

impl<'a> Members<'a> {
    /// The members of the container that begins at `open`. A value that is not a container has none.
    pub(crate) fn of(text: &'a [u8], open: usize) -> Self {
        let is_object = text.get(open) == Some(&b'{');
        let is_container = is_object || text.get(open) == Some(&b'[');
        Self { text, is_object, at: is_container.then(|| skip_space(text, open + 1)), index: 0 }
    }

    /// The elements of an array from the one at `at` on, which has this index.
    pub(crate) fn from_element(text: &'a [u8], at: usize, index: usize) -> Self {
        Self { text, is_object: false, at: Some(at), index }
    }

    /// The next member's name, and where its value begins. After the last element of an array, there is one more, whose
    /// value has no end.
    #[inline]
    pub(crate) fn begin(&mut self) -> Option<(Name, usize)> {
        let at = self.at.take()?;
        if !self.is_object {
            return Some((Name::Index(self.index), at));
        }
        let key = (self.text.get(at) == Some(&b'"')).then(|| StringToken::at(self.text, at)).flatten()?;
        Some((Name::Key(key), value_of(self.text, &key)))
    }

    /// The value of the current member ends before `end`.
    #[inline]
    pub(crate) fn end(&mut self, end: usize) {
        let next = skip_space(self.text, end);
        self.at = (self.text.get(next) == Some(&b',')).then(|| skip_space(self.text, next + 1));
        self.index += 1;
    }
}

/// Where the value of a member begins.
pub(crate) fn value_of(text: &[u8], key: &StringToken) -> usize {
    skip_space(text, skip_space(text, key.close + 1) + 1)
}

/// Every member of the object or array that begins at `open`, in order: its name, and where its value is. Any other value
/// has none. If the document is not valid, the members before the error.
pub(crate) fn members(text: &[u8], open: usize) -> impl Iterator<Item = (Name, Range<usize>)> {
    let mut members = Members::of(text, open);
    std::iter::from_fn(move || {
        let (name, value) = members.begin()?;
        let end = value_end(text, value)?;
        members.end(end);
        Some((name, value..end))
    })
}

/// How many elements a text has that is an array; `None` for any other value.
pub(crate) fn element_count(text: &[u8]) -> Option<u64> {
    let open = skip_space(text, 0);
    (text.get(open) == Some(&b'[')).then(|| members(text, open).count() as u64)
}

pub(crate) fn skip_space(text: &[u8], from: usize) -> usize {
    let spaces = text.iter().skip(from).take_while(|byte| byte.is_ascii_whitespace()).count();
    from + spaces
}

/// Index after the value that begins at `at`. It handles any depth without recursion.
pub(crate) fn value_end(text: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        at = match text.get(at)? {
            b'"' => StringToken::at(text, at)?.close + 1,
            b'{' | b'[' => {
                depth += 1;
                at + 1
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at + 1
            }
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => at + 1,
            _ => at + scalar_len(&text[at..]),
        };
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Bytes of the number or literal that a text begins with.
fn scalar_len(text: &[u8]) -> usize {
    let ends = |byte: &u8| matches!(byte, b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"') || byte.is_ascii_whitespace();
    text.iter().take_while(|byte| !ends(byte)).count().max(1)
}

/// The decoded text of a string of a valid document, in UTF-8. A lone surrogate becomes the three bytes of its code point,
/// which are not UTF-8. The text is borrowed if nothing is escaped; otherwise it is one allocation.
pub(crate) fn decode<'a>(text: &'a [u8], token: &StringToken) -> Cow<'a, [u8]> {
    let mut raw = token.raw(text);
    if !token.escaped {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    while let Some(plain) = find(raw, 0, b'\\') {
        out.extend_from_slice(&raw[..plain]);
        raw = &raw[plain..];
        let (spelt, _) = escape_len(raw);
        push_escape(&mut out, &raw[..spelt]);
        raw = &raw[spelt..];
    }
    out.extend_from_slice(raw);
    Cow::Owned(out)
}

/// The character to which a backslash and this letter decode.
fn says(letter: u8) -> u8 {
    match letter {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        itself => itself,
    }
}

/// Appends the character to which one escape decodes (a surrogate pair counts as one escape).
fn push_escape(out: &mut Vec<u8>, escape: &[u8]) {
    let Some(unit) = unicode_escape(escape) else {
        return out.push(says(escape[1]));
    };
    let low = escape.get(6..).and_then(unicode_escape);
    match char::decode_utf16([unit].into_iter().chain(low)).next() {
        Some(Ok(said)) => out.extend_from_slice(said.encode_utf8(&mut [0; 4]).as_bytes()),
        _ => out.extend_from_slice(&[
            0xe0 | (unit >> 12) as u8,
            0x80 | (unit >> 6) as u8 & 0x3f,
            0x80 | unit as u8 & 0x3f,
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    fn decoded(text: &str) -> Vec<u8> {
        let token = StringToken::at(text.as_bytes(), 0).expect("a string");
        decode(text.as_bytes(), &token).into_owned()
    }

    fn serde_decoded(text: &str) -> Vec<u8> {
        struct OwnedBytes;
        impl serde::de::Visitor<'_> for OwnedBytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON string")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        serde::Deserializer::deserialize_bytes(&mut serde_json::Deserializer::from_str(text), OwnedBytes).unwrap()
    }

    /// A JSON string as Python spells it by default: characters outside of ASCII are escaped as UTF-16 code units.
    fn ascii_json(text: &str) -> String {
        let spell = |mut json: String, c: char| {
            if c.is_ascii() {
                json.push(c);
            } else {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| write!(json, "\\u{unit:04x}").unwrap());
            }
            json
        };
        serde_json::to_string(text).unwrap().chars().fold(String::new(), spell)
    }

    #[test]
    fn validity_is_rfc_8259() {
        for valid in ["0", " \"\\ud800\" ", "1e400", "-0", "{\"a\":1,\"a\":2}", "[[],{}]", "null"] {
            assert!(is_valid(valid.as_bytes()), "{valid}");
        }
        for invalid in ["", "01", "[1,]", "{\"a\"}", "\"\n\"", "nul", "1 2", "\u{feff}1", "\"\\x\"", "'a'", "NaN"] {
            assert!(!is_valid(invalid.as_bytes()), "{invalid}");
        }
        assert!(!is_valid(b"\"\xff\""));
    }

    #[test]
    fn members_are_found_with_their_names() {
        let text = br#"{ "a" : [1, {"b": "]"}] , "c\u0064":-1e5,"e":"x"}"#;
        let found: Vec<_> = members(text, 0).map(|(_, span)| std::str::from_utf8(&text[span]).unwrap()).collect();
        assert_eq!(found, [r#"[1, {"b": "]"}]"#, "-1e5", r#""x""#]);
        let named = |name| members(text, 0).filter(|(member, _)| member.is(text, name)).count();
        assert_eq!([named("a"), named("cd"), named("b"), named("0")], [1, 1, 0, 0]);
        let items: Vec<_> = members(b"[ ]", 0).chain(members(b"[true ,null]", 0)).map(|(_, span)| span).collect();
        assert_eq!(items, [1..5, 7..11]);
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert!(is_valid(deep.as_bytes()));
    }

    #[test]
    fn strings_are_found_with_their_ends() {
        let text: &[u8] = br#"{"a\"b" : "c\\", "long key that goes past the near search": ["", "e"]}"#;
        let raw: Vec<_> = strings(text).map(|token| std::str::from_utf8(token.raw(text)).expect("ASCII")).collect();
        assert_eq!(raw, [r#"a\"b"#, r"c\\", "long key that goes past the near search", "", "e"]);
        let keys: Vec<_> = strings(text).map(|token| token.is_key(text)).collect();
        assert_eq!(keys, [true, false, true, false, false]);
    }

    #[test]
    fn escapes_are_decoded_and_lone_surrogates_are_not_utf8() {
        assert_eq!(decoded(r#""\u00e9\n\/\ud83d\ude00""#), "é\n/😀".as_bytes());
        assert_eq!(decoded(r#""\ud800""#), [0xed, 0xa0, 0x80]);
    }

    proptest! {
        #[test]
        fn what_begins_as_json_text_is_told_from_its_spelling(text in r#"(\\[nrtf"]|\\u00[27][02bB]|[ \[{a]){0,4}"#) {
            prop_assert_eq!(says_text(text.as_bytes()), opens_text(&decoded(&format!("\"{text}\""))));
        }

        #[test]
        fn any_spelling_is_decoded_as_serde_does_it(text in r#"(\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}|\\u[dD][89a-fA-F][0-9a-f]{2}|[a-zé🦀]){0,12}"#) {
            let text = format!("\"{text}\"");
            prop_assert_eq!(decoded(&text), serde_decoded(&text));
        }

        #[test]
        fn offsets_of_what_is_said_are_found_in_the_spelling(text in "[a\\\\\"\n/é世🦀\u{1}]{0,40}", ascii in any::<bool>()) {
            let out = if ascii { ascii_json(&text) } else { serde_json::to_string(&text).unwrap() }.into_bytes();
            let raw = &out[1..out.len() - 1];
            let starts: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let spelt = spelt_offsets(raw, starts.iter().copied());
            for (pair, said) in spelt.windows(2).zip(starts.windows(2)) {
                let token = [b"\"", &raw[pair[0]..pair[1]], b"\""].concat();
                let decoded = decode(&token, &StringToken::at(&token, 0).expect("a string")).into_owned();
                prop_assert_eq!(&decoded, &text.as_bytes()[said[0]..said[1]]);
            }
            prop_assert_eq!(spelt.last(), Some(&raw.len()));
        }

        #[test]
        fn members_of_any_bytes_are_spans_in_order(text in "[\\[{]?[ -~]{0,60}", more in proptest::collection::vec(any::<u8>(), 0..40)) {
            let text = [text.as_bytes(), &more].concat();
            let mut end = 0;
            for (_, span) in members(&text, 0) {
                prop_assert!(end < span.start && span.start < span.end && span.end <= text.len());
                end = span.end;
            }
        }

        #[test]
        fn any_bytes_are_scanned_without_a_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            for token in strings(&text) {
                prop_assert!(token.open < token.close && token.close < text.len());
                let _ = token.is_key(&text);
            }
        }
    }
}
