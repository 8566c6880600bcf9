//! The commands of `docs/agents-over-http.md`, as they are on the page.

use super::budget::function_of;
use super::front::{KEY, served};
use super::world::World;
use serde_json::{Value, json};
use tokio::process::Command;

/// The blocks of shell on the page.
fn commands() -> Vec<String> {
    let page = include_str!("../../../../docs/agents-over-http.md");
    let blocks = page.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().trim().to_owned()).collect()
}

async fn run(command: &str, url: &str) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).env("AGENT_URL", url).env("AGENT_KEY", KEY);
    let output = shell.output().await.unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_page_get_what_it_says() {
    let world = World::new().await;
    let script = json!([{ "text": "At seven." }, { "text": "At eight." }]);
    let url = served(function_of(&world, &script, "costs").await).await;
    let [ask, stream, session, usage] = commands().try_into().expect("four examples");
    let answer: Value = serde_json::from_str(&run(&ask, &url).await).unwrap();
    assert_eq!((&answer["session_id"], &answer["message"]), (&json!("golf-1"), &json!("At seven.")));
    let events = run(&stream, &url).await;
    assert!(events.starts_with("event: session\ndata: {\"session_id\":\"golf-1\"}\n\nevent: text\n"), "{events}");
    let read: Value = serde_json::from_str(&run(&session, &url).await).unwrap();
    assert_eq!(read["messages"].as_array().unwrap().len(), 4);
    let usage: Value = serde_json::from_str(&run(&usage, &url).await).unwrap();
    assert_eq!((&usage["daily_cap"], &usage["requests"]), (&json!(10.0), &json!(2)));
}
