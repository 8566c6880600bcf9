//! How answers arrive where there is no layer: as text, or as a beginning and a handle, and never as a reference.

use super::super::llm::provider;
use super::talk::Talk;
use serde_json::{Value, json};

/// Long texts that differ from each other, with what JSON escapes.
fn text_of(bytes: usize) -> String {
    let line = |n: usize| format!("Line {n} says \"so\".\n");
    let mut text: String = (0..).map(line).take(bytes / 12).collect();
    text.truncate(bytes);
    text
}

async fn answered(script: &Value) -> Value {
    let ended = Talk::of(script).await.run(&json!({ "question": "Well?" })).await;
    ended.assert_fits();
    assert_eq!((&ended.output["status"], &ended.output["stop_reason"].is_string()), (&json!("completed"), &true));
    assert!(!ended.output.to_string().contains("@content:"), "a bare reference");
    ended.output["answer"].clone()
}

/// The beginning of a text of so many bytes, and a handle.
fn assert_preview(shown: &Value, whole: &str) {
    let shown = shown.as_str().unwrap();
    let (beginning, ending) = shown.rsplit_once("\n\n[… ").unwrap();
    assert!(whole.starts_with(beginning) && beginning.len() > 1000, "{beginning}");
    assert!(ending.starts_with(&format!("{} bytes in all; handle: 1:dynamodb:s:", whole.len())), "{ending}");
}

#[tokio::test]
async fn o2_an_answer_of_1500_bytes_or_100_kb_arrives_whole_and_one_of_5_mb_as_a_preview() {
    for bytes in [1500, 100_000] {
        let text = text_of(bytes);
        assert!(answered(&json!([{ "text": text }])).await == json!(text), "{bytes} bytes");
    }
    // A row holds no script that long.
    let text = text_of(5_000_000);
    let provider = provider(&text).await;
    let ended = Talk::at(&format!("{}/v1/messages", provider.url())).await.run(&json!({ "question": "Well?" })).await;
    ended.assert_fits();
    assert_eq!(ended.output["status"], "completed");
    assert_preview(&ended.output["answer"], &text);
}

#[tokio::test]
async fn o2_what_print_output_is_called_with_arrives_whole_or_as_a_preview() {
    let print =
        |input: &Value| json!([{ "text": "Here.", "tool_calls": [{ "name": "print_output", "input": input }] }]);
    for bytes in [1500, 100_000] {
        let input = json!({ "report": text_of(bytes), "pages": [1, 2] });
        assert!(answered(&print(&input)).await == input, "{bytes} bytes");
    }
    let numbers = json!({ "numbers": vec![12_345; 30_000] });
    assert!(answered(&print(&numbers)).await == numbers, "180 KB without a long string");
    let text = text_of(300_000);
    let shown = answered(&print(&json!({ "report": text, "pages": [1, 2] }))).await;
    assert_eq!(shown["pages"], json!([1, 2]));
    assert_preview(&shown["report"], &text);
}

#[tokio::test]
async fn o4_an_answer_that_reads_like_a_reference_is_text() {
    let look_alike = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
    let shown = look_alike.replace('@', "@ ");
    assert_eq!(answered(&json!([{ "text": look_alike }])).await, json!(shown));
    let print = json!([{ "tool_calls": [{ "name": "print_output", "input": { "a": [look_alike] } }] }]);
    assert_eq!(answered(&print).await, json!({ "a": [shown] }));
}

#[tokio::test]
async fn o2_a_person_is_asked_in_text() {
    let (short, long) = (text_of(1500), text_of(100_000));
    let input = json!({ "subject": short, "body": long });
    let talk = Talk::of(&json!([{ "tool_calls": [{ "name": "ask", "input": input }] }, { "text": "Done." }])).await;
    let approvals = talk.approvals().await;
    let execution = talk.begin(&json!({ "question": "Well?" })).await;
    let asked = approvals.next().await;
    assert_eq!(asked["input"]["subject"], json!(short));
    assert_preview(&asked["input"]["body"], &long);
    let token = asked["task_token"].as_str().unwrap();
    let client = talk.state_machines();
    client.send_task_success().task_token(token).output(r#"{"approved":true}"#).send().await.unwrap();
    let ended = talk.end_of(&execution).await;
    assert_eq!(ended.output["status"], "completed");
    ended.assert_fits();
}
