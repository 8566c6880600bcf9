//! What is fuzzed, one function a target. The library's own tests include this file and run it on every input in `corpus/`.

use std::collections::HashMap;

use bytes::Bytes;
use long_content::envelope::Envelope;
use long_content::fit::{self, Destination, Pointer};
use long_content::hydrate::{self, Hydration};
use long_content::offload::{self, Limits};
use long_content::outgoing::{Outgoing, Terms};
use long_content::reference::{ContentRef, Scope, Ttl};

/// Bytes that an event of the fuzzers may have when it is hydrated.
const LIMIT: u64 = 1 << 20;

/// Scanning: strings, members and kept values of any bytes are found without a panic, and what is not JSON is left alone.
pub fn scan(data: &[u8]) {
    let text = Bytes::copy_from_slice(data);
    let _ = Envelope::of(data, None);
    let plan = offload::plan(&text, &Limits { threshold: 0, kept: &[] });
    let keep: Vec<Pointer> = ["/a", "/a/0/b", "/0/a"].map(|text| text.parse().expect("a pointer")).into();
    let fit = fit::plan(&text, &Destination { max_size: 100, keep: &keep, ttl: Ttl::NONE, is_signed: false });
    if !is_json(data) {
        assert!(plan.is_empty() && hydrate::plan(&text).is_empty());
        assert!(fit.is_ok_and(|plan| plan.is_empty()));
    }
}

/// Hydrating: references that are kept leave the event's bytes alone, and contents leave it JSON, within the limit.
pub fn hydrate(data: &[u8]) {
    let event = Bytes::copy_from_slice(data);
    let plan = hydrate::plan(&event);
    assert_eq!(plan.apply(&vec![None; plan.references().len()]), event);
    let mut hydration = Hydration::new(plan);
    for reference in hydration.wanted() {
        hydration.add(reference, Some(Bytes::from_static(b"[\"\\n\"]")));
    }
    if let Ok(hydrated) = hydration.finish(LIMIT) {
        assert!(hydrated.len() as u64 <= LIMIT || hydrated == event);
        assert_eq!(is_json(&hydrated), is_json(&event));
    }
}

/// Offloading: what leaves fits, and hydrates to the same document. The first two bytes are the limits.
pub fn offload(data: &[u8]) {
    let [threshold, max_size, response @ ..] = data else { return };
    let response = Bytes::copy_from_slice(response);
    let max_size = 100 + 4 * usize::from(*max_size);
    let terms = Terms {
        max_content_size: usize::from(*threshold),
        max_payload_size: Some(max_size),
        ..Terms::new(Scope::new("fuzz"), Ttl::NONE)
    };
    let Ok(outgoing) = Outgoing::of(&response, &terms) else { return };
    if outgoing.contents.is_empty() {
        assert_eq!(outgoing.response, response);
        return;
    }
    assert!(outgoing.response.len() <= max_size);
    let stored = outgoing.contents.into_iter().collect();
    assert_eq!(meaning(&hydrated(&outgoing.response, &stored)), meaning(&response));
}

/// Parsing a reference: it has one spelling.
pub fn reference(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(reference) = text.parse::<ContentRef>() {
        assert_eq!(reference.to_string(), text);
    }
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
