//! Conversations that go on: long ones, at the same time, of other callers, and after a day.

use super::stand_ins::Script;
use super::world::{Function, World};
use crate::question::Question;
use serde_json::{Value, json};

async fn function_of(world: &World, turns: Vec<Value>) -> Function<Script> {
    world.put_tools().await;
    world.put_agent("golf-agent", "stand-in", &json!({})).await;
    world.function("golf-agent", Script::of([("golf-agent".to_owned(), Value::Array(turns))]))
}

async fn messages(function: &Function<Script>, id: &str) -> Vec<Value> {
    let got = function.get(&format!("/agent/sessions/{id}")).await;
    assert_eq!(got.status, 200, "{}", got.text);
    got.json()["messages"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_next_turn_knows_text_calls_and_results_of_the_one_before() {
    let world = World::new().await;
    let turns = vec![
        json!({"calls": [["good", {"n": 1}]], "text": "I look."}),
        json!({"text": "Yes."}),
        json!({"text": "Again."}),
    ];
    let function = function_of(&world, turns).await;
    function.post(json!({"message": "First?", "session_id": "s"})).await;
    function.post(json!({"message": "Second?", "session_id": "s"})).await;
    let kinds: Vec<String> = messages(&function, "s")
        .await
        .iter()
        .map(|message| {
            let parts = message["content"]
                .as_array()
                .unwrap()
                .iter()
                .map(|part| part["type"].as_str().unwrap())
                .collect::<Vec<_>>();
            format!("{}: {}", message["role"].as_str().unwrap(), parts.join(" "))
        })
        .collect();
    let expected = [
        "user: text",
        "assistant: text tool_call",
        "user: tool_result",
        "assistant: text",
        "user: text",
        "assistant: text",
    ];
    assert_eq!(kinds, expected);
    let row = world.session("s").await;
    let seconds = |name: &str| row[name].as_n().unwrap().parse::<u64>().unwrap();
    let now = world.clock().now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!((seconds("ttl"), seconds("version")), (now + 86_400, 2));
    assert!(!row.contains_key("busy_until") && !row.contains_key("turn"));
}

#[tokio::test]
async fn a_session_is_its_callers_and_is_not_there_for_others() {
    let world = World::new().await;
    let function = function_of(&world, vec![json!({"text": "Yes."}), json!({"text": "No."})]).await;
    function.post(json!({"message": "Mine?", "session_id": "s"})).await;
    for (method, path, body) in [
        ("POST", "/agent", json!({"message": "Mine too?", "session_id": "s"})),
        ("GET", "/agent/sessions/s", Value::Null),
        ("DELETE", "/agent/sessions/s", Value::Null),
        ("GET", "/agent/sessions/s/result?handle=x", Value::Null),
    ] {
        assert_eq!(function.request("mallory", method, path, body).await.status, 404, "{method} {path}");
    }
    assert_eq!(messages(&function, "s").await.len(), 2, "nothing was added");
    assert_eq!(function.request("alice", "DELETE", "/agent/sessions/s", Value::Null).await.status, 204);
    assert_eq!(function.get("/agent/sessions/s").await.status, 404);
}

#[tokio::test]
async fn after_a_day_a_session_begins_anew_even_if_its_row_is_still_there() {
    let world = World::new().await;
    let function =
        function_of(&world, vec![json!({"text": "Yes."}), json!({"text": "Who?"}), json!({"text": "Me."})]).await;
    function.post(json!({"message": "Remember?", "session_id": "s"})).await;
    world.wait(86_399);
    function.post(json!({"message": "Still?", "session_id": "s"})).await;
    assert_eq!(messages(&function, "s").await.len(), 4);
    world.wait(86_400);
    assert_eq!(function.get("/agent/sessions/s").await.status, 404);
    let got = function.request("bob", "POST", "/agent", json!({"message": "New?", "session_id": "s"})).await;
    assert_eq!(got.status, 200, "{}", got.text);
    let read = function.request("bob", "GET", "/agent/sessions/s", Value::Null).await.json();
    assert_eq!(read["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn long_sessions_are_read_whole() {
    let world = World::new().await;
    let function = function_of(&world, (0..60).map(|n| json!({"text": format!("Answer {n}.")})).collect()).await;
    let mut expected = 0;
    // 400 KB, then 2 MB, then 20 MB.
    for (turns, bytes) in [(4, 100_000), (4, 400_000), (18, 1_000_000)] {
        for _ in 0..turns {
            let got = function.post(json!({"message": "x".repeat(bytes), "session_id": "s"})).await;
            assert_eq!(got.status, 200, "{}", got.text);
            expected += bytes;
        }
        let row = world.session("s").await;
        let inline: usize = row["messages"].as_l().unwrap().iter().map(|text| text.as_s().unwrap().len()).sum();
        assert!(inline < 300_000, "{inline} bytes are in the row");
        let taken = function
            .0
            .agent
            .sessions
            .take("alice", Some("s".to_owned()), std::time::Duration::from_mins(1))
            .await
            .unwrap();
        let read: usize = taken.messages.iter().map(|message| message.texts().map(str::len).sum::<usize>()).sum();
        assert!(read > expected && read < expected + 1000, "{read} of {expected} bytes");
        function.0.agent.sessions.release("s", &taken.turn).await;
    }
}

#[tokio::test]
async fn parallel_turns_of_a_session_lose_nothing() {
    let world = World::new().await;
    let function = function_of(&world, (0..20).map(|n| json!({"text": format!("Answer {n}.")})).collect()).await;
    let function = std::sync::Arc::new(function);
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..20 {
        let function = std::sync::Arc::clone(&function);
        asking
            .spawn(async move { function.post(json!({"message": format!("Question {n}?"), "session_id": "s"})).await });
    }
    let mut answered = 0;
    while let Some(got) = asking.join_next().await {
        let got = got.unwrap();
        match got.status {
            200 => answered += 1,
            409 => assert_eq!(got.header("retry-after"), Some("1"), "{}", got.text),
            _ => panic!("{}", got.text),
        }
    }
    assert!(answered >= 1);
    assert_eq!(messages(&function, "s").await.len(), 2 * answered, "each answer that was given is written down");
}

#[tokio::test]
async fn a_session_whose_turn_has_died_is_free_again_when_its_time_is_over() {
    let world = World::new().await;
    let function = function_of(&world, vec![json!({"text": "Yes."})]).await;
    let time = std::time::Duration::from_mins(1);
    function.0.agent.sessions.take("alice", Some("s".to_owned()), time).await.unwrap();
    let question = json!({"message": "Well?", "session_id": "s"});
    assert_eq!(function.post(question.clone()).await.status, 409);
    world.wait(62);
    assert_eq!(function.post(question).await.status, 200);
}

#[tokio::test]
async fn a_turn_whose_tools_cannot_be_read_gives_its_session_back() {
    let world = World::new().await;
    let function = function_of(&world, vec![json!({"text": "Yes."})]).await;
    // Of a tool whose row is not one.
    world.put_tool("good", &json!({"status": "asleep"})).await;
    let question = json!({"message": "Well?", "session_id": "s"});
    let got = function.post(question.clone()).await;
    assert_eq!(got.status, 503, "{}", got.text);
    assert!(!world.session("s").await.contains_key("turn"));
    world.put_tools().await;
    assert_eq!(function.post(question).await.status, 200);
}

#[tokio::test]
async fn what_tools_have_done_is_remembered_when_the_model_fails_afterwards() {
    let world = World::new().await;
    let turns = vec![
        json!({"calls": [["good", {}]]}),
        json!({"error": "ProviderUnavailable"}),
        json!({"text": "Done already."}),
    ];
    let function = function_of(&world, turns).await;
    assert_eq!(function.post(json!({"message": "Book it.", "session_id": "s"})).await.status, 502);
    assert_eq!(messages(&function, "s").await.len(), 3, "question, call and result");
    assert_eq!(function.post(json!({"message": "And?", "session_id": "s"})).await.status, 200);
}

#[tokio::test]
async fn a_long_result_is_read_in_parts_by_those_whose_conversation_it_is_in() {
    let world = World::new().await;
    let function =
        function_of(&world, vec![json!({"calls": [["good", {"bytes": 5_000_000}]]}), json!({"text": "Long."})]).await;
    function.post(json!({"message": "Read it.", "session_id": "s"})).await;
    let shown = messages(&function, "s").await[2]["content"][0]["content"].as_str().unwrap().to_owned();
    let handle = shown.rsplit_once("handle: ").unwrap().1.trim_end_matches(']');
    assert!(shown.len() < 3000 && shown.contains("5000000 bytes in all"), "{shown}");
    let (mut from, mut read) = (Some(0), 0);
    while let Some(at) = from {
        let got = function.get(&format!("/agent/sessions/s/result?handle={handle}&from={at}")).await.json();
        read += got["text"].as_str().unwrap().len();
        from = got["next"].as_u64();
    }
    assert_eq!(read, 5_000_000);
    let other = handle.replace(":5000000", ":5000001");
    assert_eq!(function.get(&format!("/agent/sessions/s/result?handle={other}")).await.status, 404);
}

#[test]
fn ids_of_sessions_are_up_to_128_letters_digits_and_hyphens() {
    let question = |id: &str| Question::of_body(json!({"message": "m", "session_id": id}));
    assert!(question(&"a_-9".repeat(32)).is_ok());
    assert!(question("ä").is_err());
}
