//! Calls by a Bedrock AgentCore gateway: arguments in, plain JSON out.

use functions_shared::{Context, Failure, LambdaEvent};
use serde_json::{Value, json};
use tool::{Answer, handle};

use crate::site::page;
use crate::world::{Function, World};

async fn called(function: &Function, tool: &str, arguments: Value) -> Result<Value, Failure> {
    let custom =
        json!({ "bedrockAgentCoreGatewayId": "g-1", "bedrockAgentCoreToolName": format!("web-tools___{tool}") });
    let client_context = serde_json::from_value(json!({ "custom": custom })).expect("a client context");
    let mut context = Context::default();
    context.client_context = Some(client_context);
    match handle(&function.0, LambdaEvent::new(arguments, context)).await? {
        Answer::Plain(value) => Ok(value),
        other => panic!("not plain: {other:?}"),
    }
}

#[tokio::test]
async fn a_gateway_gets_a_long_result_whole_and_no_handle() {
    let text = "The valve was built in Bergen.\n".repeat(1000);
    let body = text.clone();
    let world = World::new(move |_| page("text/plain", body.clone())).await;
    let got =
        called(&world.function(), "http_get", json!({ "url": "https://documents.test/" })).await.expect("a result");
    let got = got.as_str().expect("a text");
    assert!(got.contains(text.trim_end()) && !got.contains("handle:"), "{} bytes", got.len());
}

#[tokio::test]
async fn arguments_with_the_fields_of_another_event_are_still_arguments() {
    let world = World::new(|_| page("text/plain", "short")).await;
    let arguments = json!({ "type": "show", "value": "@content:anything" });
    let failure = called(&world.function(), "http_get", arguments).await.expect_err("no `url`");
    assert!(failure.to_string().contains("url"), "{failure}");
}

#[tokio::test]
async fn a_gateway_opens_no_handle_and_hears_of_unknown_tools_and_wrong_arguments() {
    let world = World::new(|_| page("text/plain", "A line of text.\n".repeat(1000))).await;
    let function = world.function();
    let preview = function.text("http_get", json!({ "url": "https://documents.test/" })).await;
    let (_, handle) = preview.rsplit_once("handle: ").expect("a handle");
    let arguments = json!({ "document": handle.trim_end_matches(']'), "query": "line" });
    for (tool, arguments, said) in [
        ("document_search", arguments, "handles cannot be opened here"),
        ("http_got", json!({}), "there is no tool `http_got`"),
        ("http_get", json!([]), "not an object"),
    ] {
        let failure = called(&function, tool, arguments).await.expect_err("a failure");
        assert!(failure.to_string().contains(said), "{failure}");
    }
}
