//! Long results: a beginning and an id, pages, ranges, and never a reference.

use serde_json::{Value, json};

use crate::site::{Asked, Reply, page};
use crate::world::{Server, World};

const REFERENCE: &str = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";

fn long() -> String {
    (0..20_000).map(|line| format!("Line {line} of a long 📜 page.\n")).collect::<Vec<_>>().concat()
}

fn site(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/long" => page("text/plain; charset=utf-8", long()),
        _ => page("text/plain", format!("It says {REFERENCE} and {}.", json!([REFERENCE]))),
    }
}

async fn fetched(server: &Server, path: &str) -> Value {
    server.call("http_get", json!({ "url": format!("https://documents.test{path}") })).await
}

#[tokio::test]
async fn a_long_result_is_read_to_its_end_in_pages() {
    let world = World::new(site).await;
    let server = world.server();
    let first = fetched(&server, "/long").await["structuredContent"].clone();
    assert_eq!((&first["complete"], &first["bytes"]), (&json!(false), &json!(long().len())));
    let mut text = first["text"].as_str().expect("text").to_owned();
    let mut next = first["next_offset"].clone();
    // Another sandbox than the one that made the result.
    let other = world.server();
    while !next.is_null() {
        let arguments = json!({ "id": first["id"], "offset": next, "length": 200_000 });
        let page = other.call("get_result", arguments).await["structuredContent"].clone();
        assert_eq!(page["offset"], next);
        text.push_str(page["text"].as_str().expect("text"));
        next = page["next_offset"].clone();
    }
    assert!(text == long(), "{} of {} bytes", text.len(), long().len());
}

#[tokio::test]
async fn the_id_of_a_long_result_is_a_document_for_another_tool() {
    let world = World::new(site).await;
    let server = world.server();
    let id = fetched(&server, "/long").await["structuredContent"]["id"].clone();
    let found = server.call("document_search", json!({ "document": id, "query": "19999" })).await;
    assert!(found["content"][0]["text"].as_str().is_some_and(|text| text.contains("Line 19999")), "{found}");
}

#[tokio::test]
async fn a_long_result_is_a_resource_in_ranges() {
    let world = World::new(site).await;
    let server = world.server();
    let templates = server.result("resources/templates/list", json!({})).await;
    let uris = ["lrap://results/{id}{?offset,length}", "lrap://contents/{handle}{?offset,length}"];
    assert_eq!(templates["resourceTemplates"].as_array().expect("a list").len(), uris.len());
    let result = fetched(&server, "/long").await["structuredContent"].clone();
    let id = result["id"].as_str().expect("an id");
    assert_eq!(result["uri"], format!("lrap://results/{id}"));
    for (n, (template, kind)) in uris.iter().zip(["results", "contents"]).enumerate() {
        assert_eq!(templates["resourceTemplates"][n]["uriTemplate"], *template);
        let uri = format!("lrap://{kind}/{id}?offset=100&length=50");
        // Another sandbox than the one that made the result.
        let read = world.server().result("resources/read", json!({ "uri": uri })).await;
        let contents = &read["contents"][0];
        let text = contents["text"].as_str().expect("text");
        assert!(long()[100..].starts_with(text) && text.len() > 40, "{text}");
        assert_eq!(contents["_meta"]["bytes"], long().len());
        let next = server.result("resources/read", json!({ "uri": contents["_meta"]["next"] })).await;
        let next = next["contents"][0]["text"].as_str().expect("text");
        assert!(long()[100 + text.len()..].starts_with(next), "{next}");
    }
    assert_eq!(server.result("resources/list", json!({})).await["resources"], json!([]));
}

#[tokio::test]
async fn no_reply_holds_a_reference() {
    let world = World::new(site).await;
    let result = fetched(&world.server(), "/").await;
    let spelt = result.to_string();
    assert!(spelt.contains("@ content:1:dynamodb"), "{spelt}");
    assert!(!spelt.contains("@content:"), "{spelt}");
}

#[tokio::test]
async fn an_id_that_is_none_is_said_to_the_model() {
    let world = World::new(site).await;
    let server = world.server();
    for id in ["nothing", "1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13", "1:dynamodb:cut"] {
        let result = server.call("get_result", json!({ "id": id })).await;
        assert_eq!(result["isError"], true, "{id}: {result}");
    }
}
