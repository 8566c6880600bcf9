//! What a client hears while a call lasts.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use http_api::streaming::{Answer, Pieces, Streamed};
use serde_json::{Value, json};

use crate::site::page;
use crate::world::{KEY, World, event, message};

/// A web whose pages come when the sender says so.
async fn slow_world() -> (Sender<()>, World) {
    let (release, held) = channel();
    let held = Arc::new(Mutex::new(held));
    let answer = move |_: &_| {
        held.lock().expect("no panic").recv().expect("a release");
        page("text/plain", "It is there.")
    };
    (release, World::new(answer).await)
}

fn call(meta: &Value) -> Value {
    let arguments = json!({ "url": "https://documents.test/" });
    let params = json!({ "name": "http_get", "arguments": arguments, "_meta": meta });
    event("POST", "/mcp", &json!({ "x-api-key": KEY }), &message("tools/call", &params))
}

/// The message of the next event.
async fn next(pieces: &mut Pieces) -> Value {
    loop {
        let piece = pieces.next().await.expect("an event");
        let text = std::str::from_utf8(&piece).expect("text");
        if let Some(data) = text.lines().find_map(|line| line.strip_prefix("data:")) {
            return serde_json::from_str(data.trim()).expect("JSON");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_that_asks_for_progress_is_told_before_the_call_ends() {
    let (release, world) = slow_world().await;
    let answer = world.server().answer(&call(&json!({ "progressToken": "p-1" }))).await;
    let Answer::Streamed(Streamed { headers, mut pieces, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(headers["content-type"], "text/event-stream");
    let told = next(&mut pieces).await;
    assert_eq!((&told["method"], &told["params"]["progressToken"]), (&json!("notifications/progress"), &json!("p-1")));
    assert!(told["params"]["message"].as_str().is_some_and(|text| text.contains("http_get")), "{told}");
    release.send(()).expect("somebody waits");
    let mut last = next(&mut pieces).await;
    while last["method"] == "notifications/progress" {
        last = next(&mut pieces).await;
    }
    assert_eq!(last["result"]["content"][0]["text"], "It is there.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_short_call_and_one_of_an_http_api_are_one_response() {
    let (release, world) = slow_world().await;
    let mut of_api = call(&json!({ "progressToken": "p-1" }));
    of_api["requestContext"]["domainName"] = json!("api.execute-api.eu-central-1.amazonaws.com");
    of_api["headers"]["host"] = of_api["requestContext"]["domainName"].clone();
    for event in [call(&json!({ "progressToken": "p-1" })), call(&json!({})), of_api] {
        release.send(()).expect("somebody waits");
        let reply = world.server().invoke(&event).await;
        assert_eq!(reply["headers"]["content-type"], "application/json", "{reply}");
        assert!(reply["body"].as_str().is_some_and(|body| body.contains("It is there.")), "{reply}");
    }
}
