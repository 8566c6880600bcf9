//! Conversations of several turns in which the model thinks and calls tools, for each API: what the provider said comes back to it
//! unchanged, though a state machine kept it meanwhile. The providers' words are made by hand from their documentation, not recorded.

use crate::kit::{Provider, Response, World, question};
use serde_json::{Value, json};

/// An API: its row, what it answers in three turns, and where what it said stands in its answers and in the requests to it.
struct Family {
    provider: &'static str,
    transformer: &'static str,
    key: Option<&'static str>,
    answers: [Value; 3],
    said: fn(&Value) -> Vec<Value>,
    echoed: fn(&Value) -> Vec<Value>,
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().expect("a list").clone()
}

/// The messages of the model among these, each without the marks of where the cache ends.
fn of_role(messages: &Value, role: &str, field: &str) -> Vec<Value> {
    let messages = list(messages).into_iter().filter(|message| message["role"] == role);
    let blocks = messages.flat_map(|message| list(&message[field]));
    blocks.map(unmarked).collect()
}

fn unmarked(mut block: Value) -> Value {
    if let Some(block) = block.as_object_mut() {
        block.remove("cache_control");
    }
    block
}

fn families() -> [Family; 5] {
    [anthropic(), bedrock(), responses(), deepseek(), gemini()]
}

fn anthropic() -> Family {
    let usage = json!({"input_tokens": 10, "output_tokens": 20});
    let answer = |content: Value, reason: &str| json!({"type": "message", "content": content, "stop_reason": reason, "usage": usage});
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "weather", "input": {"days": 2.0, "city": "Oslo"}, "caller": {"type": "direct"}});
    Family {
        provider: "anthropic",
        transformer: "anthropic_v1",
        key: Some("ANTHROPIC_API_KEY"),
        answers: [
            answer(
                json!([
                    {"type": "text", "text": "Let me see."},
                    {"type": "thinking", "thinking": "Two days,\nso 2.0.", "signature": "c2lnbmF0dXJlLTE="},
                    call("toolu_1"), call("toolu_2"),
                ]),
                "tool_use",
            ),
            answer(json!([{"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"}, call("toolu_3")]), "tool_use"),
            answer(
                json!([{"type": "thinking", "thinking": "", "signature": "EqQBsecond"}, {"type": "text", "text": "Rain."}]),
                "end_turn",
            ),
        ],
        said: |answer| list(&answer["content"]),
        echoed: |request| of_role(&request["messages"], "assistant", "content"),
    }
}

fn bedrock() -> Family {
    let usage = json!({"inputTokens": 10, "outputTokens": 20, "totalTokens": 30});
    let answer = |content: Value, reason: &str| json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason, "usage": usage, "metrics": {"latencyMs": 1}});
    let call =
        |id: &str| json!({"toolUse": {"toolUseId": id, "name": "weather", "input": {"days": 2, "city": "Oslo"}}});
    Family {
        provider: "bedrock",
        transformer: "bedrock_v1",
        key: None,
        answers: [
            answer(
                json!([
                    {"reasoningContent": {"reasoningText": {"text": "Two days.", "signature": "c2lnbmF0dXJlLTI="}}},
                    {"text": "Let me see."}, call("tooluse_1"), call("tooluse_2"),
                ]),
                "tool_use",
            ),
            answer(json!([{"reasoningContent": {"redactedContent": "EmwKAhgB"}}, call("tooluse_3")]), "tool_use"),
            answer(json!([{"text": "Rain."}]), "end_turn"),
        ],
        said: |answer| list(&answer["output"]["message"]["content"]),
        echoed: |request| of_role(&request["messages"], "assistant", "content"),
    }
}

fn responses() -> Family {
    let usage = json!({"input_tokens": 10, "output_tokens": 20, "output_tokens_details": {"reasoning_tokens": 8}, "total_tokens": 30});
    let answer = |output: Value| json!({"object": "response", "status": "completed", "error": null, "incomplete_details": null, "output": output, "usage": usage});
    let call = |id: &str| json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": "weather", "arguments": "{\"days\": 2.0, \"city\": \"Oslo\"}", "status": "completed"});
    let reasoning =
        |id: &str| json!({"type": "reasoning", "id": id, "summary": [], "encrypted_content": format!("gAAAAAB{id}")});
    Family {
        provider: "openai",
        transformer: "openai_responses_v1",
        key: Some("OPENAI_API_KEY"),
        answers: [
            answer(json!([
                reasoning("rs_1"),
                {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "phase": "commentary",
                 "content": [{"type": "output_text", "text": "Let me see.", "annotations": []}]},
                call("call_1"), call("call_2"),
            ])),
            answer(json!([reasoning("rs_2"), call("call_3")])),
            answer(json!([{"type": "message", "id": "msg_2", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": "Rain.", "annotations": []}]}])),
        ],
        said: |answer| list(&answer["output"]),
        echoed: |request| {
            let items = list(&request["input"]).into_iter();
            items.filter(|item| item["role"] != "user" && item["type"] != "function_call_output").collect()
        },
    }
}

fn deepseek() -> Family {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30});
    let answer = |message: Value, reason: &str| json!({"object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage});
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": "{\"days\": 2.0, \"city\": \"Oslo\"}"}});
    Family {
        provider: "deepseek",
        transformer: "openai_v1",
        key: Some("DEEPSEEK_API_KEY"),
        answers: [
            answer(
                json!({"role": "assistant", "content": "Let me see.", "reasoning_content": "Two days.", "tool_calls": [call("call_1"), call("call_2")]}),
                "tool_calls",
            ),
            answer(
                json!({"role": "assistant", "content": null, "reasoning_content": "And then.", "tool_calls": [call("call_3")]}),
                "tool_calls",
            ),
            answer(json!({"role": "assistant", "content": "Rain.", "reasoning_content": "Done."}), "stop"),
        ],
        said: |answer| vec![answer["choices"][0]["message"].clone()],
        echoed: |request| {
            list(&request["messages"]).into_iter().filter(|message| message["role"] == "assistant").collect()
        },
    }
}

fn gemini() -> Family {
    let usage =
        json!({"promptTokenCount": 10, "candidatesTokenCount": 12, "thoughtsTokenCount": 8, "totalTokenCount": 30});
    let answer = |parts: Value| json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}], "usageMetadata": usage});
    let call = |id: &str| json!({"functionCall": {"id": id, "name": "weather", "args": {"days": 2, "city": "Oslo"}}});
    let mut signed = call("a1");
    signed["thoughtSignature"] = json!("CiQBjz1rX");
    let mut second = call("a3");
    second["thoughtSignature"] = json!("CiQBsecond");
    Family {
        provider: "gemini",
        transformer: "gemini_v1",
        key: Some("GEMINI_API_KEY"),
        answers: [
            answer(json!([{"text": "Two days.", "thought": true}, {"text": "Let me see."}, signed, call("a2")])),
            answer(json!([second])),
            answer(json!([{"text": "Rain."}, {"text": "", "thoughtSignature": "CiQBend"}])),
        ],
        said: |answer| list(&answer["candidates"][0]["content"]["parts"]),
        echoed: |request| of_role(&request["contents"], "model", "parts"),
    }
}

/// What a state machine may do to what it keeps: fields in another order, whole numbers without their point.
fn kept(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().rev().map(|(name, value)| (name.clone(), kept(value))).collect(),
        Value::Array(values) => values.iter().map(kept).collect(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 => json!(float as i64),
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

/// As the provider reads it: a number has no point.
fn read(value: &Value) -> Value {
    kept(value)
}

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
        let requests = provider.received();
        for (turn, request) in requests.iter().enumerate().skip(1) {
            let said: Vec<Value> =
                family.answers[..turn].iter().flat_map(family.said).map(|said| read(&said)).collect();
            let echoed: Vec<Value> = (family.echoed)(&request.json()).iter().map(read).collect();
            similar_asserts::assert_eq!(echoed, said, "{name}, turn {turn}");
        }
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
