//! Requests, whole and streamed.

use super::stand_ins::Script;
use super::world::{World, event};
use serde_json::{Value, json};

async fn function_of(world: &World, turns: Value) -> super::world::Function<Script> {
    world.put_tools().await;
    world.put_agent("golf-agent", "stand-in", &json!({})).await;
    world.function("golf-agent", Script::of([("golf-agent".to_owned(), turns)]))
}

#[tokio::test]
async fn a_question_gets_an_answer_with_its_session_and_what_it_took() {
    let world = World::new().await;
    let function = function_of(&world, json!([{"calls": [["good", {}]]}, {"text": "Found 3 tee times."}])).await;
    let got = function.post(json!({"message": "Book tee time", "session_id": "abc123"})).await;
    let body = got.json();
    assert_eq!(
        (got.status, &body["session_id"], &body["message"]),
        (200, &json!("abc123"), &json!("Found 3 tee times."))
    );
    let metadata = &body["metadata"];
    assert_eq!(metadata["tools_used"], json!(["good"]));
    assert_eq!((&metadata["input_tokens"], &metadata["output_tokens"]), (&json!(20), &json!(4)));
    let invoked = function.0.agent.functions.invoked.lock().unwrap().clone();
    assert_eq!(
        (&invoked[0]["name"], &invoked[0]["id"], &invoked[0]["input"]),
        (&json!("good"), &json!("call-0"), &json!({}))
    );
    assert!(invoked[0]["idempotency_key"].as_str().unwrap().ends_with("/1/0"));
}

#[tokio::test]
async fn a_stream_tells_what_happens_and_ends_with_the_reply() {
    let world = World::new().await;
    let function =
        function_of(&world, json!([{"calls": [["good", {"a": 1}], ["gone", {}]]}, {"text": "It is so."}])).await;
    let got = function.stream(json!({"message": "Well?", "session_id": "s", "stream": true})).await;
    assert_eq!((got.status, got.header("content-type")), (200, Some("text/event-stream")));
    let events = got.events();
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names[0], names[names.len() - 1]), ("session", "done"));
    let of = |wanted: &str| {
        events.iter().filter(|(name, _)| name == wanted).map(|(_, data)| data.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("session"), [json!({"session_id": "s"})]);
    assert_eq!(of("tool_call")[0], json!({"id": "call-0", "name": "good", "input": {"a": 1}}));
    assert_eq!(of("tool_result").len(), 2);
    assert_eq!(of("done")[0]["message"], "It is so.");
}

#[tokio::test]
async fn a_stream_that_is_refused_before_anything_was_said_has_its_status() {
    let world = World::new().await;
    let function = function_of(&world, json!([{"error": "RateLimited"}])).await;
    let got = function.stream(json!({"message": "Well?", "stream": true})).await;
    assert_eq!((got.status, got.header("retry-after")), (429, Some("3")));
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_the_error() {
    let world = World::new().await;
    let function = function_of(&world, json!([{"calls": [["good", {}]]}, {"error": "BadResponse"}])).await;
    let got = function.stream(json!({"message": "Well?", "stream": true})).await;
    let events = got.events();
    let (name, data) = events.last().unwrap();
    assert_eq!((got.status, name.as_str(), &data["status"]), (200, "error", &json!(502)));
}

#[tokio::test]
async fn errors_of_models_have_a_status_each() {
    for (error, status) in [
        ("RateLimited", 429),
        ("Timeout", 504),
        ("ProviderUnavailable", 502),
        ("BadResponse", 502),
        ("ServiceUnavailable", 503),
    ] {
        let world = World::new().await;
        let function = function_of(&world, json!([{"error": error}])).await;
        let got = function.post(json!({"message": "Well?"})).await;
        assert_eq!(got.status, status, "{error}: {}", got.text);
        assert!(world.session("s").await.is_empty());
    }
}

#[tokio::test]
async fn nobody_is_answered_who_is_not_known() {
    let world = World::new().await;
    let function = function_of(&world, json!([{"text": "Never."}])).await;
    let mut unknown =
        event("x", "abc.execute-api.eu-central-1.amazonaws.com", "POST", "/agent", &json!({"message": "m"}));
    unknown["requestContext"]["authorizer"] = Value::Null;
    let got = function.serve(unknown.clone()).await;
    assert_eq!((got.status, got.header("www-authenticate")), (401, Some("Bearer")));
    unknown["requestContext"]["http"]["method"] = json!("GET");
    for (path, status) in [("/agent/usage", 401), ("/agent/card", 401), ("/agent/sessions/s", 401), ("/agent/ui", 200)]
    {
        unknown["rawPath"] = json!(path);
        assert_eq!(function.serve(unknown.clone()).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_question_is_said_before_the_model_is_asked() {
    let world = World::new().await;
    let function = function_of(&world, json!([])).await;
    let reference = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
    for (body, status) in [
        (json!({}), 400),
        (json!({"message": reference}), 400),
        (json!({"message": "m", "session_id": "a b"}), 400),
        (json!({"message": "m", "agent_name": "no-such-agent"}), 404),
        (json!({"message": "m", "version": "latest-one"}), 400),
        (json!({"message": "m", "mode": "workflow"}), 400),
        (json!({"message": "x".repeat((1 << 20) + 1)}), 413),
    ] {
        let got = function.post(body).await;
        assert_eq!(got.status, status, "{}", got.text);
    }
}

#[tokio::test]
async fn a_card_names_what_the_agent_can_do() {
    let world = World::new().await;
    let function = function_of(&world, json!([])).await;
    for path in ["/agent/card", "/agent/.well-known/agent-card"] {
        let card = function.get(path).await.json();
        let skills: Vec<&str> =
            card["skills"].as_array().unwrap().iter().map(|skill| skill["id"].as_str().unwrap()).collect();
        assert_eq!((&card["name"], skills), (&json!("golf-agent"), vec!["foreign", "good", "http_request", "risky"]));
        assert_eq!(card["url"], "https://api.execute-api.eu-central-1.amazonaws.com/agent");
    }
}

#[tokio::test]
async fn a_call_that_wants_approval_is_not_run_here() {
    let world = World::new().await;
    for call in
        [json!(["risky", {}]), json!(["http_request", {"method": "POST"}]), json!(["http_request", {"method": null}])]
    {
        let function = function_of(&world, json!([{"calls": [call]}, {"text": "results"}])).await;
        let body = function.post(json!({"message": "Well?"})).await.json();
        assert!(body["message"].as_str().unwrap().contains("needs a person's approval"), "{call}: {body}");
        assert!(function.0.agent.functions.invoked.lock().unwrap().is_empty(), "{call}");
    }
}

#[tokio::test]
async fn a_row_may_want_approval_of_requests_that_only_read() {
    let world = World::new().await;
    let function = function_of(&world, json!([{"calls": [["http_request", {}]]}, {"text": "results"}])).await;
    world.put_tool("http_request", &json!({"human_approval_required": true, "reads_need_approval": true})).await;
    let body = function.post(json!({"message": "Well?"})).await.json();
    assert!(body["message"].as_str().unwrap().contains("needs a person's approval"), "{body}");
}
