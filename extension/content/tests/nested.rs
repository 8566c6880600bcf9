//! JSON text inside of strings is searched to any depth, as long as that costs no more than it may. What was not searched is
//! never taken to hold nothing.
#![allow(clippy::unwrap_used, missing_docs)]

mod documents;

use bytes::Bytes;
use documents::{by_hand, quoted, unwrapped};
use long_content::hydrate::{self, Hydration, Search, TooLarge};
use long_content::outgoing::{Outgoing, Terms};
use long_content::reference::{Content, ContentRef, Scope, Ttl};

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
fn text_that_holds_no_reference_or_is_no_container_is_not_decoded() {
    for text in
        ["plain\n@content:", " \t\"@content:\"", "[\"content\"]", "\"[@content:\"", "{\"a\":[\"\\u0040content:\"]}"]
    {
        assert!(!is_too_deep(format!("[{}]", quoted(text)), 0), "{text}");
    }
    for text in ["[\"@content:\"]", " \r\n{\"@content:\":0}"] {
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
