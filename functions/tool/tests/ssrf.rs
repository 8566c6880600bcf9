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

/// The answer that is checked is the answer that is used: there is no second lookup to be lied to in.
#[tokio::test]
async fn a_name_that_changes_its_answer_gains_nothing() {
    let world = World::new(|_| page("text/plain", "public")).await;
    let site = Site::start(&world.authority, "rebind.test", |_| page("text/plain", "public")).await;
    let trap = Site::start(&world.authority, "rebind.test", |_| page("text/plain", "private")).await;
    let changing = vec![site.named("rebind.test"), "rebind.test=10.0.0.5:443".to_owned()];
    let endpoints = [changing, trapped(&trap)].concat().join(",");
    let function = world.function_with([("TEST_ENDPOINTS", endpoints.as_str())]);
    let input = json!({"url": "https://rebind.test/"});
    assert_eq!(function.text("http_get", input.clone()).await, "public");
    let error = function.error("http_get", input).await;
    assert!(error.contains("`rebind.test` leads to an address that is not public"), "{error}");
    assert_eq!((site.connections(), trap.connections()), (1, 0));
}
