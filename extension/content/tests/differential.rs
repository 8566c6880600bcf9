//! Offloading and hydrating beside an independent reader of JSON: `serde_json`, which spells numbers as they came, keeps duplicate names
//! and decodes strings by itself. Nothing here uses the library's own idea of JSON.
//!
//! Each of 100,000 documents is made from its number alone, so a failure names the number, and `document_number` makes it again.

use std::collections::HashMap;
use std::fmt::{self, Write as _};

use bytes::Bytes;
use fastrand::Rng;
use long_content::hydrate::{self, Hydration};
use long_content::markers;
use long_content::outgoing::{Outgoing, Terms};
use long_content::reference::{ContentRef, Kind, Scope, Ttl};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

const DOCUMENTS: u64 = 100_000;

/// A document as `serde_json` reads it.
#[derive(Debug, PartialEq, Eq)]
enum Value {
    /// A number, `true`, `false` or `null`, as it is spelt.
    Scalar(String),
    /// What a string says; a lone surrogate is three bytes of it.
    String(Vec<u8>),
    Array(Vec<Value>),
    /// Members in order, duplicates included.
    Object(Vec<(Vec<u8>, Value)>),
}

struct Text(Vec<u8>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Said;
        impl Visitor<'_> for Said {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Said)
    }
}

struct Members<'a>(Vec<(Text, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = vec![];
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

impl Value {
    fn read(text: &[u8]) -> Option<Self> {
        serde_json::from_slice::<&RawValue>(text).ok().map(Self::of)
    }

    fn of(raw: &RawValue) -> Self {
        let text = raw.get();
        match text.as_bytes()[0] {
            b'"' => Self::String(serde_json::from_str::<Text>(text).unwrap().0),
            b'[' => {
                Self::Array(serde_json::from_str::<Vec<&RawValue>>(text).unwrap().into_iter().map(Self::of).collect())
            }
            b'{' => {
                let Members(members) = serde_json::from_str(text).unwrap();
                Self::Object(members.into_iter().map(|(name, value)| (name.0, Self::of(value))).collect())
            }
            _ => Self::Scalar(text.to_owned()),
        }
    }

    /// Shows `take` every string that is a value.
    fn strings(&self, take: &mut impl FnMut(&[u8])) {
        match self {
            Self::Scalar(_) => {}
            Self::String(text) => take(text),
            Self::Array(items) => items.iter().for_each(|item| item.strings(take)),
            Self::Object(members) => members.iter().for_each(|(_, member)| member.strings(take)),
        }
    }

    fn holds_look_alike(&self) -> bool {
        let mut found = false;
        self.strings(&mut |text| found = found || looks_alike(text));
        found
    }

    /// The document with contents in the places of references.
    fn filled(self, stored: &HashMap<String, (Kind, Bytes)>) -> Self {
        match self {
            Self::Scalar(_) => self,
            Self::String(text) => match std::str::from_utf8(&text).ok().and_then(|text| stored.get(text)) {
                None => Self::String(text),
                Some((Kind::String, content)) => Self::String(content.to_vec()),
                Some((Kind::Verbatim, content)) => Self::read(content).unwrap(),
                Some((Kind::Json, content)) => match Self::read(content).unwrap() {
                    text @ Self::String(_) => text,
                    container => container.filled(stored),
                },
            },
            Self::Array(items) => Self::Array(items.into_iter().map(|item| item.filled(stored)).collect()),
            Self::Object(members) => {
                Self::Object(members.into_iter().map(|(name, member)| (name, member.filled(stored))).collect())
            }
        }
    }
}

/// O4, read as it is written.
fn looks_alike(text: &[u8]) -> bool {
    text.starts_with(b"@content:") || Value::read(text).is_some_and(|value| value.holds_look_alike())
}

/// Writes documents.
struct Writer {
    random: Rng,
    text: String,
}

impl Writer {
    fn pick(&mut self, of: &[&str]) {
        self.text.push_str(of[self.random.usize(..of.len())]);
    }

    fn space(&mut self) {
        if self.random.u8(..8) == 0 {
            self.pick(&[" ", "\n", "\t ", "\r\n"]);
        }
    }

    fn document(&mut self, depth: u32) {
        self.space();
        match self.random.u8(..12) {
            0..=3 if depth > 0 => self.array(depth),
            4..=6 if depth > 0 => self.object(depth),
            7 => self.pick(&[
                "0",
                "-0",
                "1.0",
                "1e400",
                "-1E-7",
                "18446744073709551617",
                "0.10",
                "true",
                "false",
                "null",
            ]),
            _ => self.string(depth),
        }
        self.space();
    }

    fn array(&mut self, depth: u32) {
        let is_crowd = self.random.u8(..200) == 0;
        let len = if is_crowd { self.random.usize(95..130) } else { self.random.usize(..6) };
        self.text.push('[');
        for index in 0..len {
            self.text.push_str(if index > 0 { "," } else { "" });
            if is_crowd {
                write!(self.text, "\"@content:{}\"", index % 120).unwrap();
            } else {
                self.document(depth - 1);
            }
        }
        self.text.push(']');
    }

    fn object(&mut self, depth: u32) {
        self.text.push('{');
        for index in 0..self.random.usize(..6) {
            self.text.push_str(if index > 0 { "," } else { "" });
            self.space();
            match self.random.u8(..4) {
                0 => self.string(0),
                _ => self.pick(&["\"a\"", "\"b\"", "\"\\u0061\"", "\"\"", "\"@content:1:x\""]),
            }
            self.space();
            self.text.push(':');
            self.document(depth - 1);
        }
        self.text.push('}');
    }

    /// A string: pieces of all kinds, or the text of another document in one of the spellings that encoders have.
    fn string(&mut self, depth: u32) {
        self.text.push('"');
        if depth > 0 && self.random.u8(..3) == 0 {
            let inside = Self { random: self.random.fork(), text: String::new() }.written(depth - 1);
            self.spelt(&inside);
        } else {
            if self.random.u8(..4) == 0 {
                self.pick(&["@content:", "\\u0040content:", "@\\u0063onten\\u0074:", "\\u0040\\u0063ontent\\u003A"]);
            }
            for _ in 0..self.random.usize(..4) {
                self.piece();
            }
        }
        self.text.push('"');
    }

    fn piece(&mut self) {
        match self.random.u8(..12) {
            0 => self.pick(&["\\ud800", "\\uDFFF", "\\ude00\\ud83d", "\\ud83d\\ude00", "\\u0000"]),
            1 => self.pick(&["\\n", "\\\"", "\\\\", "\\/", "\\b", "\\u005c", "\\u0022"]),
            2 => self.pick(&["é", "世", "🦀", "\u{7f}", "\u{2028}"]),
            3 => self.pick(&["@content", "content:", "@content:1:", "[", "{", "\\u0040"]),
            4 => {
                let len = self.random.usize(20..60);
                self.text.extend((0..len).map(|nth| char::from(b'a' + (nth % 26) as u8)));
            }
            5 if self.random.u8(..16) == 0 => self.text.push_str(&"long ".repeat(300)),
            _ => self.pick(&["a", "bc", "text ", "1:dynamodb:s:none:x:1"]),
        }
    }

    fn spelt(&mut self, inside: &str) {
        let by_number = self.random.u8(..3);
        for character in inside.chars() {
            let must = matches!(character, '"' | '\\' | '\0'..='\x1f');
            if must && by_number > 0 || by_number == 2 && self.random.u8(..16) == 0 {
                let mut units = [0; 2];
                character.encode_utf16(&mut units).iter().for_each(|unit| write!(self.text, "\\u{unit:04x}").unwrap());
            } else if must {
                let quoted = serde_json::to_string(&character).unwrap();
                self.text.push_str(&quoted[1..quoted.len() - 1]);
            } else {
                self.text.push(character);
            }
        }
    }

    /// A document, which is an object or array where it may be one.
    fn written(mut self, depth: u32) -> String {
        match (depth, self.random.bool()) {
            (0, _) => self.document(depth),
            (_, true) => self.array(depth),
            (_, false) => self.object(depth),
        }
        self.text
    }
}

fn document_number(number: u64) -> (Rng, String) {
    let mut random = Rng::with_seed(number);
    let depth = random.u32(..6);
    let text = Writer { random: random.fork(), text: String::new() }.written(depth);
    (random, text)
}

fn hydrated(event: &Bytes, stored: &HashMap<String, (Kind, Bytes)>) -> Bytes {
    let plan = hydrate::plan(event);
    assert!(plan.malformed().is_empty(), "{:?}", plan.malformed());
    let mut hydration = Hydration::new(plan);
    loop {
        let wanted = hydration.wanted();
        if wanted.is_empty() {
            return hydration.finish(u64::MAX).unwrap();
        }
        for reference in wanted {
            let (_, content) = &stored[&reference.to_string()];
            hydration.add(reference, Some(content.clone()));
        }
    }
}

/// The event of a queue, `depth` strings around a document, and the document in such an event.
fn wrapped(document: &Bytes, depth: usize) -> Bytes {
    let text = String::from_utf8(document.to_vec()).unwrap();
    (0..depth).fold(text, |text, _| format!(r#"{{"body" : {}}}"#, serde_json::to_string(&text).unwrap())).into()
}

fn unwrapped(event: &Bytes, depth: usize) -> Vec<u8> {
    (0..depth).fold(event.to_vec(), |text, _| match Value::read(&text) {
        Some(Value::Object(members)) => match members.into_iter().next() {
            Some((_, Value::String(text))) => text,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    })
}

/// Whether spaces put into `text` make it `other`.
fn is_spaced(text: &[u8], other: &[u8]) -> bool {
    let mut rest = text;
    let fits = other.iter().all(|byte| match rest.split_first() {
        Some((first, behind)) if first == byte => {
            rest = behind;
            true
        }
        _ => *byte == b' ',
    });
    fits && rest.is_empty()
}

/// Whether a document left and came back, and what left was right.
fn check(number: u64) {
    let (mut random, text) = document_number(number);
    let (document, original) = (Bytes::from(text), || Value::read(&document_number(number).1.into_bytes()).unwrap());
    let terms = Terms {
        max_content_size: [0, 5, 30, 1_000, usize::MAX][random.usize(..5)],
        max_payload_size: [None, None, Some(400), Some(2_000)][random.usize(..4)],
        max_look_alikes: [1, 2, 3, 100][random.usize(..4)],
        ..Terms::new(Scope::new("table"), Ttl::NONE)
    };
    let Ok(outgoing) = Outgoing::of(&document, &terms) else { return };
    let entry = |(reference, content): &(ContentRef, Bytes)| (reference.to_string(), (reference.kind, content.clone()));
    let stored: HashMap<_, _> = outgoing.contents.iter().map(entry).collect();
    let (travels, threshold) = (outgoing.response, terms.max_content_size);

    let leaves_alone = |(kind, content): &&(Kind, Bytes)| {
        *kind == Kind::Verbatim || *kind == Kind::String && content.len() <= threshold
    };
    let few = stored.values().filter(leaves_alone).count() <= terms.max_look_alikes;
    assert!(
        few || terms.max_payload_size.is_some(),
        "more than {} leave for what they read like",
        terms.max_look_alikes
    );
    Value::read(&travels).unwrap().strings(&mut |text| {
        let is_reference = std::str::from_utf8(text).is_ok_and(|text| stored.contains_key(text));
        assert!(is_reference || text.len() <= threshold && !looks_alike(text), "{}", String::from_utf8_lossy(text));
    });
    assert_eq!(outgoing.has_look_alike, original().holds_look_alike());

    assert_eq!(Value::read(&travels).unwrap().filled(&stored), original(), "read by the independent reader alone");
    assert_eq!(Value::read(&hydrated(&travels, &stored)).unwrap(), original());
    let depth = random.usize(1..4);
    let event = hydrated(&wrapped(&travels, depth), &stored);
    assert_eq!(Value::read(&unwrapped(&event, depth)).unwrap(), original(), "{depth} strings deep");

    let (broken, count) = markers::break_all(&document, &[]);
    assert!(is_spaced(&document, &broken) && broken.len() == document.len() + count as usize);
    assert_eq!(count > 0, original().holds_look_alike());
    assert!(!Value::read(&broken).unwrap().holds_look_alike(), "{}", String::from_utf8_lossy(&broken));

    // What travels is text itself when a function returns it that was not handed it so.
    let Ok(again) = Outgoing::of(&travels, &terms) else { return };
    let stored: HashMap<_, _> = stored.into_iter().chain(again.contents.iter().map(entry)).collect();
    let travelled = || Value::read(&travels).unwrap();
    assert_eq!(Value::read(&again.response).unwrap().filled(&stored), travelled(), "returned again");
    assert_eq!(Value::read(&hydrated(&again.response, &stored)).unwrap(), travelled(), "returned again");
}

#[test]
fn a_hundred_thousand_documents_leave_and_come_back_as_an_independent_reader_reads_them() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let check = |number| {
        let outcome = std::panic::catch_unwind(|| check(number));
        assert!(outcome.is_ok(), "document {number}: {}", document_number(number).1);
    };
    std::thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || (first..DOCUMENTS).step_by(threads as usize).for_each(check));
        }
    });
}

/// The documents are worth reading: each kind of trouble is in some of them.
#[test]
fn the_documents_hold_every_kind_of_trouble() {
    let documents: Vec<_> = (0..5_000).map(|number| document_number(number).1).collect();
    let count = |is: &dyn Fn(&str) -> bool| documents.iter().filter(|text| is(text)).count();
    let read = |text: &str| Value::read(text.as_bytes()).unwrap();
    assert_eq!(count(&|text| Value::read(text.as_bytes()).is_none()), 0);
    assert!(count(&|text| read(text).holds_look_alike()) > 500);
    assert!(count(&|text| text.contains("\\u0040content:")) > 100);
    assert!(count(&|text| text.contains("\\u005cu0022") || text.contains("\\\\\\\"")) > 100, "text inside of text");
    assert!(count(&|text| text.contains("1e400")) > 100);
    assert!(count(&|text| text.contains("\\ud800")) > 100);
    let mut crowds = 0;
    for text in &documents {
        let mut look_alikes = 0;
        read(text).strings(&mut |text| look_alikes += usize::from(looks_alike(text)));
        crowds += usize::from(look_alikes > 100);
    }
    assert!(crowds > 5, "{crowds}");
    let has_twins = |value: &Value| match value {
        Value::Object(members) => {
            members.iter().enumerate().any(|(nth, (name, _))| members[..nth].iter().any(|(other, _)| other == name))
        }
        _ => false,
    };
    assert!(count(&|text| has_twins(&read(text))) > 50, "names that occur twice");
}
