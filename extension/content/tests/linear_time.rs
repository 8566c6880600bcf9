//! What a payload costs grows with its length and with nothing else: no shape of it takes quadratic time, or stack.
//!
//! Each shape is worked on at two lengths, one eight times the other, on a thread whose stack is a small fraction of Lambda's
//! smallest. Time is the thread's own, so other load does not count; quadratic work would take 64 times as long, and the gate
//! is between.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use long_content::batch::Batch;
use long_content::envelope::Envelope;
use long_content::fit::{self, Destination};
use long_content::hydrate::{self, HydratePlan, Hydration, Search, TooLarge};
use long_content::keep::Pointer;
use long_content::markers;
use long_content::offload::{self, Limits};
use long_content::outgoing::{Outgoing, Terms};
use long_content::reference::{Content, ContentRef, Scope, Ttl};
use test_kit::linear_time::{cpu_time, time};

use crate::documents::{by_hand, quoted};

/// What is done to a payload.
type Work = fn(&Bytes);
/// A payload of about so many bytes.
type Payload = fn(usize) -> String;

const STACK: usize = 256 << 10;
/// Lengths of a payload: the second is eight times the first.
const LENGTHS: [usize; 2] = [128 << 10, 1 << 20];
/// How much longer the second may take. Caches are left behind between the two, so it is not eight.
const MOST: u32 = 24;
/// Below this, what is measured is the clock.
const NOISE: Duration = Duration::from_millis(1);

fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(STACK).spawn(work).unwrap().join().unwrap();
}

/// What took more than linear time on payloads of one shape.
fn slow(shape: &str, payload: Payload) -> Vec<String> {
    let payloads = LENGTHS.map(|len| Bytes::from(payload(len)));
    let slow = |(name, work): &(&str, Work)| {
        let short = time(NOISE, || work(&payloads[0]));
        let most = short.max(NOISE) * MOST;
        let long = time(most, || work(&payloads[1]));
        (long > most).then(|| format!("{name} of {shape}: {short:?} became {long:?}"))
    };
    WORK.iter().filter_map(slow).collect()
}

/// Everything that is done to an event or a response, each by its name.
const WORK: &[(&str, Work)] = &[
    ("envelope", |payload| assert!(Envelope::of(payload, None) != Envelope::Durable)),
    ("batch", |payload| drop(Batch::of(payload))),
    ("hydrate by record", |payload| drop(by_record(payload))),
    ("hydrate", |payload| drop(hydrated(hydrate::plan(payload), &scope()))),
    ("hydrate what is signed", |payload| drop(hydrated(hydrate::plan(payload), &signed()))),
    ("hydrate what is legacy", |payload| {
        let search = Search { reads_legacy: true, ..Search::default() };
        drop(hydrated(hydrate::plan_with(payload, search), &scope()));
    }),
    ("offload", |payload| drop(offload::plan(payload, &Limits { threshold: 5_000, ..Limits::default() }))),
    ("offload of everything", |payload| drop(offload::plan(payload, &Limits { threshold: 0, ..Limits::default() }))),
    ("fit", |payload| drop(fitted(payload, &[]))),
    ("fit around what is kept", |payload| drop(fitted(payload, &["/a/a/a/a", "/0", "/99999", "/m", "/a/b"]))),
    ("outgoing", |payload| drop(Outgoing::of(payload, &terms(scope(), Ttl::NONE)))),
    ("outgoing, signed", |payload| {
        let terms = Terms { max_content_size: 0, ..terms(signed(), Ttl::seconds(86_400)) };
        drop(Outgoing::of(payload, &terms));
    }),
    ("break markers", |payload| drop(markers::break_all(payload, &[]))),
    ("outgoing what came in", |payload| {
        let kept = hydrate::plan(payload).references().to_vec();
        drop(Outgoing::of(payload, &Terms { kept, ..terms(scope(), Ttl::NONE) }));
    }),
];

/// Terms on which the shorter payload does not fit either, so that the same is done to both.
fn terms(scope: Scope, ttl: Ttl) -> Terms {
    Terms { max_payload_size: Some(LENGTHS[0] / 2), ..Terms::new(scope, ttl) }
}

fn scope() -> Scope {
    Scope::new("AgentContext-test")
}

fn reference(content: &str) -> ContentRef {
    scope().reference(Ttl::NONE, &Content::string(content.to_owned()))
}

/// The same with a key.
fn signed() -> Scope {
    scope().signed_by("a-signing-key-of-24-bytes".parse().unwrap())
}

/// The event with a content for each reference that may be read.
fn hydrated(plan: HydratePlan, scope: &Scope) -> Option<Bytes> {
    let mut hydration = Hydration::new(plan);
    for reference in hydration.wanted() {
        let admitted = scope.admits(&reference).ok();
        hydration.add(reference, admitted.map(|()| Bytes::from_static(b"\"content\"\n")));
    }
    hydration.finish(1 << 30).ok()
}

/// A batch with contents in those of its records that fit.
fn by_record(event: &Bytes) -> Option<Bytes> {
    let batch = Batch::of(event)?;
    let (plan, _) = hydrate::plan(event).by_record(&batch);
    let mut hydration = Hydration::new(plan);
    for reference in hydration.wanted() {
        hydration.add(reference, Some(Bytes::from_static(b"\"content\"\n")));
    }
    hydration.leave_too_deep(&batch);
    hydration.leave_too_large(&batch, event.len() as u64 / 2);
    hydration.finish(1 << 30).ok()
}

fn fitted(response: &Bytes, keep: &[&str]) -> Option<Bytes> {
    let keep: Vec<Pointer> = keep.iter().map(|pointer| pointer.parse().unwrap()).collect();
    let plan =
        fit::plan(response, &Destination { max_size: 1_000, keep: &keep, ttl: Ttl::NONE, is_signed: false }).ok()?;
    let references: Vec<_> = plan.contents().iter().map(|content| scope().reference(Ttl::NONE, content)).collect();
    Some(plan.apply(&references))
}

fn repeated(piece: &str, len: usize) -> String {
    piece.repeat(len / piece.len())
}

/// An array of as many as `len` bytes hold.
fn array(item: impl Fn(usize) -> String, len: usize) -> String {
    let mut text = "[0".to_owned();
    let mut index = 0;
    while text.len() < len {
        text.push(',');
        text.push_str(&item(index));
        index += 1;
    }
    text + "]"
}

/// Containers inside of containers around a reference, to `len` bytes.
fn nested(open: &str, close: &str, len: usize) -> String {
    let depth = len / (open.len() + close.len());
    format!("{}\"{}\"{}", open.repeat(depth), reference("deep"), close.repeat(depth))
}

/// JSON text inside of JSON text, the deepest that `len` bytes hold.
fn texts_in_texts(len: usize) -> String {
    by_hand((len / 5).isqrt(), &reference("deep").to_string())
}

/// References to contents of their own, by a scope that signs them.
fn signed_references(scope: &Scope, len: usize) -> String {
    let reference = |index: usize| scope.reference(Ttl::seconds(86_400), &Content::string(index.to_string()));
    array(|index| format!("\"{}\"", reference(index)), len)
}

/// A reference of the forerunner's.
fn legacy(index: usize) -> String {
    format!("\"@content:dynamodb:table:record-00000000-0000-0000-0000-{index:012}\"")
}

/// Something short as deep as a search gets because something long and plain pays for it.
fn deep_beside_plain(len: usize) -> String {
    let depth = (1..1 << 12).find(|depth| depth * depth * depth > 14 * len).unwrap();
    format!("[\"{}\",{}]", "x".repeat(len), by_hand(depth, &reference("deep").to_string()))
}

/// Payloads to look for trouble with, each by its name.
const SHAPES: &[(&str, Payload)] = &[
    ("arrays", |len| nested("[", "]", len)),
    ("objects", |len| nested(r#"{"a":"#, "}", len)),
    ("arrays in objects", |len| nested("[{\"a\": ", " }\n]", len)),
    ("arrays that do not end", |len| repeated("[", len)),
    ("arrays inside of text", |len| quoted(&nested("[", "]", len))),
    ("texts in texts, spelt to get deep", texts_in_texts),
    ("texts in texts beside plain text", deep_beside_plain),
    ("many texts in texts", |len| array(|_| by_hand(30, &reference("deep").to_string()), len)),
    ("many texts in texts too deep to be searched", |len| array(|_| by_hand(100, "@content:"), len)),
    ("a string of escapes", |len| format!("\"{}\"", repeated(r#"\\\"\n\u00e9\ud83d\ude00"#, len))),
    ("a string of escapes and a look-alike", |len| format!("\"[{}@content:\"", repeated(r#"\"\","#, len))),
    ("a member of escapes", |len| format!("{{\"a\":\"{}\"}}", repeated("\\u0040", len))),
    ("a key of escapes", |len| format!("{{\"{}\":\"requestContext\"}}", repeated("\\u0040", len))),
    ("backslashes before a look-alike", |len| format!("\"{}@content:\"", repeated(r"\\", len))),
    ("look-alikes in one string", |len| format!("\"{}\"", repeated("@content:", len))),
    ("look-alikes in one escaped string", |len| format!("\"{}\\n\"", repeated("@content:", len))),
    ("look-alikes without a string", |len| repeated("@content:", len)),
    ("look-alikes in a string that never ends", |len| format!("[\"{}", repeated("@content:", len))),
    ("look-alikes in text without a string", |len| format!("\"[{}\\n\"", repeated("@content:", len))),
    ("look-alikes in text that never ends", |len| format!("\"[\\\"{}\"", repeated("@content:", len))),
    ("look-alikes as keys", |len| format!("{{{}\"\":0}}", repeated("\"@content:\":0,", len))),
    ("look-alikes", |len| array(|_| "\"@content:\"".into(), len)),
    ("look-alikes inside of texts", |len| array(|_| r#""[\"@content:\",\"\\u0040content:\"]""#.into(), len)),
    ("look-alikes inside of one text", |len| quoted(&array(|_| "\"@content:\"".into(), len))),
    ("look-alikes in pairs", |len| array(|_| r#"{"a":["@content:","@content:"],"b":{"c":"@content:"}}"#.into(), len)),
    ("look-alikes, each deeper than the one before", |len| {
        let depth = len / 13;
        format!("{}0{}", r#"["@content:","#.repeat(depth), "]".repeat(depth))
    }),
    ("look-alikes behind many brackets", |len| {
        let depth = len / 2;
        format!("{}{}{}", "[".repeat(depth), array(|_| "\"@content:\"".into(), 3_000), "]".repeat(depth))
    }),
    ("malformed references", |len| array(|_| "\"@content:1:dynamodb:s:none:x\"".into(), len)),
    ("signed references", |len| signed_references(&signed(), len)),
    ("signed references of another table", |len| {
        signed_references(&Scope::new("other").signed_by("a-signing-key-of-24-bytes".parse().unwrap()), len)
    }),
    ("references signed by a key that is unknown", |len| {
        signed_references(&scope().signed_by("another-signing-key-of-32-bytes!".parse().unwrap()), len)
    }),
    ("signed references cut short", |len| {
        array(
            |index| {
                let whole = signed().reference(Ttl::NONE, &Content::string(index.to_string())).to_string();
                format!("\"{}\"", &whole[..whole.len() - 5])
            },
            len,
        )
    }),
    ("legacy references", |len| array(legacy, len)),
    ("almost legacy references", |len| array(|index| legacy(index).replace("record-0", "record-g"), len)),
    ("legacy references inside of one text", |len| quoted(&array(legacy, len))),
    ("references, each in a text of its own", |len| {
        array(|index| quoted(&format!("[\"{}\"]", reference(&index.to_string()))), len)
    }),
    ("texts that hold none", |len| array(|_| r#""[\"x@content:\"]""#.into(), len)),
    ("texts that are not JSON", |len| array(|_| r#""[\"@content:\",]""#.into(), len)),
    ("references", |len| array(|index| format!("\"{}\"", reference(&index.to_string())), len)),
    ("one reference over and over", |len| array(|_| format!("\"{}\"", reference("one")), len)),
    ("references inside of one text", |len| {
        quoted(&quoted(&array(|index| format!("\"{}\"", reference(&index.to_string())), len / 2)))
    }),
    ("white space behind a string", |len| format!("{{\"@content:\"{}:0}}", repeated(" ", len))),
    ("white space behind strings", |len| array(|_| format!("\"@content:\"{}", " ".repeat(1_000)), len)),
    ("white space", |len| repeated(" ", len)),
    ("records of a batch", |len| {
        let record =
            |index: usize| format!(r#"{{"eventSource":"aws:sqs","body":"{}"}}"#, reference(&index.to_string()));
        format!("[{}", &array(record, len)[3..])
    }),
    ("records that are too deep", |len| {
        let record = |_| format!(r#"{{"eventSource":"aws:sqs","body":{}}}"#, by_hand(100, "@content:"));
        format!("[{}", &array(record, len)[3..])
    }),
    ("short strings", |len| array(|_| "\"\"".into(), len)),
    ("strings just too long", |len| array(|index| format!("\"{index:01500}\""), len)),
    ("one name over and over", |len| format!("{{{}\"a\":0}}", repeated("\"a\":{\"a\":{\"b\":1}},", len))),
    ("names of envelopes", |len| format!("{{{}\"type\":0}}", repeated("\"requestContext\":0,\"info\":0,", len))),
    ("members of an envelope's member", |len| {
        format!("{{\"requestContext\":{{{}\"apiId\":0}}}}", repeated("\"elb\":0,\"stage\":1,", len))
    }),
    ("a batch of AppSync's", |len| array(|_| r#"{"info":{"fieldName":"f"},"arguments":{}}"#.into(), len)),
    ("escaped names of envelopes", |len| format!("{{\"raw_path\":0,{}\"a\":0}}", repeated("\"\\u0069nfo\":0,", len))),
    ("many small members", |len| format!("{{{}\"m\":0}}", repeated("\"key\":1.0,", len))),
    ("numbers", |len| array(|_| "-1.5e300".into(), len)),
    ("one number", |len| repeated("7", len)),
    ("quotation marks", |len| repeated("\"", len)),
    ("backslashes", |len| repeated("\\", len)),
];

#[test]
fn no_shape_takes_more_than_linear_time_or_stack() {
    on_a_small_stack(|| {
        let slow: Vec<_> = SHAPES.iter().flat_map(|(shape, payload)| slow(shape, *payload)).collect();
        assert!(slow.is_empty(), "{slow:#?}");
    });
}

/// The documents of the acceptance, at full size: within a bound that only a mistake reaches, on the same small stack.
#[test]
fn a_hundred_thousand_levels_and_ten_megabytes_of_escapes_pass() {
    let documents: [fn() -> String; 6] = [
        || nested("[", "]", 200_000),
        || nested(r#"{"a":"#, "}", 600_000),
        || nested(r#"[{"a":"#, "}]", 800_000),
        || quoted(&nested("[", "]", 200_000)),
        || texts_in_texts(10 << 20),
        || format!("[\"{}\", \"{}\"]", repeated(r#"\\\"\n\u00e9"#, 10 << 20), reference("deep")),
    ];
    for document in documents {
        on_a_small_stack(move || {
            let payload = Bytes::from(document());
            let before = cpu_time();
            for (_, work) in WORK {
                work(&payload);
            }
            let taken = cpu_time().saturating_sub(before);
            assert!(taken < Duration::from_secs(5), "{taken:?}");
        });
    }
}

#[test]
fn a_reference_a_hundred_thousand_levels_deep_is_hydrated() {
    on_a_small_stack(|| {
        let deep = nested("[", "]", 200_000);
        let arrived = hydrated(hydrate::plan(&Bytes::from(deep.clone())), &scope()).unwrap();
        assert!(arrived == deep.replace(&reference("deep").to_string(), r#"\"content\"\n"#));
    });
}

/// However deep encoders' backslashes get within 6 MB, the reference there is found.
#[test]
fn a_reference_as_deep_as_escapes_of_encoders_get_is_hydrated() {
    on_a_small_stack(|| {
        let wrap = |text: String| format!("[{}]", quoted(&text));
        let mut event = format!("[\"{}\"]", reference("deep"));
        let mut depth = 0;
        while event.len() < 3 << 20 {
            event = wrap(event);
            depth += 1;
        }
        assert!(depth >= 18, "{depth}");
        let arrived = hydrated(hydrate::plan(&event.into()), &scope()).unwrap();
        let mut text = String::from_utf8(arrived.to_vec()).unwrap();
        for _ in 0..depth {
            let [inner]: [String; 1] = serde_json::from_str(&text).unwrap();
            text = inner;
        }
        assert_eq!(text, r#"["\"content\"\n"]"#);
    });
}

/// Contents that hold each other, most of them named in one event: a chain of them costs no stack.
#[test]
fn contents_in_contents_in_contents_cost_no_stack() {
    const LINKS: usize = 5_000;
    on_a_small_stack(|| {
        let mut chain = vec![Content::json("[0]")];
        for link in 0..LINKS {
            let inner = scope().reference(Ttl::NONE, &chain[link]);
            chain.push(Content::json(format!("[\"{inner}\"]")));
        }
        let references: Vec<_> = chain.iter().map(|content| scope().reference(Ttl::NONE, content)).collect();
        let event = array(|index| format!("\"{}\"", references[LINKS - index]), 50 * LINKS);
        let mut hydration = Hydration::new(hydrate::plan(&event.into()));
        let contents: HashMap<_, _> = references.into_iter().zip(chain).collect();
        loop {
            let wanted = hydration.wanted();
            if wanted.is_empty() {
                break;
            }
            for reference in wanted {
                hydration.add(reference, Some(contents[&reference].bytes.clone()));
            }
        }
        assert!(hydration.finish(1 << 30).is_ok());
    });
}

/// What escapes would make of a content is known before it is made.
#[test]
fn an_event_that_escapes_make_too_large_is_refused_before_it_costs_anything() {
    let marks = Content::string("\"".repeat(5 << 20));
    let named = scope().reference(Ttl::NONE, &marks);
    let event = (0..16).fold(format!("[\"{named}\"]"), |text, _| format!("[{}]", quoted(&text)));
    let mut hydration = Hydration::new(hydrate::plan(&event.into()));
    assert_eq!(hydration.wanted(), [named]);
    hydration.add(named, Some(marks.bytes));
    let before = cpu_time();
    assert!(hydration.size() > 5 << 36);
    assert!(matches!(hydration.finish(32 << 20), Err(TooLarge::Bytes(size)) if size > 5 << 36));
    assert!(cpu_time().saturating_sub(before) < Duration::from_secs(1));
}
