//! Long results: stored whole, shown in part, found again by their handles, and by nothing else.

use serde_json::json;

use crate::site::{Asked, Reply, page};
use crate::world::{TABLE, World};

const NEEDLE: &str = "The valve was built by Ines Okonkwo in Tromsø.";

/// Plain text of about as many bytes as the path says, with a needle at two thirds.
fn haystack(asked: &Asked) -> Reply {
    let bytes: usize = asked.path[1..].parse().expect("a number");
    page("text/plain; charset=utf-8", text_of(bytes))
}

fn text_of(bytes: usize) -> String {
    let line = |n: usize| format!("Line {n} of a long report says nothing of note about grass.\n");
    let lines = bytes / line(50_000).len();
    let hay = |from: usize, to: usize| (from..to).map(line).collect::<Vec<_>>().concat();
    format!("{}{NEEDLE}\n{}", hay(0, lines * 2 / 3), hay(lines * 2 / 3, lines))
}

/// The handle that a preview ends with.
fn handle_in(content: &str) -> String {
    let (_, handle) = content.rsplit_once("handle: ").expect("a handle");
    handle.strip_suffix(']').expect("its end").to_owned()
}

#[tokio::test]
async fn five_megabytes_are_a_preview_and_a_handle_that_the_next_tool_takes() {
    let world = World::new(haystack).await;
    let function = world.function();
    let content = function.text("http_get", json!({"url": "https://documents.test/5242880"})).await;
    assert!(content.len() <= 2048, "{} bytes", content.len());
    assert!(content.starts_with("Line 0 of a long report"), "{content}");
    let whole = text_of(5_242_880);
    assert!(content.contains(&format!("[… {} bytes in all; handle: ", whole.len())), "{content}");

    // In a sandbox that did not store it, so that it is read from the table.
    let input = json!({"document": handle_in(&content), "query": "Who built the valve?"});
    let found = world.function().text("document_search", input).await;
    assert!(found.contains(NEEDLE) && found.len() <= 2048, "{found}");
    assert!(
        found.contains(&format!("[offset {}]", whole.find(NEEDLE).expect("it is there") / 1_000_000))
            || found.contains("[offset 3")
    );
}

#[tokio::test]
async fn what_a_sandbox_stored_it_does_not_read() {
    let world = World::new(haystack).await;
    let function = world.function();
    let content = function.text("http_get", json!({"url": "https://documents.test/1048576"})).await;
    let before = world.table.meter();
    for query in ["valve", "Tromsø"] {
        function.text("document_search", json!({"document": handle_in(&content), "query": query})).await;
    }
    assert_eq!(world.table.meter(), before);
}

#[tokio::test]
async fn a_result_as_long_as_a_model_may_carry_is_whole() {
    let world = World::new(|asked| page("text/plain", "a".repeat(asked.path[1..].parse().expect("a number")))).await;
    let function = world.function();
    let whole = function.text("http_get", json!({"url": "https://documents.test/2048"})).await;
    assert_eq!(whole, "a".repeat(2048));
    assert_eq!(world.table.items().await.expect("items").len(), 0);
    let longer = function.text("http_get", json!({"url": "https://documents.test/2049"})).await;
    assert!(longer.len() <= 2048 && longer.contains("[… 2049 bytes in all; handle: 1:dynamodb:s:86400:"), "{longer}");
    assert_eq!(world.table.items().await.expect("items").len(), 1);
}

#[tokio::test]
async fn without_a_content_table_a_megabyte_is_given_whole() {
    let world = World::new(haystack).await;
    let function = world.function_with([("AGENT_CONTEXT_TABLE", "")]);
    let whole = function.text("http_get", json!({"url": "https://documents.test/1048576"})).await;
    assert_eq!(whole, text_of(1_048_576));
    let handle = "1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
    let error = function.error("document_search", json!({"document": handle, "query": "a"})).await;
    assert!(error.starts_with("`document`: handles cannot be opened here"), "{error}");
}

#[tokio::test]
async fn a_handle_that_leads_nowhere_is_said_to() {
    let world = World::new(haystack).await;
    let function = world.function();
    let content = function.text("http_get", json!({"url": "https://documents.test/100000"})).await;
    let handle = handle_in(&content);
    let size = handle.rsplit_once(':').expect("a size").1.to_owned();
    let altered = [
        (handle.replacen(&handle[20..24], "AAAA", 1), "nothing is stored under this handle"),
        (handle.replace(&size, "5"), "this handle was altered"),
        (handle.replace(":86400:", ":86401:"), "this handle was altered"),
        (handle.replace(":s:", ":j:"), "this handle was altered"),
        (handle[..40].to_owned(), "this handle was altered"),
        (handle.replace("1:dynamodb", "9:dynamodb"), "this handle was altered"),
    ];
    for (wrong, reason) in altered {
        let other = world.function();
        let error = other.error("document_search", json!({"document": wrong, "query": "valve"})).await;
        assert!(error.starts_with("`document`: ") && error.contains(reason), "{wrong}: {error}");
    }
}

#[tokio::test]
async fn a_handle_is_good_as_long_as_contents_are_kept() {
    let world = World::new(haystack).await;
    let function = world.function_with([("AGENT_CONTEXT_TABLE", TABLE), ("LRAP_CONTENT_TTL", "3600")]);
    let content = function.text("http_get", json!({"url": "https://documents.test/100000"})).await;
    assert!(handle_in(&content).contains(":s:3600:"), "{content}");
    for mut item in world.table.items().await.expect("items") {
        item["expires_at"] = json!({"N": "1000"});
        world.table.put_raw(item).await.expect("put");
    }
    let input = json!({"document": handle_in(&content), "query": "valve"});
    let error = world.function().error("document_search", input).await;
    assert!(error.contains("has expired; call again"), "{error}");
}

/// Only a parameter that is declared as content takes a handle: a URL or a query is text, whatever it looks like.
#[tokio::test]
async fn a_handle_elsewhere_is_text() {
    let world = World::new(haystack).await;
    let fetched = world.function().text("http_get", json!({"url": "https://documents.test/100000"})).await;
    let before = world.table.meter();
    let function = world.function();
    function.error("http_get", json!({"url": handle_in(&fetched)})).await;
    let input = json!({"document": "the valve, and dynamodb", "query": handle_in(&fetched)});
    let found = function.text("document_search", input).await;
    assert!(found.ends_with("\nthe valve, and dynamodb"), "{found}");
    assert_eq!(world.table.meter(), before, "nothing was read");
}
