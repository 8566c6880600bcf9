//! O4 and O11: text that reads like a reference, however much of it a response or an error holds. What storing it costs is counted at the
//! binary: requests, items and log for each response.

use std::sync::Arc;

use lambda_local::table::{Fault, Faults};
use long_content::offload::MAX_LOOK_ALIKES;
use serde_json::{Value, json};

use test_kit::json::{noise, quote, text};
use test_kit::peer::State;
use test_kit::world::Builder;
use test_kit::{Event, Exchange, Reply, Request, World};

/// Requests that any response costs at most, whatever it holds: a look at what is there, then batches of 25 items.
const MOST_REQUESTS: u64 = 8;

/// `count` strings that read like references, no two alike.
fn look_alikes(count: usize) -> Vec<String> {
    (0..count).map(|nth| format!("@content:{nth}")).collect()
}

/// What Lambda got for `response`, which costs few contents, requests and lines, and comes back byte for byte.
async fn sent_for(settings: Builder, response: &str) -> Value {
    let mut world = settings.with_table().await;
    let before = world.table().meter();
    let sent = world.respond(response).await;
    let cost = world.table().meter().since(&before);
    assert!(cost.items_written <= MAX_LOOK_ALIKES as u64, "{cost:?}");
    assert!(cost.total_requests() <= MOST_REQUESTS, "{cost:?}");
    assert_eq!(world.extension.logged(), "");
    let arrived = sent.json();
    let back = world.reader().await.deliver(sent.body).await.body;
    assert!(back == response.as_bytes(), "{} bytes became {}", response.len(), back.len());
    arrived
}

fn is_whole(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("@content:1:dynamodb:v:"))
}

#[tokio::test]
async fn o11_twenty_thousand_look_alikes_leave_with_what_holds_them() {
    let response = json!({"status": "ok", "items": look_alikes(20_000), "one": "@content:"}).to_string();
    let sent = sent_for(World::start(), &response).await;
    assert_eq!(sent["status"], "ok");
    assert!(is_whole(&sent["items"]) && !is_whole(&sent["one"]), "{sent}");
}

#[tokio::test]
async fn o11_a_hundred_leave_one_by_one_and_one_more_does_not() {
    let hundred = json!({"items": look_alikes(MAX_LOOK_ALIKES)}).to_string();
    let sent = sent_for(World::start(), &hundred).await;
    assert!(sent["items"].as_array().unwrap().iter().all(|item| item.as_str().unwrap().contains(":dynamodb:s:")));
    let more = json!({"items": look_alikes(MAX_LOOK_ALIKES + 1)}).to_string();
    assert!(is_whole(&sent_for(World::start(), &more).await["items"]));
}

#[tokio::test]
async fn o11_only_the_smallest_containers_leave() {
    let record = |nth: usize| json!({"id": nth, "texts": [format!("@content:{nth}"), format!("@content:{nth}b")]});
    let response = json!({"records": (0..60).map(record).collect::<Vec<_>>(), "many": look_alikes(5_000)}).to_string();
    let sent = sent_for(World::start(), &response).await;
    assert!(is_whole(&sent["many"]));
    let records = sent["records"].as_array().unwrap();
    let whole = records.iter().filter(|record| is_whole(&record["texts"])).count();
    assert_eq!(whole, 21, "a hundred in all: 1, 21 and twice 39");
    assert!(records.iter().enumerate().all(|(nth, record)| record["id"] == nth));
}

#[tokio::test]
async fn o11_what_keeps_a_container_inline_does_not_keep_a_crowd() {
    let response = json!({"items": look_alikes(500), "status": "ok"}).to_string();
    for keep in ["/items", "/items/**", "/**", "/items/* /status"] {
        let sent = sent_for(World::start().with("LRAP_KEEP", keep), &response).await;
        assert!(is_whole(&sent["items"]) && sent["status"] == "ok", "{keep}: {sent}");
    }
}

#[tokio::test]
async fn o11_the_root_leaves_when_they_stand_directly_in_it() {
    assert!(is_whole(&sent_for(World::start(), &json!(look_alikes(300)).to_string()).await));
    let members: serde_json::Map<_, _> =
        look_alikes(300).into_iter().enumerate().map(|(nth, text)| (nth.to_string(), text.into())).collect();
    assert!(is_whole(&sent_for(World::start(), &Value::Object(members).to_string()).await));
}

#[tokio::test]
async fn o11_text_that_holds_many_leaves_as_one_string() {
    let inside = json!(look_alikes(10_000)).to_string();
    for text in [inside.clone(), json!({"a": inside}).to_string()] {
        let sent = sent_for(World::start(), &json!({"text": text, "n": 1}).to_string()).await;
        assert!(sent["text"].as_str().unwrap().contains(":dynamodb:s:") && sent["n"] == 1, "{sent}");
    }
}

#[tokio::test]
async fn o11_keys_do_not_count() {
    let keys: serde_json::Map<_, _> = look_alikes(300).into_iter().map(|text| (text, 1.into())).collect();
    let response = json!({"keys": keys, "one": "@content:x"}).to_string();
    let sent = sent_for(World::start(), &response).await;
    assert_eq!(sent["keys"], Value::Object(keys));
}

/// Long strings and short ones, spelt in every way, in a document larger than its destination takes.
#[tokio::test]
async fn o11_a_crowd_beside_long_strings_fits_and_comes_back() {
    let items: Vec<_> =
        (0..3_000).map(|nth| format!(r#"{{"a":"\u0040content:{nth}","\u0062":[1e400,"{{}}"]}}"#)).collect();
    let long = quote(&text(9_000));
    let response = format!(r#"{{"items" : [{}], "long":{long},"n":[{}0]}}"#, items.join(", "), "1.0,".repeat(90_000));
    let sent = sent_for(World::start(), &response).await;
    assert!(is_whole(&sent["items"]), "{sent}");
}

#[tokio::test]
async fn o11_a_crowd_that_cannot_be_stored_fails_the_invocation() {
    let mut world = World::start().with("LRAP_STORE_TIMEOUT", 1).with_table().await;
    world.table().faults(Faults::always(Fault::Throttle));
    let failure = world.respond_in_vain(json!(look_alikes(300)).to_string()).await;
    assert_eq!(failure.error_type, "LongContent.StoreUnavailable");
}

/// An HTTP API's event, with what an outsider typed.
fn http_event(typed: &str) -> String {
    json!({"version": "2.0", "routeKey": "$default", "rawPath": "/a", "rawQueryString": "", "headers": {},
        "requestContext": {"apiId": "a", "domainName": "id.execute-api.eu-central-1.amazonaws.com",
            "http": {"method": "POST", "path": "/a"}, "requestId": "r", "stage": "$default"},
        "body": typed, "isBase64Encoded": false})
    .to_string()
}

/// What a function echoes is text again, although its event held it.
#[tokio::test]
async fn o4_a_reference_in_an_exposed_event_is_text_when_it_is_echoed() {
    let mut writer = World::start().with_table().await;
    let reference = writer.respond(quote(&text(6_000))).await.json();
    let reference = reference.as_str().unwrap();
    for (hydrate, leaves_raw) in [("auto", false), ("never", true)] {
        let settings = World::start().with("LRAP_OFFLOAD", "always").with("LRAP_HYDRATE", hydrate);
        let mut world = settings.sharing(writer.table()).await;
        let id = world.fresh_id();
        world.lambda.push(Event::new(&id, http_event(reference)));
        assert_eq!(world.runtime.next().await.json()["body"], reference);
        world.runtime.respond(&id, json!({"echo": reference}).to_string()).await;
        let sent = world.lambda.response(&id).await;
        assert_eq!(sent.json()["echo"] == reference, leaves_raw, "{hydrate}: {}", sent.text());
        if !leaves_raw {
            assert_eq!(writer.reader().await.deliver(sent.body).await.json(), json!({"echo": reference}));
        }
    }
}

fn error_path(id: &str) -> String {
    format!("/2018-06-01/runtime/invocation/{id}/error")
}

/// An invocation that a runtime fails: the error that reached Lambda.
async fn fail(world: &mut World, error: impl Into<Vec<u8>>) -> Exchange {
    let id = world.invocation().await;
    let (sent, answer) = world.forward(Request::post(&error_path(&id), error)).await;
    assert_eq!(answer.status, 202);
    sent
}

/// An error as Python's runtime client reports it.
fn error_of(message: &str) -> String {
    json!({"errorMessage": message, "errorType": "ValueError", "requestId": "r", "stackTrace": ["  File \"a.py\"\n"]})
        .to_string()
}

/// What the handler of an error gets of it behind a state machine's `Catch`.
async fn caught(world: &World, error: &Exchange) -> String {
    let event = json!({"Error": error.json()["errorType"], "Cause": error.text()}).to_string();
    let delivered = world.reader().await.deliver(event).await;
    delivered.json()["Cause"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn o11_an_error_that_quotes_a_reference_is_caught_as_that_text() {
    let mut world = World::start().with_table().await;
    let reference = world.respond(quote(&text(6_000))).await.json();
    let reference = reference.as_str().unwrap();
    for message in [
        reference.to_owned(),
        "@content: is what I was given".to_owned(),
        json!({"body": reference}).to_string(),
        json!({"body": json!([reference]).to_string()}).to_string(),
        r#"{"body":"\u0040content:1:x"}"#.to_owned(),
    ] {
        let error = error_of(&message);
        for error in [error.clone(), error.replace('@', "\\u0040")] {
            let sent = fail(&mut world, error.as_str()).await;
            assert!(sent.json()["errorMessage"].as_str().unwrap().contains(":dynamodb:s:"), "{}", sent.text());
            assert_eq!(sent.json()["errorType"], "ValueError");
            let caught: Value = serde_json::from_str(&caught(&world, &sent).await).unwrap();
            assert_eq!(caught, serde_json::from_str::<Value>(&error).unwrap());
        }
    }
    assert_eq!(world.extension.logged(), "");
}

#[tokio::test]
async fn o11_an_error_without_a_look_alike_passes_as_it_is() {
    let mut world = World::start().with("MAX_CONTENT_SIZE", 10).with("MAX_PAYLOAD_SIZE", 1_000).with_table().await;
    let before = world.table().meter();
    let long = error_of(&noise(2 << 20, 1));
    for error in [error_of("no marker"), error_of("see @content:1"), long, "{\"a\":1e400,}".into(), String::new()] {
        let id = world.invocation().await;
        let cause = r#"{"exceptions":[{"message":"@content:1:x"}]}"#;
        let request = Request::post(&error_path(&id), error.as_str())
            .header("Lambda-Runtime-Function-XRay-Error-Cause", cause)
            .header("Lambda-Runtime-Function-Error-Type", "Function.ValueError");
        let (sent, _) = world.forward(request).await;
        assert!(sent.text() == error);
        assert_eq!(sent.headers.get("Lambda-Runtime-Function-XRay-Error-Cause"), Some(cause));
        assert_eq!(sent.headers.get("Lambda-Runtime-Function-Error-Type"), Some("Function.ValueError"));
    }
    assert_eq!(world.table().meter().since(&before).total_requests(), 0);
}

/// Errors in which text reads like a reference, and what is in its place once its marker is broken.
fn disarmed() -> Vec<(String, String)> {
    let nested = json!({"a": json!(["@content:1:x", "text"]).to_string()}).to_string();
    let escaped =
        r#"{"errorType":"E","errorMessage":"\u0040content:1:x","stackTrace":["{\"a\":\"\\u0040content:\"}"]}"#;
    let errors = [error_of("@content:1:x"), error_of(&nested), escaped.to_owned()];
    let broken =
        |error: &String| error.replace("@content:", "@ content:").replace("\\u0040content:", "\\u0040 content:");
    errors.into_iter().map(|error| (error.clone(), broken(&error))).collect()
}

#[tokio::test]
async fn o11_an_error_that_cannot_be_stored_goes_with_its_marker_broken() {
    for fault in [Fault::Hang, Fault::Throttle] {
        let mut world = World::start().with_table().await;
        world.table().faults(Faults::always(fault));
        for (error, expected) in disarmed() {
            let sent = fail(&mut world, error).await;
            assert_eq!(sent.text(), expected);
            assert!(world.extension.line_with("BrokenMarkers").await.contains("\"failed\":false"));
            world.extension.log_with("text like a reference was altered in an error").await;
        }
        world.table().clear_faults();
        for (_, broken) in disarmed() {
            let event = json!({"Error": "E", "Cause": broken}).to_string();
            assert_eq!(world.reader().await.deliver(event.as_str()).await.text(), event);
        }
    }
}

#[tokio::test]
async fn o9_an_error_of_an_unknown_invocation_goes_with_its_marker_broken() {
    let mut world = World::start().with_table().await;
    let before = world.table().meter();
    for (nth, (error, expected)) in disarmed().into_iter().enumerate() {
        let (sent, _) = world.forward(Request::post(&error_path(&format!("unknown-{nth}")), error)).await;
        assert_eq!(sent.text(), expected);
    }
    assert_eq!(world.table().meter().since(&before).total_requests(), 0);
    assert!(world.extension.line_with("unknown-0").await.contains(r#""BrokenMarkers":1"#));
}

#[tokio::test]
async fn o11_an_error_keeps_its_form_however_many_look_alikes_it_holds() {
    let mut world = World::start().with_table().await;
    let before = world.table().meter();
    let error = json!({"errorMessage": "@content:", "errorType": "E", "stackTrace": look_alikes(20_000)}).to_string();
    let sent = fail(&mut world, error.as_str()).await;
    assert!(sent.text() == error.replace("@content:", "@ content:"));
    assert_eq!(world.table().meter().since(&before).total_requests(), 0);
    let logged = world.extension.log_with("text like a reference was altered in an error").await;
    assert!(logged.contains("20001") && logged.len() < 500, "{logged}");
}

#[tokio::test]
async fn o11_an_error_that_is_not_json_passes_unless_it_is_a_marker_itself() {
    let mut world = World::start().with_table().await;
    let in_vain = r#"{"errorMessage":"@content:1:x",}"#;
    assert_eq!(fail(&mut world, in_vain).await.text(), in_vain);
    assert_eq!(fail(&mut world, "@content:1:dynamodb:x").await.text(), "@ content:1:dynamodb:x");
}

#[tokio::test]
async fn o11_an_error_that_no_workflow_reads_passes() {
    let error = error_of("@content:1:x");
    let mut world = World::start().with_table().await;
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, http_event("typed")));
    world.runtime.next().await;
    let (sent, _) = world.forward(Request::post(&error_path(&id), error.as_str())).await;
    assert_eq!(sent.text(), error, "an exposed caller's");
    let (sent, _) = world.forward(Request::post("/2018-06-01/runtime/init/error", error.as_str())).await;
    assert_eq!(sent.text(), error, "of the init phase");
    let mut world = World::start().with("LRAP_OFFLOAD", "never").with_table().await;
    assert_eq!(fail(&mut world, error.as_str()).await.text(), error, "LRAP_OFFLOAD=never");
}

#[tokio::test]
async fn o4_a_reference_that_was_handed_over_leaves_in_an_error_as_it_came() {
    let mut writer = World::start().with_table().await;
    let kept = writer.respond(quote(&text(6_000))).await.json();
    let settings = World::start().with("LRAP_HYDRATE", "never").sharing(&Arc::clone(writer.table()));
    let mut world = settings.await;
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, kept.to_string()));
    world.runtime.next().await;
    let error = error_of(kept.as_str().unwrap());
    let (sent, _) = world.forward(Request::post(&error_path(&id), error.as_str())).await;
    assert_eq!(sent.text(), error);
}

#[tokio::test]
async fn o10_an_error_that_is_too_long_to_be_buffered_fails_as_a_response_does() {
    let mut world = World::start().with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 128).with_table().await;
    let id = world.invocation().await;
    let answer = world.runtime.send(Request::post(&error_path(&id), vec![b' '; 33 << 20])).await;
    assert_eq!(answer.status, 413);
    assert_eq!(world.lambda.error(&id).await.json()["errorType"], "LongContent.ResponseTooLarge");
}

#[tokio::test]
async fn p7_an_error_that_breaks_off_breaks_off_upstream() {
    let mut world = World::start().with_table().await;
    let id = world.invocation().await;
    let error = error_of(&text(10_000));
    world.runtime.begin_part(&Request::post(&error_path(&id), error.as_str()), 5_000).await;
    world.runtime.hang_up();
    let name = format!("POST {}", error_path(&id));
    let is_over = |exchange: &&Exchange| exchange.state == State::BrokenOff;
    let part =
        world.lambda.until("an error that broke off", |log| log.all(&name).into_iter().find(is_over).cloned()).await;
    assert!(error.as_bytes().starts_with(&part.body) && part.body.len() < error.len());
}

/// What is known of an invocation is known until Lambda took its error: on managed instances it refuses one of more than 1 MiB.
#[tokio::test]
async fn p7_an_error_that_lambda_refuses_is_told_to_the_runtime_and_may_be_sent_again() {
    let mut world = World::start().with_table().await;
    let id = world.invocation().await;
    world.lambda.reply(&format!("POST {}", error_path(&id)), Reply::new(413, "too large"));
    let refused = world.runtime.send(Request::post(&error_path(&id), error_of(&noise(1 << 20, 1)))).await;
    assert_eq!((refused.status, refused.text().as_str()), (413, "too large"));
    let answer = world.runtime.send(Request::post(&error_path(&id), error_of("@content:1:x"))).await;
    assert_eq!(answer.status, 202);
    let is_stored = |exchange: &&Exchange| exchange.text().contains(":dynamodb:s:");
    let name = format!("POST {}", error_path(&id));
    world.lambda.until("the second error", |log| log.all(&name).into_iter().find(is_stored).map(|_| ())).await;
}
