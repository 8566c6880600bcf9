//! The real program where a sandbox has several invocations at once, as on managed instances: Lambda hands out all events together,
//! and accepts no response before all of them are there.

#![allow(clippy::unwrap_used)]

use std::process::Stdio;

use test_kit::{Event, FakeLambda, Reply};
use tokio::process::Command;

const AT_ONCE: usize = 4;

#[tokio::test]
async fn invocations_overlap_where_the_sandbox_has_several() {
    let lambda = FakeLambda::start().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_document-analyser"));
    command.env_clear().env("AWS_LAMBDA_RUNTIME_API", lambda.address.to_string());
    command.env("AWS_LAMBDA_FUNCTION_NAME", "f").env("AWS_LAMBDA_FUNCTION_VERSION", "1");
    command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048").env("AWS_LAMBDA_MAX_CONCURRENCY", AT_ONCE.to_string());
    let _function = command.stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();

    let at_once = format!("{AT_ONCE} polls that wait at once");
    let polls = lambda.until(&at_once, |log| Some(log.waiting_polls()).filter(|polls| polls.len() == AT_ONCE)).await;
    let mut unaccepted = vec![];
    for poll in polls {
        let (reply, accept) = Reply::accepted().held();
        lambda.reply(&format!("POST /2018-06-01/runtime/invocation/{poll}/response"), reply);
        unaccepted.push((poll, accept));
        let body = format!(r#"{{"document":{{"name":"{poll}","encoding":"utf-8"}},"text":"some words"}}"#);
        lambda.push_to(poll, Event::new(&poll.to_string(), body));
    }
    for (poll, _) in &unaccepted {
        let response = lambda.response(&poll.to_string()).await.text();
        assert!(response.contains(&format!(r#""name":"{poll}""#)), "each answers its own event: {response}");
    }
}
