//! JSON text, as much of it as splicing needs: is it valid, where does a string end, what does it say.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::{memchr, memchr2};
use serde::de::{Deserializer as _, IgnoredAny, Visitor};

/// Whether `text` is one valid JSON document in UTF-8 (RFC 8259). Any depth, no stack.
pub(crate) fn is_valid(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok() && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// How far a short search goes byte by byte: most strings and gaps end sooner, and calling memchr costs more than that.
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

/// Every string of a JSON text in order. On text that is not JSON it yields something, and always ends.
pub(crate) fn strings(text: &[u8]) -> impl Iterator<Item = StringToken> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let token = StringToken::at(text, find(text, at, b'"')?)?;
        at = token.close + 1;
        Some(token)
    })
}

/// What a string of a valid document says, in UTF-8; a lone surrogate comes out as the three bytes of its code point,
/// which is not UTF-8. Borrowed when nothing is escaped.
pub(crate) fn decode<'a>(text: &'a [u8], token: &StringToken) -> Cow<'a, [u8]> {
    if !token.escaped {
        return Cow::Borrowed(token.raw(text));
    }
    let mut parser = serde_json::Deserializer::from_slice(&text[token.open..=token.close]);
    Cow::Owned(parser.deserialize_bytes(OwnedBytes).expect("BUG: the document was validated"))
}

struct OwnedBytes;

impl Visitor<'_> for OwnedBytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
}

/// Bytes that [`encode`] writes for `text`, quotation marks included.
pub(crate) fn encoded_len(text: &str) -> usize {
    let extra = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
        0x00..=0x1f => 5,
        _ => 0,
    };
    text.len() + 2 + text.bytes().map(extra).sum::<usize>()
}

/// Appends `text` as a JSON string, escaping only what RFC 8259 requires.
pub(crate) fn encode(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("BUG: writing a string to a Vec cannot fail");
}

/// The part of `whole` that `part` borrows from, without a copy.
pub(crate) fn slice_or_copy(whole: &Bytes, part: Cow<'_, [u8]>) -> Bytes {
    match part {
        Cow::Borrowed(part) => whole.slice_ref(part),
        Cow::Owned(part) => part.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(text: &str) -> Vec<u8> {
        {
            let token = StringToken::at(text.as_bytes(), 0).expect("a string");
            decode(text.as_bytes(), &token).into_owned()
        }
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
        fn encode_writes_what_encoded_len_says_and_decode_reads_it(text in any::<String>()) {
            let mut out = Vec::new();
            encode(&mut out, &text);
            prop_assert_eq!(out.len(), encoded_len(&text));
            let token = StringToken::at(&out, 0).expect("a string");
            prop_assert_eq!(token.close, out.len() - 1);
            let decoded = decode(&out, &token);
            prop_assert_eq!(decoded.as_ref(), text.as_bytes());
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
