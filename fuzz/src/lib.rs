//! What is fuzzed, one function a target. The library's own tests include this file and run it on every input in `corpus/`, which `inputs` packs.

use std::collections::HashMap;

use bytes::Bytes;
use long_content::envelope::Envelope;
use long_content::fit::{self, Destination};
use long_content::hydrate::{self, Hydration, Search, TooLarge};
use long_content::keep::Pointer;
use long_content::markers;
use long_content::offload::{self, Limits};
use long_content::outgoing::{Outgoing, Terms};
use long_content::reference::{Content, ContentRef, Kind, Reference, Scope, Ttl};
use serde_json::json;

/// Bytes that an event of the fuzzers may have when it is hydrated.
const LIMIT: u64 = 1 << 20;

/// Scanning: strings, members and kept values of any bytes are found without a panic, and what is not JSON is left alone.
pub fn scan(data: &[u8]) {
    let text = Bytes::copy_from_slice(data);
    let _ = Envelope::of(data, None);
    let plan = offload::plan(&text, &Limits { threshold: 0, ..Limits::default() });
    let keep: Vec<Pointer> = ["/a", "/a/0/b", "/0/a"].map(|text| text.parse().expect("a pointer")).into();
    let fit = fit::plan(&text, &Destination { max_size: 100, keep: &keep, ttl: Ttl::NONE, is_signed: false });
    if !is_json(data) {
        assert!(plan.is_empty() && hydrate::plan(&text).is_empty());
        assert!(fit.is_ok_and(|plan| plan.is_empty()));
    }
}

/// Hydrating: references that are kept leave the event's bytes alone, and contents leave it JSON, within the limit. Whatever
/// is read of it, and however little of it may be decoded.
pub fn hydrate(data: &[u8]) {
    let event = Bytes::copy_from_slice(data);
    for max_decoded in [u64::MAX, data.len() as u64 / 2] {
        for (scope, reads_legacy) in [(scope(false), true), (scope(true), false)] {
            hydrate_in(&event, &scope, Search { reads_legacy, max_decoded, ..Search::default() });
        }
    }
}

fn hydrate_in(event: &Bytes, scope: &Scope, search: Search) {
    let plan = hydrate::plan_with(event, search);
    assert_eq!(plan.apply(&vec![None; plan.references().len()]), event);
    let is_too_deep = plan.is_too_deep();
    let mut hydration = Hydration::new(plan);
    for reference in hydration.wanted() {
        let admitted = scope.admits(&reference).ok();
        hydration.add(reference, admitted.map(|()| Bytes::from_static(b"[\"\\n\"]")));
    }
    match hydration.finish(LIMIT) {
        Ok(hydrated) => {
            assert!(!is_too_deep && (hydrated.len() as u64 <= LIMIT || hydrated == event));
            assert_eq!(is_json(&hydrated), is_json(event));
        }
        Err(error) => assert_eq!(is_too_deep, error == TooLarge::TooDeep),
    }
}

/// Sizes: a hydrated event has as many bytes as it is counted as, in one and in chunks. The first bytes say how deep and how often a
/// content is in the event, whether it is JSON that holds another one, and which references stay; the rest is its text.
pub fn sizes(data: &[u8]) {
    let [depth, times, flags, rest @ ..] = data else { return };
    let text = String::from_utf8_lossy(rest);
    let inner = Content::string(text.chars().rev().collect::<String>());
    let inside = format!("\"{}\"", scope(false).reference(Ttl::NONE, &inner));
    let outer = match flags % 4 {
        0 => Content::string(text.into_owned()),
        1 => Content { kind: Kind::Verbatim, bytes: json!([text]).to_string().into() },
        _ => Content::json(format!("[{},{inside},{inside}]", json!(text))),
    };
    let named = scope(false).reference(Ttl::NONE, &outer).to_string();
    let event = Bytes::from(nested(*depth % 65, &vec![named; usize::from(*times % 9) + 1]));
    let plan = hydrate::plan(&event);
    if plan.too_large().is_some() {
        return;
    }
    let mut hydration = Hydration::new(plan);
    for (content, stays) in [(outer, flags & 4 != 0), (inner, flags & 8 != 0)] {
        let reference = scope(false).reference(Ttl::NONE, &content);
        hydration.add(reference, (!stays).then_some(content.bytes));
    }
    let size = hydration.size();
    assert_eq!(hydration.fits(size.saturating_sub(1)).is_err(), size > 0);
    if size > LIMIT {
        return assert!(matches!(hydration.finish(LIMIT), Err(TooLarge::Bytes(some)) if some > LIMIT));
    }
    let hydrated = hydration.hydrated(size).expect("as large as it is");
    let mut chunk = vec![];
    hydrated.chunks().write(&mut chunk, usize::MAX);
    let hydrated = hydrated.into_bytes();
    assert!(chunk == hydrated && hydrated.len() as u64 == size && is_json(&hydrated));
}

/// JSON text inside of `depth` strings, spelt by hand, that holds these strings.
fn nested(depth: u8, strings: &[String]) -> String {
    let mark = |depth| match depth {
        0 => "\"".to_owned(),
        depth => format!("\\{}u0022", "u005c".repeat(usize::from(depth) - 1)),
    };
    let marks: Vec<_> = (0..=depth).map(mark).collect();
    let [around @ .., mark] = &marks[..] else { unreachable!("there is a mark") };
    let list = strings.iter().map(|string| format!("{mark}{string}{mark}")).collect::<Vec<_>>().join(",");
    let open: String = around.iter().flat_map(|mark| ["[", mark]).collect();
    let close: String = around.iter().rev().flat_map(|mark| [mark, "]"]).collect();
    format!("{open}[{list}]{close}")
}

/// Offloading: what leaves fits, and hydrates to the same document; with its markers broken, the document holds nothing that is taken
/// for a reference. The first two bytes are the limits; where they are odd,
/// references are signed, and those of the document itself were handed over to it.
pub fn offload(data: &[u8]) {
    let [threshold, max_size, response @ ..] = data else { return };
    let response = Bytes::copy_from_slice(response);
    let kept = if max_size % 2 == 1 { hydrate::plan(&response).references().to_vec() } else { vec![] };
    let max_size = 100 + 4 * usize::from(*max_size);
    break_markers(&response, &kept);
    let terms = Terms {
        max_content_size: usize::from(*threshold),
        max_payload_size: Some(max_size),
        kept,
        max_look_alikes: 1 + usize::from(threshold % 4),
        ..Terms::new(scope(threshold % 2 == 1), Ttl::NONE)
    };
    let Ok(outgoing) = Outgoing::of(&response, &terms) else { return };
    if outgoing.contents.is_empty() {
        assert_eq!(outgoing.response, response);
        return;
    }
    assert!(outgoing.response.len() <= max_size);
    assert!(outgoing.contents.iter().all(|(reference, content)| terms.scope.holds(reference, content)));
    assert!(outgoing.contents.iter().all(|(reference, _)| terms.scope.admits(reference).is_ok()));
    let stored = outgoing.contents.into_iter().collect();
    assert_eq!(meaning(&hydrated(&outgoing.response, &stored)), meaning(&response));
}

fn break_markers(document: &Bytes, kept: &[Reference]) {
    let (broken, count) = markers::break_all(document, kept);
    if count == 0 {
        return assert_eq!(broken, document);
    }
    assert_eq!(is_json(&broken), is_json(document));
    assert!(!offload::plan(&broken, &Limits { kept, ..Limits::default() }).has_look_alike());
    assert!(hydrate::plan(&broken).references().iter().all(|reference| kept.contains(reference)));
}

/// Parsing a reference: it has one spelling.
pub fn reference(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let legacy = ContentRef::parse_legacy(text).map(Reference::from);
    for reference in text.parse::<Reference>().ok().into_iter().chain(legacy) {
        assert_eq!(reference.to_string(), text);
        let _ = scope(true).admits(&reference.content);
    }
}

/// Whose references these are, with a key or without.
fn scope(is_signed: bool) -> Scope {
    let scope = Scope::new("fuzz");
    if is_signed { scope.signed_by("a-signing-key-of-24-bytes".parse().expect("a key")) } else { scope }
}

/// An event with what was stored in place.
pub fn hydrated(event: &Bytes, stored: &HashMap<ContentRef, Bytes>) -> Bytes {
    let plan = hydrate::plan(event);
    assert!(plan.malformed().is_empty());
    let mut hydration = Hydration::new(plan);
    loop {
        let wanted = hydration.wanted();
        if wanted.is_empty() {
            return hydration.finish(u64::MAX).expect("no limit");
        }
        for reference in wanted {
            hydration.add(reference, stored.get(&reference).cloned());
        }
    }
}

fn is_json(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok() && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

/// The tokens that a document means: every string decoded (lone surrogates too), all else as spelt.
pub fn meaning(text: &[u8]) -> Vec<Vec<u8>> {
    let mut tokens = vec![vec![]];
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'"' {
            let mut end = at + 1;
            while text[end] != b'"' {
                end += if text[end] == b'\\' { 2 } else { 1 };
            }
            tokens.push(decode(&text[at..=end]));
            tokens.push(vec![]);
            at = end + 1;
        } else {
            tokens.last_mut().expect("never empty").push(text[at]);
            at += 1;
        }
    }
    tokens
}

fn decode(token: &[u8]) -> Vec<u8> {
    struct Decoded;
    impl serde::de::Visitor<'_> for Decoded {
        type Value = Vec<u8>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string")
        }
        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    let mut parser = serde_json::Deserializer::from_slice(token);
    serde::Deserializer::deserialize_bytes(&mut parser, Decoded).expect("a JSON string")
}

/// Requests and responses of the extension's wire beside hyper's. Its sources are built into this library, because the rest of the
/// extension would bring a client of AWS. The extension's own tests run the corpora.
#[cfg(fuzzing)]
#[path = "../../extension/src"]
mod extension {
    pub mod payload;
    pub mod wire;
}

#[cfg(fuzzing)]
use extension::payload;
#[cfg(fuzzing)]
pub use extension::wire;
