//! Promises that hold for every document and every byte string, where no list of cases suffices.

use std::collections::HashMap;

use bytes::Bytes;
use long_content::fit::DoesNotFit;
use long_content::hydrate;
use long_content::markers;
use long_content::offload::{self, Limits};
use long_content::outgoing::{Outgoing, Terms};
use long_content::reference::{ContentRef, Scope, Ttl};
use proptest::prelude::*;
use serde_json::Value;

use crate::fuzz::{hydrated, meaning};

/// A string as some encoder spells it: plain, escaped, look-alikes, lone surrogates, long.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Zéß世🦀 ]{0,12}",
        1 => Just("@content:".to_owned()),
        1 => Just("\\u0040content:1:".to_owned()),
        1 => Just("\\ud83d\\ude00".to_owned()),
        1 => Just("\\ud800".to_owned()),
        1 => Just("\\n\\\"\\\\\\/".to_owned()),
        1 => Just("\u{7f}".to_owned()),
        1 => Just(r#"{\"a\": [\"@content:1:dynamodb:s:none:x:1\"]}"#.to_owned()),
        1 => Just(r#"[\"{\\\"k\\\":\\\"\\\\u0040content:\\\"}\"]"#.to_owned()),
        1 => Just(r#"\"@content:1:dynamodb:s:none:x:1\""#.to_owned()),
        1 => Just(r#"\"[\\\"\\\\u0040content:\\\"]\""#.to_owned()),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// A JSON document as text: odd numbers, white space and duplicate keys included.
fn document() -> impl Strategy<Value = String> {
    let number = prop_oneof![Just("1e400"), Just("-0"), Just("1.0"), Just("18446744073709551617"), Just("0.1e-7")];
    let leaf = prop_oneof![
        3 => string(),
        1 => number.prop_map(str::to_owned),
        1 => prop_oneof![Just("true"), Just("null")].prop_map(str::to_owned),
    ];
    let nested = leaf.prop_recursive(6, 48, 6, |inner| {
        let space = prop_oneof![Just(""), Just(" "), Just("\n\t")];
        let member =
            (string(), space, inner.clone()).prop_map(|(key, space, value)| format!("{key}{space}:{space}{value}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(" , "))),
        ]
    });
    (nested, prop_oneof![Just(""), Just(" "), Just("\r\n")]).prop_map(|(text, space)| format!("{space}{text}{space}"))
}

/// An object of documents, so that together they are longer than what a response may have.
fn documents_of(len: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec((document(), 0..len), 1..8).prop_map(|members| {
        let member = |(document, len): &(String, usize)| {
            format!("\"m\": [{document}, \"{}\", {}]", "x".repeat(*len), "7".repeat(*len / 2 + 1))
        };
        format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
    })
}

/// The scope of every response here.
fn scope() -> Scope {
    Scope::new("AgentContext-test")
}

/// What leaves in the place of a response, and what was stored beside it.
fn outgoing(response: &Bytes, terms: &Terms) -> Result<(Bytes, HashMap<ContentRef, Bytes>), DoesNotFit> {
    let outgoing = Outgoing::of(response, terms)?;
    Ok((outgoing.response, outgoing.contents.into_iter().collect()))
}

/// The same, however large it leaves.
fn offload(response: &Bytes, threshold: usize) -> (Bytes, HashMap<ContentRef, Bytes>) {
    let terms = Terms { max_content_size: threshold, max_payload_size: None, ..Terms::new(scope(), Ttl::NONE) };
    outgoing(response, &terms).unwrap()
}

/// Rule O4, the slow way: text that begins like a reference, or JSON text that holds such a string.
fn reads_as_reference(text: &[u8]) -> bool {
    fn any(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::String(text) => reads_as_reference(text.as_bytes()),
            serde_json::Value::Array(items) => items.iter().any(any),
            serde_json::Value::Object(members) => members.values().any(any),
            _ => false,
        }
    }
    let json: Option<serde_json::Value> = serde_json::from_slice(text).ok();
    text.starts_with(b"@content:") || json.is_some_and(|value| any(&value))
}

/// Strings of a document with their paths: as JSON Pointers, and as names.
fn strings_of(value: &Value, path: &[String], all: &mut Vec<(Vec<String>, String)>) {
    let members: Vec<(String, &Value)> = match value {
        Value::String(text) => return all.push((path.to_vec(), text.clone())),
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), member)).collect(),
        _ => vec![],
    };
    for (name, member) in members {
        strings_of(member, &[path, &[name]].concat(), all);
    }
}

/// Whether a pointer's tokens reach what is at `path`, the slow way.
fn reaches(tokens: &[String], path: &[String]) -> bool {
    match (tokens, path) {
        ([last], below) if last == "**" => !below.is_empty(),
        ([], []) => true,
        ([token, tokens @ ..], [name, path @ ..]) => (token == "*" || token == name) && reaches(tokens, path),
        _ => false,
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => "[xyz]{0,30}".prop_map(Value::from),
        1 => Just(Value::from("@content:x")),
        1 => any::<u8>().prop_map(Value::from),
        1 => (200_usize..1_200).prop_map(|len| vec![7; len].into()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Value::from),
            proptest::collection::hash_map("[ab]", inner, 1..3).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn same_bytes(a: &Bytes, b: &Bytes) -> bool {
    a.as_ptr() == b.as_ptr() && a.len() == b.len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_was_offloaded_hydrates_to_the_same_document(text in document(), threshold in 0_usize..40) {
        let response = Bytes::from(text);
        let (travels, stored) = offload(&response, threshold);
        let arrived = hydrated(&travels, &stored);
        prop_assert_eq!(meaning(&arrived), meaning(&response));
        if stored.is_empty() {
            prop_assert_eq!(arrived, response);
        }
    }

    #[test]
    fn references_inside_of_text_are_hydrated_as_deep_as_they_stand(text in document(), depth in 1_usize..4, threshold in 0_usize..40) {
        let (travels, stored) = offload(&Bytes::from(text.clone()), threshold);
        let wrap = |text: String| format!("{{\"first\" : -0, \"body\": {}}}", serde_json::to_string(&text).unwrap());
        let wrapped = (0..depth).fold(String::from_utf8(travels.to_vec()).unwrap(), |text, _| wrap(text));
        let arrived = hydrated(&wrapped.into(), &stored);
        let unwrapped = (0..depth).fold(String::from_utf8(arrived.to_vec()).unwrap(), |text, _| {
            let body: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert!(text.starts_with("{\"first\" : -0, \"body\": \""));
            body["body"].as_str().unwrap().to_owned()
        });
        prop_assert_eq!(meaning(unwrapped.as_bytes()), meaning(text.as_bytes()));
    }

    #[test]
    fn a_response_fits_or_says_that_it_cannot(text in documents_of(3_000), threshold in 0_usize..400, max_size in 90_usize..2_000) {
        let response = Bytes::from(text);
        let terms = Terms { max_content_size: threshold, max_payload_size: Some(max_size), ..Terms::new(scope(), Ttl::NONE) };
        match outgoing(&response, &terms) {
            Ok((travels, stored)) => {
                prop_assert!(travels.len() <= max_size);
                prop_assert_eq!(meaning(&hydrated(&travels, &stored)), meaning(&response));
            }
            Err(error) => prop_assert!(error.smallest > max_size && response.trim_ascii().len() + 200 > error.smallest),
        }
    }

    /// O1, O2: a string that a pointer reaches stays where it is, unless it looks like a reference; every other that is too long
    /// leaves, alone or with what is around it. All come back.
    #[test]
    fn strings_that_pointers_reach_stay_and_others_leave(
        document in values(),
        pointers in proptest::collection::vec(proptest::collection::vec("[ab01]|[*]{1,2}", 1..4), 0..4),
        threshold in 0_usize..20,
        max_size in proptest::option::of(300_usize..3_000),
    ) {
        let keep = pointers.iter().map(|tokens| format!("/{}", tokens.join("/")).parse().unwrap()).collect();
        let terms =
            Terms { max_content_size: threshold, max_payload_size: max_size, keep, ..Terms::new(scope(), Ttl::NONE) };
        let response = Bytes::from(document.to_string());
        let Ok((travels, stored)) = outgoing(&response, &terms) else { return Ok(()) };
        prop_assert_eq!(meaning(&hydrated(&travels, &stored)), meaning(&response));
        let travels: Value = serde_json::from_slice(&travels).unwrap();
        let mut strings = vec![];
        strings_of(&document, &[], &mut strings);
        for (path, text) in strings {
            let pointer = path.iter().fold(String::new(), |pointer, name| pointer + "/" + name);
            let there = travels.pointer(&pointer).and_then(Value::as_str);
            let is_kept = pointers.iter().any(|tokens| reaches(tokens, &path));
            if is_kept && !text.starts_with('@') {
                prop_assert_eq!(there, Some(text.as_str()), "{} by {:?} of {}", pointer, pointers, document);
            } else if text.len() > threshold {
                prop_assert_ne!(there, Some(text.as_str()), "{} by {:?} of {}", pointer, pointers, document);
            }
        }
    }

    #[test]
    fn no_string_above_the_threshold_and_no_look_alike_travels(text in document(), threshold in 0_usize..40) {
        let (travels, _) = offload(&Bytes::from(text), threshold);
        for (index, token) in meaning(&travels).iter().enumerate().filter(|(index, _)| index % 2 == 1) {
            let between = &meaning(&travels)[index + 1];
            let is_key = between.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
            let is_reference = std::str::from_utf8(token).is_ok_and(|text| text.parse::<ContentRef>().is_ok());
            let looks_alike = hydrate::plan(&Bytes::from(token.clone()));
            let looks_alike = token.starts_with(b"@content:") || !looks_alike.is_empty();
            prop_assert!(is_key || is_reference || token.len() <= threshold && !looks_alike);
        }
    }

    /// O11: however few may leave because of what they read like, no more do, and all come back.
    #[test]
    fn crowds_of_look_alikes_leave_with_what_holds_them_and_come_back(text in document(), most in 1_usize..5, threshold in 0_usize..40) {
        let response = Bytes::from(text);
        let all = Terms { max_content_size: usize::MAX, max_payload_size: None, max_look_alikes: most, ..Terms::new(scope(), Ttl::NONE) };
        for terms in [Terms { max_content_size: threshold, ..all.clone() }, all] {
            let (travels, stored) = outgoing(&response, &terms).unwrap();
            prop_assert!(terms.max_content_size == threshold || stored.len() <= most);
            prop_assert_eq!(meaning(&hydrated(&travels, &stored)), meaning(&response));
            let left = offload::plan(&travels, &Limits { kept: &stored.keys().map(|kept| (*kept).into()).collect::<Vec<_>>(), ..Limits::default() });
            prop_assert!(!left.has_look_alike());
        }
    }

    /// O11: with its markers broken, nothing in a document is taken for a reference.
    #[test]
    fn a_document_with_broken_markers_holds_no_reference(text in document()) {
        let document = Bytes::from(text);
        let (broken, count) = markers::break_all(&document, &[]);
        prop_assert_eq!(count > 0, offload::plan(&document, &Limits::default()).has_look_alike());
        prop_assert_eq!(broken.len(), document.len() + count as usize);
        prop_assert!(offload::plan(&broken, &Limits::default()).is_empty() && hydrate::plan(&broken).is_empty());
    }

    #[test]
    fn nothing_to_do_gives_the_same_bytes_without_a_copy(text in document()) {
        let response = Bytes::from(text);
        let plan = offload::plan(&response, &Limits::default());
        prop_assert_eq!(plan.is_empty(), !meaning(&response).iter().enumerate().any(|(index, token)| {
            let key = meaning(&response).get(index + 1).is_some_and(|between| between.trim_ascii_start().starts_with(b":"));
            index % 2 == 1 && !key && reads_as_reference(token)
        }));
    }

    #[test]
    fn any_bytes_pass_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), threshold in 0_usize..40) {
        let body = Bytes::from(bytes);
        let (travels, stored) = offload(&body, threshold);
        if stored.is_empty() {
            prop_assert_eq!(&travels, &body);
        }
        let _ = hydrate::plan(&body).apply(&[]);
    }

    #[test]
    fn a_damaged_document_is_left_alone(text in document(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut damaged = text.into_bytes();
        let at = at.index(damaged.len());
        damaged[at] = byte;
        let damaged = Bytes::from(damaged);
        if serde_json::from_slice::<serde::de::IgnoredAny>(&damaged).is_err() || std::str::from_utf8(&damaged).is_err() {
            let limits = Limits { threshold: 0, ..Limits::default() };
            prop_assert!(offload::plan(&damaged, &limits).is_empty());
            prop_assert!(hydrate::plan(&damaged).is_empty());
        }
    }
}

#[test]
fn an_empty_plan_applied_is_the_same_pointer() {
    let body = Bytes::from_static(b"{\"short\": \"text\"}");
    let plan = offload::plan(&body, &Limits { threshold: 5_000, ..Limits::default() });
    assert!(plan.is_empty() && same_bytes(&plan.apply(&[]), &body));
    let plan = hydrate::plan(&body);
    assert!(plan.is_empty() && same_bytes(&plan.apply(&[]), &body));
}
