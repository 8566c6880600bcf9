//! A response of any size fits or is refused, and comes back as it was: documents from one byte to 20 MB, of every shape that
//! is decided in a separate way, with and without signing.

use std::fmt::Write as _;

use bytes::Bytes;
use fastrand::Rng;
use long_content::outgoing::{Outgoing, Terms};
use long_content::reference::{Content, ContentRef, Kind, Scope, Ttl};

use crate::documents::{by_hand, quoted};
use crate::fuzz::{hydrated, meaning};

/// A document of about so many bytes.
type Shape = fn(usize, &mut Rng) -> String;

/// Every shape, by its name.
const SHAPES: &[(&str, Shape)] = &[
    ("a number", |len, random| (0..len).map(|_| random.char('1'..='9')).collect()),
    ("a string", |len, random| string_of(len, random, |random| random.alphanumeric().into())),
    ("small strings", |len, random| array(len, random, small_string)),
    ("long strings", |len, random| {
        array(len, random, |random| string_of(random.usize(4_000..8_000), random, |random| random.lowercase().into()))
    }),
    ("members of every size", |len, random| {
        let parts = std::iter::successors(Some(len), |len| Some(len / 2)).take_while(|len| *len > 40);
        let member = |part: usize| format!("\"{part}\" : {}", array(part / 2, random, small_string));
        format!("{{{}}}", parts.map(member).collect::<Vec<_>>().join(","))
    }),
    ("arrays in arrays", |len, random| {
        let depth = len / 2;
        format!("{}{}{}", "[".repeat(depth), small_string(random), "]".repeat(depth))
    }),
    ("objects in objects", |len, random| {
        let depth = len / 7;
        format!("{}{}{}", "{\"a\": ".repeat(depth), small_string(random), "}".repeat(depth))
    }),
    ("texts in texts", |len, random| {
        (0..4).fold(array(len / 2, random, small_string), |text, _| format!("[{}]", quoted(&text)))
    }),
    ("texts in texts, spelt by hand", |len, random| by_hand((len / 5).isqrt(), &random.alphanumeric().to_string())),
    ("look-alikes in texts, spelt by hand", |len, random| {
        array(len, random, |random| by_hand(random.usize(1..40), "x@content:"))
    }),
    ("numbers", |len, random| array(len, random, |random| format!("{}e{}", random.i64(..), random.i16(..)))),
    ("escapes", |len, random| {
        array(len, random, |random| string_of(random.usize(..200), random, |random| one_of(random, ESCAPES)))
    }),
    ("look-alikes", |len, random| array(len, random, |random| one_of(random, LOOK_ALIKES))),
    ("lone surrogates", |len, random| {
        array(len, random, |random| {
            string_of(random.usize(..6_000), random, |random| {
                one_of(random, &["a", "\\ud800", "\\udc00\\n", "\\ud83d\\ude00"])
            })
        })
    }),
    ("references that were handed over", |len, random| {
        array(len, random, |random| format!("\"{}\"", one_kept(random)))
    }),
];

const ESCAPES: &[&str] = &[r"\n", r#"\""#, r"\\", r"\/", r"\u0000", r"\u00e9", r"\ud83d\ude00", "é", "\u{7f}"];

const LOOK_ALIKES: &[&str] = &[
    r#""@content:""#,
    r#""\u0040content:1:""#,
    r#""[\"@content:1:dynamodb:s:none:x:1\"]""#,
    r#""{\"k\":\"[\\\"\\\\u0040content:\\\"]\"}""#,
    r#"{"@content:":"x@content:"}"#,
    r#""plain\n@content:""#,
];

fn one_of(random: &mut Rng, pieces: &[&str]) -> String {
    random.choice(pieces).unwrap().to_string()
}

fn string_of(len: usize, random: &mut Rng, piece: impl Fn(&mut Rng) -> String) -> String {
    let mut text = "\"".to_owned();
    while text.len() < len.saturating_sub(1) {
        text.push_str(&piece(random));
    }
    text + "\""
}

fn small_string(random: &mut Rng) -> String {
    string_of(random.usize(..24), random, |random| one_of(random, &["a", "ß", "世", "🦀", " ", "[", ",", "\\n"]))
}

fn array(len: usize, random: &mut Rng, item: impl Fn(&mut Rng) -> String) -> String {
    let mut text = "[ 1.0".to_owned();
    while text.len() < len {
        write!(text, ",{}", item(random)).unwrap();
    }
    text + "\n]"
}

/// References that the invocation's event held and that were handed over.
fn kept() -> Vec<ContentRef> {
    let content = |index: u8| Content::string(index.to_string());
    (0..4).map(|index| Scope::new("AgentContext-test").reference(Ttl::NONE, &content(index))).collect()
}

fn one_kept(random: &mut Rng) -> ContentRef {
    kept()[random.usize(..4)]
}

/// On which terms responses leave: by the threshold of the defaults or only to fit, signed or not.
fn terms(max_content_size: usize, is_signed: bool, size: usize) -> Terms {
    let scope = Scope::new("AgentContext-test");
    let scope = if is_signed { scope.signed_by("a-signing-key-of-24-bytes".parse().unwrap()) } else { scope };
    let max_payload_size = Some((size / 2).clamp(200, 245_760));
    Terms {
        max_content_size,
        max_payload_size,
        kept: kept().into_iter().map(Into::into).collect(),
        ..Terms::new(scope, Ttl::seconds(86_400))
    }
}

/// Sends a response and takes it back.
fn check(response: &Bytes, terms: &Terms) {
    let max_size = terms.max_payload_size.unwrap();
    let outgoing = match Outgoing::of(response, terms) {
        Ok(outgoing) => outgoing,
        Err(error) => return assert!(error.smallest > max_size && error.size >= error.smallest),
    };
    assert!(outgoing.response.len() <= max_size);
    for (reference, content) in &outgoing.contents {
        assert!(terms.scope.admits(reference).is_ok() && terms.scope.holds(reference, content));
    }
    let is_respelt = outgoing.contents.iter().any(|(reference, _)| reference.kind == Kind::String);
    let arrived = hydrated(&outgoing.response, &outgoing.contents.into_iter().collect());
    if is_respelt {
        assert!(meaning(&arrived) == meaning(response));
    } else {
        assert!(arrived == response);
    }
}

/// Some documents of every shape and about `size` bytes.
fn check_all(size: usize, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        for (name, shape) in SHAPES {
            let response = Bytes::from(shape(size, &mut Rng::with_seed(seed)));
            for (threshold, is_signed) in [(usize::MAX, seed % 2 == 1), (size.min(5_000) / 2, seed % 2 == 0)] {
                let terms = terms(threshold, is_signed, size);
                let outcome = std::panic::catch_unwind(|| check(&response, &terms));
                assert!(
                    outcome.is_ok(),
                    "{name}, {size} bytes, seed {seed}, threshold {threshold}, signed: {is_signed}"
                );
            }
        }
    }
}

#[test]
fn of_a_byte() {
    check_all(1, 0..8);
}

#[test]
fn of_a_kilobyte() {
    check_all(1 << 10, 0..64);
}

#[test]
fn of_a_hundred_kilobytes() {
    check_all(100 << 10, 0..10);
}

#[test]
fn of_a_megabyte() {
    check_all(1 << 20, 0..3);
}

#[test]
fn of_five_megabytes() {
    check_all(5 << 20, 0..1);
}

#[test]
fn of_twenty_megabytes() {
    check_all(20 << 20, 0..1);
}
