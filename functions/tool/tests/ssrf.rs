//! The table of attacks against `http_get`: each is a result in words, and opens no connection.

use serde_json::json;

use crate::site::attacks::{ALLOWED, REFUSED, inside, trapped};
use crate::site::{Site, page};
use crate::world::World;

#[tokio::test]
async fn what_is_refused_is_said_and_opens_no_connection() {
    let world = World::new(|_| page("text/plain", "public")).await;
    let trap = Site::start(&world.authority, "documents.test", |_| page("text/plain", "private")).await;
    let endpoints = [inside(&world.site), trapped(&trap), vec![world.site.named("documents.test")]].concat().join(",");
    let function = world.function_with([("TEST_ENDPOINTS", &endpoints), ("ALLOWED_HOSTS", ALLOWED)]);
    for (url, reason) in REFUSED {
        let error = function.error("http_get", json!({ "url": url })).await;
        assert!(error.starts_with(&format!("`url`: the URL is refused: {reason}")), "{url}: {error}");
        assert_eq!((world.site.connections(), trap.connections()), (0, 0), "{url}");
    }
    assert_eq!(function.text("http_get", json!({"url": "https://documents.test/"})).await, "public");
    assert_eq!((world.site.connections(), trap.connections()), (1, 0));
}

/// A handle of what the function may read does not make it fetch more, and neither does a page.
#[tokio::test]
async fn a_redirect_to_what_is_private_is_refused() {
    let world = World::new(|_| crate::site::elsewhere(302, "https://inside.test/latest/meta-data/")).await;
    let trap = Site::start(&world.authority, "inside.test", |_| page("text/plain", "private")).await;
    let endpoints = [inside(&world.site), trapped(&trap), vec![world.site.named("documents.test")]].concat().join(",");
    let function = world.function_with([("TEST_ENDPOINTS", endpoints.as_str())]);
    let error = function.error("http_get", json!({"url": "https://documents.test/"})).await;
    assert!(
        error.contains("redirects to a URL that is refused: `inside.test` leads to an address that is not public"),
        "{error}"
    );
    assert_eq!((world.site.connections(), trap.connections()), (1, 0));
}
