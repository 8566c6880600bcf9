//! Conversations of several turns in which the model thinks and calls tools, for each API: what the provider said comes back to it
//! unchanged, though a state machine kept it meanwhile. The providers' words are made by hand from their documentation, not recorded.

use crate::kit::{Provider, Received, Response, World, question};
use serde_json::{Value, json};
use test_kit::families::{anthropic, families, kept};

#[tokio::test]
async fn what_a_model_thought_comes_back_to_it_over_three_turns() {
    for family in families() {
        let name = family.transformer;
        let responses = family.answers.iter().map(|answer| Response {
            status: 200,
            body: answer.to_string(),
            ..Response::default()
        });
        let provider = Provider::playing(responses.chain([Response::default()]).collect()).await;
        let world = World::with(&[json!({
            "pk": format!("{}#m", family.provider), "provider": family.provider, "model_id": "m", "is_active": "true",
            "request_transformer": name, "endpoint": provider.endpoint, "secret_key_name": family.key,
            "input_price_per_million": 3, "output_price_per_million": 15,
        })])
        .await;
        let mut call = question(family.provider, "m");
        call["tools"] = json!([{"name": "weather", "description": "", "input_schema": {"type": "object"}}]);
        let calls = [2, 1, 0];
        for (turn, expected) in calls.into_iter().enumerate() {
            let reply =
                kept(&world.ask(call.clone()).await.unwrap_or_else(|error| panic!("{name}, turn {turn}: {error}")));
            let functions = reply["function_calls"].as_array().expect("calls");
            assert_eq!(functions.len(), expected, "{name}, turn {turn}: {reply}");
            assert_eq!(reply["metadata"]["stop_reason"], if expected > 0 { "tool_use" } else { "end_turn" }, "{name}");
            call["messages"] = reply["messages"].clone();
            call["tool_results"] = functions
                .iter()
                .rev()
                .map(|call| json!({"tool_use_id": call["id"], "content": {"sky": "grey"}}))
                .collect();
        }
        let requests: Vec<Value> = provider.received().iter().map(Received::json).collect();
        family.assert_echoed(&requests);
    }
}

#[tokio::test]
async fn another_model_is_not_shown_what_this_one_thought() {
    let family = anthropic();
    let provider =
        Provider::start(Response { status: 200, body: family.answers[0].to_string(), ..Response::default() }).await;
    let row = |model: &str| {
        json!({
            "pk": format!("anthropic#{model}"), "provider": "anthropic", "model_id": model, "is_active": "true",
            "request_transformer": "anthropic_v1", "endpoint": provider.endpoint, "secret_key_name": "ANTHROPIC_API_KEY",
        })
    };
    let world = World::with(&[row("one"), row("other")]).await;
    let first = world.ask(question("anthropic", "one")).await.expect("a reply");
    let mut call = question("anthropic", "other");
    call["messages"] = first["messages"].clone();
    call["tool_results"] =
        json!([{"tool_use_id": "toolu_1", "content": ""}, {"tool_use_id": "toolu_2", "content": ""}]);
    world.ask(call).await.expect("a reply");
    let sent = provider.received()[1].json()["messages"][1]["content"].clone();
    let types: Vec<&str> = sent.as_array().expect("blocks").iter().filter_map(|block| block["type"].as_str()).collect();
    assert_eq!(types, ["text", "tool_use", "tool_use"], "{sent}");
    assert_eq!(sent[1].get("caller"), None);
}

#[tokio::test]
async fn a_call_that_cannot_be_read_becomes_a_result_that_the_model_reads() {
    let choice = |message: Value, reason: &str| json!({"choices": [{"message": message, "finish_reason": reason}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}});
    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}});
    for (reason, why) in [("tool_calls", "not a JSON object"), ("length", "cut off")] {
        let calls = json!({"role": "assistant", "content": null, "tool_calls": [call("good", "{\"city\":\"Oslo\"}"), call("bad", "{\"city\": \"Os")]});
        let bodies = [choice(calls, reason), choice(json!({"role": "assistant", "content": "Rain."}), "stop")];
        let bodies = bodies.map(|body| Response { status: 200, body: body.to_string(), ..Response::default() });
        let provider = Provider::playing(bodies.to_vec()).await;
        let world = World::with(&[json!({
            "pk": "openai#m", "provider": "openai", "model_id": "m", "is_active": "true", "request_transformer": "openai_v1",
            "endpoint": provider.endpoint, "secret_key_name": "OPENAI_API_KEY",
        })])
        .await;
        let first = world.ask(question("openai", "m")).await.expect("a reply");
        let run: Vec<&str> =
            first["function_calls"].as_array().expect("calls").iter().filter_map(|call| call["id"].as_str()).collect();
        let (expected, stop) = if reason == "length" { (vec![], "max_tokens") } else { (vec!["good"], "tool_use") };
        assert_eq!((run.clone(), first["metadata"]["stop_reason"].as_str()), (expected, Some(stop)));

        let mut next = question("openai", "m");
        next["messages"] = first["messages"].clone();
        next["tool_results"] = run.iter().map(|id| json!({"tool_use_id": id, "content": "rain"})).collect();
        let second = world.ask(next).await.expect("a reply");
        let sent = provider.received()[1].json()["messages"].clone();
        let results: Vec<&Value> =
            sent.as_array().expect("messages").iter().filter(|message| message["role"] == "tool").collect();
        assert_eq!(results.len(), 2, "{sent}");
        let bad = results.iter().find(|result| result["tool_call_id"] == "bad").expect("a result");
        assert!(bad["content"].as_str().is_some_and(|text| text.contains(why)), "{bad}");
        assert_eq!(second["text"], "Rain.");
    }
}

#[tokio::test]
async fn a_turn_without_tools_ends_in_words() {
    for family in families() {
        let body = family.answers[0].to_string();
        let provider = Provider::start(Response { status: 200, body, ..Response::default() }).await;
        let world = World::with(&[json!({
            "pk": "p#m", "provider": "p", "model_id": "m", "is_active": "true", "request_transformer": family.transformer,
            "endpoint": provider.endpoint, "secret_key_name": family.key,
        })])
        .await;
        let mut call = question("p", "m");
        call["tools"] = json!([{"name": "weather", "description": "", "input_schema": {"type": "object"}}]);
        call["tool_choice"] = json!("none");
        let reply = world.ask(call).await.expect("a reply");
        assert_eq!(
            (&reply["function_calls"], &reply["metadata"]["stop_reason"]),
            (&json!([]), &json!("end_turn")),
            "{}",
            family.transformer
        );
        assert_eq!(reply["text"], "Let me see.");
    }
}
