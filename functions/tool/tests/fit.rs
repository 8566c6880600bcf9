//! What other functions give as results of tools: any JSON becomes text, or blocks, that a model reads and a state holds.

use serde_json::{Value, json};

use crate::site::page;
use crate::world::World;

async fn fitted(world: &World, reply: Value) -> (Value, bool) {
    let mut given = world.function().service(json!({ "type": "fit", "reply": reply })).await;
    (given["content"].take(), given["is_error"] == true)
}

#[tokio::test]
async fn any_json_is_a_result() {
    let world = World::new(|_| page("text/plain", "")).await;
    let block = json!([{ "type": "text", "text": "a" }]);
    for (reply, content, is_error) in [
        (json!({ "type": "tool_result", "content": "fine", "is_error": false }), json!("fine"), false),
        (json!({ "content": "broken", "is_error": true }), json!("broken"), true),
        (json!({ "content": { "degrees": 7 } }), json!("{\"degrees\":7}"), false),
        (json!({ "degrees": 7 }), json!("{\"degrees\":7}"), false),
        (json!({ "content": block }), block.clone(), false),
        (json!({ "content": [] }), json!("[]"), false),
        (json!(null), json!("null"), false),
        (json!([1, "a"]), json!("[1,\"a\"]"), false),
        (json!(7.5), json!("7.5"), false),
        (json!("text"), json!("text"), false),
    ] {
        assert_eq!(fitted(&world, reply.clone()).await, (content, is_error), "{reply}");
    }
}

#[tokio::test]
async fn a_text_that_the_layer_takes_out_stays_whole_and_a_very_long_one_is_a_preview() {
    let world = World::new(|_| page("text/plain", "")).await;
    let whole = "word ".repeat(13_000);
    assert_eq!(fitted(&world, json!({ "content": whole })).await.0, json!(whole));
    assert_eq!(world.table.items().await.expect("items").len(), 0);
    let preview = fitted(&world, json!({ "content": "word ".repeat(60_000) })).await.0;
    let preview = preview.as_str().expect("a text");
    assert!(preview.len() <= 2048 && preview.contains("300000 bytes in all; handle: 1:dynamodb"), "{preview}");
}

#[tokio::test]
async fn nothing_makes_a_result_longer_than_its_share_of_a_state() {
    let world = World::new(|_| page("text/plain", "")).await;
    let blocks: Vec<_> = (0..60).map(|_| json!({ "type": "text", "text": "x".repeat(4000) })).collect();
    for reply in [json!("\u{1}".repeat(4900)), json!(vec![1; 100_000]), json!({ "content": blocks })] {
        let content = fitted(&world, reply).await.0;
        let inline = content.as_str().is_some_and(|text| text.len() > 5000) || content.to_string().len() <= 12_500;
        assert!(inline, "{} bytes", content.to_string().len());
    }
}
