//! JSON text inside of strings is searched to any depth, as long as that costs no more than it may. What was not searched is
//! never taken to hold nothing.

use bytes::Bytes;
use long_content::batch::Batch;
use long_content::hydrate::{self, Hydration, Search, TooLarge};
use long_content::outgoing::{Outgoing, Terms};
use long_content::reference::{Content, ContentRef, Scope, Ttl};
use proptest::prelude::*;

use crate::documents::{by_hand, by_hand_in, encoded_in, quoted, unwrapped};

/// Deeper than what may be decoded of so short a document.
const TOO_DEEP: usize = 100;

fn terms() -> Terms {
    Terms::new(Scope::new("AgentContext-test"), Ttl::NONE)
}

fn reference(content: &Content) -> ContentRef {
    terms().scope.reference(Ttl::NONE, content)
}

/// The event with the one content that it refers to.
fn hydrated(event: String, content: &Content) -> Result<String, TooLarge> {
    let mut hydration = Hydration::new(hydrate::plan(&event.into()));
    for wanted in hydration.wanted() {
        assert_eq!(wanted, reference(content));
        hydration.add(wanted, Some(content.bytes.clone()));
    }
    hydration.finish(32 << 20).map(|event| String::from_utf8(event.to_vec()).unwrap())
}

fn is_too_deep(event: String, max_decoded: u64) -> bool {
    hydrate::plan_with(&event.into(), Search { max_decoded, ..Search::default() }).is_too_deep()
}

#[test]
fn a_reference_is_found_however_deep_it_stands() {
    let content = Content::string("a \"b\"\n\\ \u{0}");
    for depth in [1, 21, 22, 23, 40, 60] {
        let arrived = hydrated(by_hand(depth, &reference(&content).to_string()), &content).unwrap();
        assert_eq!(unwrapped(&arrived, depth), "a \"b\"\n\\ \u{0}", "{depth}");
    }
}

#[test]
fn json_is_put_in_place_however_deep_it_stands() {
    let content = Content::json(r#"{"a":"\"\n"}"#);
    let named = reference(&content).to_string();
    let arrived = hydrated(by_hand(40, &named), &content).unwrap();
    let [inside]: [serde_json::Value; 1] = serde_json::from_str(&unwrapped(&arrived, 39)).unwrap();
    assert_eq!(inside["a"], "\"\n");
}

#[test]
fn an_event_that_costs_too_much_to_search_is_too_large() {
    let content = Content::string("content");
    let event = by_hand(TOO_DEEP, &reference(&content).to_string());
    let plan = hydrate::plan(&event.clone().into());
    assert!(plan.is_too_deep() && !plan.is_empty() && plan.references().is_empty());
    assert_eq!(hydrated(event, &content), Err(TooLarge::TooDeep));
}

#[test]
fn so_is_one_that_refers_to_such_a_content() {
    let content = Content::json(by_hand(TOO_DEEP, "@content:"));
    assert_eq!(hydrated(format!("[\"{}\"]", reference(&content)), &content), Err(TooLarge::TooDeep));
}

#[test]
fn the_limit_is_the_bytes_that_nested_texts_have_as_they_are_spelt() {
    let text = format!("[{}]", quoted("[\"@content:\"]"));
    let event = format!("[{}]", quoted(&text));
    let spelt = (quoted(&text).len() - 2 + quoted("[\"@content:\"]").len() - 2) as u64;
    assert!(!is_too_deep(event.clone(), spelt));
    assert!(is_too_deep(event, spelt - 1));
}

#[test]
fn text_that_holds_no_reference_or_does_not_open_as_json_is_not_decoded() {
    for text in ["plain\n@content:", "[\"content\"]", "7 \"@content:\"", "{\"a\":[\"\\u0040content:\"]}"] {
        assert!(!is_too_deep(format!("[{}]", quoted(text)), 0), "{text}");
    }
    for text in ["[\"@content:\"]", " \r\n{\"@content:\":0}", " \t\"@content:\""] {
        assert!(is_too_deep(format!("[{}]", quoted(text)), 0), "{text}");
    }
    assert!(is_too_deep(r#"["\u0020\u007b\"a\": \"@content:\"}"]"#.into(), 0));
}

#[test]
fn text_too_deep_to_search_leaves_as_a_look_alike_and_comes_back() {
    let response = Bytes::from(by_hand(TOO_DEEP, "x@content:"));
    let outgoing = Outgoing::of(&response, &terms()).unwrap();
    assert!(outgoing.has_look_alike);
    let [(_, content)] = outgoing.contents.try_into().unwrap();
    let sent = String::from_utf8(outgoing.response.to_vec()).unwrap();
    let arrived = hydrated(sent, &Content::string(content)).unwrap();
    assert_eq!(unwrapped(&arrived, TOO_DEEP), "x@content:");
}

#[test]
fn text_that_is_searched_to_its_end_is_no_look_alike() {
    let response = Bytes::from(by_hand(30, "x@content:"));
    let outgoing = Outgoing::of(&response, &Terms { max_content_size: 20_000, ..terms() }).unwrap();
    assert!(!outgoing.has_look_alike);
    assert_eq!(outgoing.response, response);
}

/// What surrounds a text when it leaves may be gone when it arrives, and more strings may be around it.
#[test]
fn text_that_left_is_searched_to_its_end_wherever_it_arrives() {
    let plain = "x".repeat(1 << 20);
    for depth in 1..TOO_DEEP {
        let response = Bytes::from(format!("[\"{plain}\",{}]", by_hand(depth, "x@content:")));
        let terms = Terms { max_content_size: usize::MAX, max_payload_size: None, ..terms() };
        if !Outgoing::of(&response, &terms).unwrap().has_look_alike {
            assert!(!is_too_deep(by_hand(depth + 10, "x@content:"), u64::MAX), "{depth}");
        }
    }
}

/// The deepest that a search gets within 6 MB: something long and plain pays for what is short and deep.
#[test]
fn the_deepest_search_costs_no_stack() {
    let deep = by_hand(420, &reference(&Content::string("content")).to_string());
    let event = format!("[\"{}\",{deep}]", "x".repeat((6 << 20) - deep.len()));
    let search = move || hydrate::plan(&event.into());
    let plan = std::thread::Builder::new().stack_size(64 << 10).spawn(search).unwrap().join().unwrap();
    assert!(!plan.is_too_deep());
    assert_eq!(plan.references().len(), 1);
}

#[test]
fn a_content_that_refers_to_one_that_was_not_read_is_no_event() {
    let inner = Content::string("text");
    let outer = Content::json(format!(r#"["{}"]"#, reference(&inner)));
    let event = format!(r#"["{}"]"#, reference(&outer));
    assert_eq!(hydrated(event, &outer), Err(TooLarge::TooDeep));
}

/// Within Lambda's 6 MB: quotation marks of one more string would not fit.
#[test]
fn the_deepest_text_of_encoders_is_searched_to_its_end() {
    let content = Content::string("content");
    for arrays in [vec![false; 22], (0..22).map(|level| level % 2 == 0).collect()] {
        let event = (1..).map(|depth| encoded_in(&arrays[..depth], &reference(&content).to_string()));
        let event = event.take_while(|event| event.len() <= 6 << 20).last().unwrap();
        let plan = hydrate::plan(&event.into());
        assert!(!plan.is_too_deep() && plan.references() == [reference(&content)]);
    }
}

/// Some of the texts that are in each other are arrays, the others bare strings.
fn arrays(depth: std::ops::Range<usize>) -> impl Strategy<Value = Vec<bool>> {
    proptest::collection::vec(any::<bool>(), depth)
}

proptest! {
    /// H2: whatever encoders nest and however much plain text is beside it, the reference is found and replaced in its depth.
    #[test]
    fn a_reference_is_hydrated_wherever_encoders_put_it(arrays in arrays(1..14), plain in 0_usize..60_000) {
        let content = Content::string("a \"b\"\n\\ \u{0}");
        let innermost = serde_json::json!({"plain": "x".repeat(plain), "text": reference(&content).to_string()});
        let event = encoded_in(&arrays, &innermost.to_string());
        let arrived = hydrated(event, &content).unwrap();
        let inside: serde_json::Value = serde_json::from_str(&unwrapped(&arrived, arrays.len() - 1)).unwrap();
        prop_assert_eq!(inside["text"].as_str(), Some("a \"b\"\n\\ \u{0}"));
    }

    #[test]
    fn a_reference_is_hydrated_as_deep_as_it_is_nested_by_hand(arrays in arrays(1..60)) {
        let content = Content::string("a \"b\"\n\\ \u{0}");
        let arrived = hydrated(by_hand_in(&arrays, &reference(&content).to_string()), &content).unwrap();
        prop_assert_eq!(unwrapped(&arrived, arrays.len() - 1), "a \"b\"\n\\ \u{0}");
    }

    /// O4: what left because it was searched and held no look-alike is searched to its end in a later event too, inside of ten
    /// further strings; what was not searched to its end was offloaded.
    #[test]
    fn text_that_left_is_searched_to_its_end_later(outer in arrays(1..10), inner in arrays(1..110)) {
        let text = |arrays: &[bool]| by_hand_in(arrays, "x@content:");
        let terms = Terms { max_content_size: usize::MAX, max_payload_size: None, ..terms() };
        let left = Outgoing::of(&text(&inner).into(), &terms).unwrap();
        prop_assert!(left.has_look_alike || !is_too_deep(text(&[outer, inner].concat()), u64::MAX));
    }

    /// O4 is the mirror of H2: a text is offloaded exactly when H2 would find something in it.
    #[test]
    fn a_text_is_a_look_alike_if_and_only_if_it_would_be_hydrated(arrays in arrays(1..12), begins in any::<bool>(), by_encoder in any::<bool>()) {
        let innermost = if begins { "@content:1:dynamodb:s:none:x:1" } else { "x@content:1:dynamodb:s:none:x:1" };
        let text = if by_encoder { encoded_in(&arrays, innermost) } else { by_hand_in(&arrays, innermost) };
        let event = Bytes::from(quoted(&text));
        let terms = Terms { max_content_size: usize::MAX, max_payload_size: None, ..terms() };
        let found = hydrate::plan(&event);
        prop_assert_eq!(!found.malformed().is_empty(), begins);
        prop_assert_eq!(Outgoing::of(&event, &terms).unwrap().has_look_alike, begins);
    }
}

proptest! {
    /// H5: whatever is wrong with some records of a batch, it stays within its limit and the first that fits is hydrated.
    #[test]
    fn records_of_a_batch_are_left_or_hydrated_each_as_a_whole(
        lens in proptest::collection::vec(0_usize..3_000, 1..6),
        quotes in any::<bool>(),
        limit in 500_u64..8_000,
    ) {
        let text = |len: usize| if quotes { "\"".repeat(len) } else { "x".repeat(len) };
        let contents: Vec<_> = lens.iter().map(|len| Content::string(text(*len))).collect();
        let record = |body: &str| format!(r#"{{"eventSource":"aws:sqs","body":{}}}"#, quoted(body));
        let records = |bodies: Vec<String>| {
            format!("[{}]", bodies.iter().map(|body| record(body)).collect::<Vec<_>>().join(","))
        };
        let named: Vec<_> = contents.iter().map(|content| format!("[{}]", quoted(&reference(content).to_string()))).collect();
        let event = Bytes::from(records(named.clone()));
        let batch = Batch::of(&event).unwrap();
        let mut hydration = Hydration::new(hydrate::plan(&event));
        hydration.leave_too_large(&batch, limit);
        for wanted in hydration.wanted() {
            if hydration.needs(&wanted) {
                let content = contents.iter().find(|content| reference(content) == wanted).unwrap();
                hydration.add(wanted, Some(content.bytes.clone()));
            }
        }
        hydration.leave_too_deep(&batch);
        hydration.leave_too_large(&batch, limit);
        let arrived = hydration.finish(limit).unwrap();
        prop_assert!(arrived == event || arrived.len() as u64 <= limit);
        let arrived: Vec<serde_json::Value> = serde_json::from_slice(&arrived).unwrap();
        for ((arrived, len), named) in arrived.iter().zip(&lens).zip(&named) {
            let body = arrived["body"].as_str().unwrap();
            let whole = format!("[{}]", quoted(&text(*len)));
            prop_assert!(body == named || body == whole);
        }
        let first = format!("[{}]", quoted(&text(lens[0])));
        let alone = event.len() + record(&first).len();
        if alone as u64 <= limit {
            prop_assert_eq!(arrived[0]["body"].as_str(), Some(first.as_str()));
        }
    }
}
