//! Breaks markers: text that looks like a reference but cannot be stored is changed so that it does not look like one any
//! more (rule O11). A space is inserted after the first character: `@ content:`. Nothing else changes, because a space has
//! the same spelling at any depth of nested text.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memchr;

use crate::json::{self, StringToken};
use crate::nested::Budget;
use crate::offload::{Kept, is_kept, kept_texts, may_spell_prefix};
use crate::reference::{PREFIX, Reference};

/// What is inserted after the first character of a marker.
const BREAK: &str = " ";

/// What is inserted before JSON text that is nested too deep to be searched, so that it is not JSON any more.
const NOT_JSON: &str = "@ ";

/// The document without text that could be taken for a reference, except the `kept` ones, and how many markers were broken.
/// If there is no such text, the bytes are the same.
///
/// A document that is not JSON is treated as one text, because a program that passes it on may put it into a string.
pub fn break_all(document: &Bytes, kept: &[Reference]) -> (Bytes, u32) {
    if !may_spell_prefix(document) {
        return (document.clone(), 0);
    }
    let kept = kept_texts(kept);
    if document.starts_with(PREFIX.as_bytes()) && !is_kept(document, &kept) {
        return insert(document, &[(1, BREAK)]);
    }
    if !json::is_valid(document) {
        return (document.clone(), 0);
    }
    let mut breaks = vec![];
    let is_candidate = |token: &StringToken| may_spell_prefix(token.raw(document)) && !token.is_key(document);
    for token in json::strings(document).filter(is_candidate) {
        let (start, raw) = (token.open + 1, token.raw(document));
        match in_text(&json::decode(document, &token), &kept) {
            Some(marks) => {
                breaks.extend(json::spelt_offsets(raw, marks).into_iter().map(|mark| (start + mark, BREAK)));
            }
            None => breaks.push((start, NOT_JSON)),
        }
    }
    insert(document, &breaks)
}

fn insert(document: &Bytes, breaks: &[(usize, &str)]) -> (Bytes, u32) {
    if breaks.is_empty() {
        return (document.clone(), 0);
    }
    let added: usize = breaks.iter().map(|(_, text)| text.len()).sum();
    let mut out = Vec::with_capacity(document.len() + added);
    let mut at = 0;
    for (place, text) in breaks {
        out.extend_from_slice(&document[at..*place]);
        out.extend_from_slice(text.as_bytes());
        at = *place;
    }
    out.extend_from_slice(&document[at..]);
    (out.into(), breaks.len() as u32)
}

/// A text that is being searched: the decoded text of a string, in the document or in the JSON text around it.
struct Searched<'a> {
    text: Cow<'a, [u8]>,
    /// The string that contains it, in the text around it.
    token: Option<StringToken>,
    /// How far it was searched; to its end if it is not JSON text.
    at: usize,
    /// The places where it is to be broken.
    marks: Vec<usize>,
}

impl<'a> Searched<'a> {
    fn new(text: Cow<'a, [u8]>, token: Option<StringToken>, kept: &Kept) -> Self {
        let (mut at, mut marks) = (text.len(), vec![]);
        if text.starts_with(PREFIX.as_bytes()) {
            marks.extend((!is_kept(&text, kept)).then_some(1));
        } else if json::opens_text(&text) && may_spell_prefix(&text) && json::is_valid(&text) {
            at = 0;
        }
        Self { text, token, at, marks }
    }

    /// The next string value in which a marker may have to be broken.
    fn next_candidate(&mut self) -> Option<StringToken> {
        loop {
            let open = self.at + memchr(b'"', &self.text[self.at..])?;
            let token = StringToken::at(&self.text, open)?;
            self.at = token.close + 1;
            if may_spell_prefix(token.raw(&self.text)) && !token.is_key(&self.text) {
                return Some(token);
            }
        }
    }

    /// Takes over what was found in a string of this text.
    fn take(&mut self, inside: &mut Searched<'_>) {
        let token = inside.token.expect("BUG: it is in a string");
        let spelt = json::spelt_offsets(token.raw(&self.text), inside.marks.drain(..));
        self.marks.extend(spelt.into_iter().map(|mark| token.open + 1 + mark));
    }
}

/// The places where a string's decoded text is to be broken; `None` if finding them would cost too much. It handles any
/// depth without recursion.
fn in_text(text: &[u8], kept: &Kept) -> Option<Vec<usize>> {
    let mut budget = Budget::of_text(text);
    let mut outside = vec![];
    let mut text = Searched::new(Cow::Borrowed(text), None, kept);
    loop {
        if let Some(token) = text.next_candidate() {
            let said = budget.decode(&text.text, &token)?.into_owned();
            let inside = Searched::new(Cow::Owned(said), Some(token), kept);
            outside.push(std::mem::replace(&mut text, inside));
        } else if let Some(around) = outside.pop() {
            let mut inside = std::mem::replace(&mut text, around);
            text.take(&mut inside);
        } else {
            return Some(text.marks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hydrate;
    use crate::offload::{self, Limits};
    use crate::reference::{Content, Scope, Ttl};

    fn broken(document: &str, kept: &[Reference]) -> (String, u32) {
        let (broken, count) = break_all(&Bytes::from(document.to_owned()), kept);
        (String::from_utf8(broken.to_vec()).expect("text"), count)
    }

    #[test]
    fn a_marker_is_broken_however_it_is_spelt_and_however_deep() {
        for (document, expected) in [
            (r#""@content:1:x""#, r#""@ content:1:x""#),
            (
                r#"{"a":"\u0040content:1","@content:":"b@content:"}"#,
                r#"{"a":"\u0040 content:1","@content:":"b@content:"}"#,
            ),
            (r#"["\u0040\u0063ontent:"]"#, r#"["\u0040 \u0063ontent:"]"#),
            (
                r#"["{\"a\":\"@content:\",\"b\":[\"\\u0040content:\"]}"]"#,
                r#"["{\"a\":\"@ content:\",\"b\":[\"\\u0040 content:\"]}"]"#,
            ),
            (r#""\"[\\\"@content:\\\"]\"""#, r#""\"[\\\"@ content:\\\"]\"""#),
            (
                r#""{\u0022a\u0022:\u0022\u005cu0040content:\u0022}""#,
                r#""{\u0022a\u0022:\u0022\u005cu0040 content:\u0022}""#,
            ),
            ("@content:1:dynamodb", "@ content:1:dynamodb"),
        ] {
            let (text, count) = broken(document, &[]);
            assert_eq!((text.as_str(), count > 0), (expected, true));
        }
    }

    #[test]
    fn text_that_is_no_marker_stays_as_it_is() {
        for document in
            ["", "{}", r#"{"@content:":1}"#, r#""x@content:""#, r#"{"a":"@content:",}"#, r#""[\"@content:\",]""#]
        {
            let document = Bytes::from(document);
            let (same, count) = break_all(&document, &[]);
            assert_eq!((same.as_ptr(), count), (document.as_ptr(), 0), "{document:?}");
        }
    }

    #[test]
    fn a_reference_that_was_handed_over_stays() {
        let kept = Scope::new("table").reference(Ttl::NONE, &Content::string("content"));
        let document = format!(r#"["{kept}","[\"{kept}\",\"@content:\"]"]"#);
        assert_eq!(broken(&document, &[kept.into()]), (document.replace("@content:\\", "@ content:\\"), 1));
        assert_eq!(broken(&document, &[]).1, 3);
        assert_eq!(broken(&kept.to_string(), &[kept.into()]), (kept.to_string(), 0));
    }

    #[test]
    fn text_that_is_too_deep_to_be_searched_is_no_json_afterwards() {
        let deep = (0..200).fold("@content:".to_owned(), |text, _| {
            format!("[\"{}\"]", text.replace('\\', "\\u005c").replace('"', "\\u0022"))
        });
        let document = Bytes::from(deep);
        assert!(!offload::plan(&document, &Limits::default()).is_empty());
        let (text, count) = break_all(&document, &[]);
        assert!(count > 0);
        assert!(offload::plan(&text, &Limits::default()).is_empty() && hydrate::plan(&text).is_empty());
    }
}
