//! The promise of the whole: function A answers any JSON document, function B receives the same one.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use test_kit::World;
use test_kit::json::quote;

/// Any JSON document with strings around the thresholds, beside escapes, surrogates and what looks like a reference.
fn document() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        4 => "[ -~éß€😀\n\t\"\\\\\u{0}]{0,80}",
        1 => "[a-z]{150,300}",
        1 => "@content:[0-9]{0,2}:?[a-z:]{0,20}",
        1 => any::<String>(),
    ];
    let leaf = prop_oneof![
        4 => text.prop_map(Value::String),
        1 => any::<i64>().prop_map(|number| json!(number)),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let members = prop::collection::btree_map("[a-z@:\"é]{0,12}", inner.clone(), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::Array),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The document as one of the encoders that there are spells it.
fn spell(document: &Value, ascii: bool) -> String {
    let text = document.to_string();
    if !ascii {
        return text;
    }
    let units = |character: char| {
        let mut buffer = [0; 2];
        let units = character.encode_utf16(&mut buffer).iter().map(|unit| format!("\\u{unit:04x}"));
        units.collect::<String>()
    };
    // The prefix of references is spelt as PHP and careful encoders might; every other ASCII character as everybody does.
    text.chars()
        .map(|character| if character.is_ascii() && character != '@' { character.into() } else { units(character) })
        .collect()
}

/// Sends the document from one sandbox to another; what left, and what arrived.
async fn travel(sandboxes: &Mutex<(World, World)>, document: &str) -> (Vec<u8>, Vec<u8>) {
    let (writer, reader) = &mut *sandboxes.lock().await;
    let sent = writer.respond(document).await.body;
    let delivered = reader.deliver(sent.as_slice()).await.body;
    (sent, delivered)
}

fn every_document_arrives(threshold: usize) {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sandboxes = Arc::new(tokio.block_on(async {
        let writer = World::start().with("MAX_CONTENT_SIZE", threshold).with_table().await;
        let reader = writer.reader().await;
        Mutex::new((writer, reader))
    }));
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(document(), any::<bool>()), |(document, ascii)| {
        let spelt = spell(&document, ascii);
        let (sent, arrived) = tokio.block_on(travel(&sandboxes, &spelt));
        prop_assert_eq!(&serde_json::from_slice::<Value>(&arrived).unwrap(), &document);
        if sent == spelt.as_bytes() {
            prop_assert_eq!(arrived, spelt.as_bytes());
        }
        let longest = longest_string(&serde_json::from_slice(&sent).unwrap());
        prop_assert!(longest <= threshold.max(160), "{} bytes stayed", longest);
        Ok(())
    });
    // The children end with the runtime that drives them.
    let _entered = tokio.enter();
    drop(sandboxes);
    outcome.unwrap();
}

fn longest_string(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(longest_string).max().unwrap_or_default(),
        Value::Object(members) => members.values().map(longest_string).max().unwrap_or_default(),
        _ => 0,
    }
}

#[test]
fn every_document_arrives_with_a_threshold_of_0() {
    every_document_arrives(0);
}

#[test]
fn every_document_arrives_with_a_threshold_of_20() {
    every_document_arrives(20);
}

#[test]
fn every_document_arrives_with_a_threshold_of_200() {
    every_document_arrives(200);
}

#[tokio::test]
async fn a_megabyte_crosses_five_functions_and_is_the_same() {
    let mut world = World::start().with_table().await;
    let document = format!(r#"{{"text":{},"n":1e400}}"#, quote(&test_kit::json::text(1024 * 1024)));
    let mut carried = world.respond(document.as_str()).await.body;
    for _ in 0..5 {
        let mut function = world.reader().await;
        let event = function.deliver(carried.as_slice()).await.body;
        assert!(event == document.as_bytes());
        let handed_on = function.respond(event).await.body;
        assert_eq!(handed_on, carried, "the same content travels as the same reference");
        carried = handed_on;
    }
}
