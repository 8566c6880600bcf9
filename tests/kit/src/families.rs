//! What the APIs of models say in three turns of thinking and calling a tool, `weather`, and where their own words come back to them.
//!
//! The words are made by hand from the providers' documentation, not recorded.

use serde_json::{Value, json};

/// An API: what its rows say, what it answers in three turns, and where what it said is in its answers and in the requests to it.
#[derive(Debug)]
pub struct Family {
    pub provider: &'static str,
    pub transformer: &'static str,
    /// The name of its key; none if it has none.
    pub key: Option<&'static str>,
    /// Two calls, one call, and the answer `Rain.`
    pub answers: [Value; 3],
    said: fn(&Value) -> Vec<Value>,
    echoed: fn(&Value) -> Vec<Value>,
    /// The identifiers of the calls whose results a request holds, in order.
    pub results: fn(&Value) -> Vec<String>,
}

impl Family {
    /// Every request holds what the model said in the turns before, unchanged, but for what a state machine does to JSON.
    pub fn assert_echoed(&self, requests: &[Value]) {
        for (turn, request) in requests.iter().enumerate() {
            let said: Vec<Value> = self.answers[..turn].iter().flat_map(self.said).map(|said| kept(&said)).collect();
            let echoed: Vec<Value> = (self.echoed)(request).iter().map(kept).collect();
            assert_eq!(echoed, said, "{}, turn {turn}", self.transformer);
        }
    }
}

/// All of them.
pub fn families() -> [Family; 6] {
    [anthropic(), bedrock(), responses(), chat(), deepseek(), gemini()]
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

/// Those that are there.
fn identifiers(values: &[Value], identifier: fn(&Value) -> &Value) -> Vec<String> {
    values.iter().filter_map(|value| Some(identifier(value).as_str()?.to_owned())).collect()
}

fn unmarked(mut block: Value) -> Value {
    if let Some(block) = block.as_object_mut() {
        block.remove("cache_control");
    }
    block
}

/// The Messages API.
pub fn anthropic() -> Family {
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
        results: |request| {
            identifiers(&of_role(&request["messages"], "user", "content"), |block| &block["tool_use_id"])
        },
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
        results: |request| {
            identifiers(&of_role(&request["messages"], "user", "content"), |block| &block["toolResult"]["toolUseId"])
        },
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
        results: |request| {
            let results = list(&request["input"]).into_iter().filter(|item| item["type"] == "function_call_output");
            identifiers(&results.collect::<Vec<_>>(), |item| &item["call_id"])
        },
    }
}

/// Chat Completions, whose answers a provider may have its own fields in.
fn chat_of(provider: &'static str, key: &'static str, thoughts: [Option<&str>; 3]) -> Family {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30});
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": "{\"days\": 2.0, \"city\": \"Oslo\"}"}});
    let messages = [
        json!({"role": "assistant", "content": "Let me see.", "tool_calls": [call("call_1"), call("call_2")]}),
        json!({"role": "assistant", "content": null, "tool_calls": [call("call_3")]}),
        json!({"role": "assistant", "content": "Rain."}),
    ];
    let mut thoughts = thoughts.into_iter();
    let answers = messages.map(|mut message| {
        if let Some(thought) = thoughts.next().flatten() {
            message["reasoning_content"] = json!(thought);
        }
        let reason = if message["tool_calls"].is_array() { "tool_calls" } else { "stop" };
        let choice = json!({"index": 0, "message": message, "finish_reason": reason});
        json!({"object": "chat.completion", "choices": [choice], "usage": usage})
    });
    Family {
        provider,
        transformer: "openai_v1",
        key: Some(key),
        answers,
        said: |answer| vec![answer["choices"][0]["message"].clone()],
        echoed: |request| messages_of(request, "assistant"),
        results: |request| identifiers(&messages_of(request, "tool"), |message| &message["tool_call_id"]),
    }
}

fn messages_of(request: &Value, role: &str) -> Vec<Value> {
    list(&request["messages"]).into_iter().filter(|message| message["role"] == role).collect()
}

fn chat() -> Family {
    chat_of("openai", "OPENAI_API_KEY", [None; 3])
}

fn deepseek() -> Family {
    chat_of("deepseek", "DEEPSEEK_API_KEY", [Some("Two days."), Some("And then."), Some("Done.")])
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
        results: |request| {
            identifiers(&of_role(&request["contents"], "user", "parts"), |part| &part["functionResponse"]["id"])
        },
    }
}

/// What a state machine may do to what it keeps: fields in another order, whole numbers without their point.
pub fn kept(value: &Value) -> Value {
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
