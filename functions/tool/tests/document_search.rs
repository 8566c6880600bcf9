//! Passages of a text, or of what a handle names.

use serde_json::json;

use crate::site::status;
use crate::world::World;

#[tokio::test]
async fn passages_come_with_their_offsets() {
    let world = World::new(|_| status(404)).await;
    let document = format!("{0}The reactor stands in Oruro.\n{0}", "Nothing of note.\n".repeat(2000));
    let text = world.function().text("document_search", json!({"document": document, "query": "reactor"})).await;
    let (heading, passage) = text.split_once("\n\n").expect("a passage");
    assert_eq!(heading, format!("1 passage of a document of {} bytes, best first:", document.len()));
    let (label, passage) = passage.split_once('\n').expect("a label");
    let offset: usize = label.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("an offset");
    assert!(passage.contains("The reactor stands in Oruro.") && document[offset..].starts_with(passage), "{text}");
}

#[tokio::test]
async fn however_much_is_found_a_model_can_carry_it() {
    let world = World::new(|_| status(404)).await;
    let function = world.function();
    let document = "The needle 針 is in the häystack. ".repeat(10_000);
    for count in 1..=8 {
        let input = json!({"document": document, "query": "needle häystack", "max_passages": count});
        let text = function.text("document_search", input).await;
        assert_eq!(text.matches("[offset ").count(), count);
        assert!(text.len() <= 2048 && text.len() > 300, "{} bytes", text.len());
    }
    assert_eq!(world.table.items().await.expect("items").len(), 0, "nothing had to be stored");
}

#[tokio::test]
async fn what_is_not_there_is_an_answer() {
    let world = World::new(|_| status(404)).await;
    let input = json!({"document": "Nothing of note.", "query": "reactor"});
    let text = world.function().text("document_search", input).await;
    assert_eq!(text, "No word of the query is in the document of 16 bytes.");
}
