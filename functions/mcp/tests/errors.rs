//! What a client does wrong: the status of HTTP, the code of JSON-RPC, and words that name what is wrong.

use serde_json::{Value, json};

use crate::site::status;
use crate::world::{KEY, World, message};

#[tokio::test]
async fn each_mistake_has_its_status_and_its_code() {
    let world = World::new(|_| status(404)).await;
    let server = world.server();
    let call = |params: Value| message("tools/call", &params);
    let reference = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
    for (body, expected, code, named) in [
        ("{".to_owned(), 400, -32700, "line 1"),
        ("[]".to_owned(), 400, -32600, "batch"),
        (format!("[{}]", message("ping", &json!({}))), 400, -32600, "batch"),
        (r#"{"jsonrpc":"2.0","id":7}"#.to_owned(), 400, -32600, "`method`"),
        (message("tools/pull", &json!({})), 200, -32601, "tools/pull"),
        (call(json!({ "arguments": {} })), 200, -32602, "`name`"),
        (call(json!({ "name": "get_weather_forecast", "arguments": [] })), 200, -32602, "params"),
        (call(json!({ "name": "get_whether", "arguments": {} })), 200, -32602, "get_whether"),
        (
            call(json!({ "name": "get_weather_forecast", "arguments": { "latitude": 91, "longitude": 0 } })),
            200,
            -32602,
            "`latitude`",
        ),
        (
            call(json!({ "name": "get_weather_forecast", "arguments": { "latitude": 1 } })),
            200,
            -32602,
            "`longitude` is missing",
        ),
        (call(json!({ "name": "get_result", "arguments": { "offset": 0 } })), 200, -32602, "`id` is missing"),
        (
            call(json!({ "name": "document_search", "arguments": { "document": reference, "query": "a" } })),
            400,
            -32602,
            "params.arguments.document",
        ),
        (message("resources/read", &json!({ "uri": "https://example.com/" })), 200, -32602, "`uri`"),
        (message("resources/read", &json!({})), 200, -32602, "`uri`"),
        (message("resources/read", &json!({ "uri": "lrap://contents/nothing" })), 200, -32002, "`uri`"),
        (message("resources/read", &json!({ "uri": "lrap://results/nothing" })), 200, -32002, "`uri`"),
    ] {
        let (status, reply) = server.post(&body).await;
        let message = reply["error"]["message"].as_str().unwrap_or_default();
        assert_eq!((status, &reply["error"]["code"]), (expected, &json!(code)), "{body}: {reply}");
        assert!(message.contains(named), "{body}: {message}");
    }
}

#[tokio::test]
async fn a_notification_is_202_without_a_body() {
    let world = World::new(|_| status(404)).await;
    let body = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(world.server().post(body).await, (202, json!("")));
}

#[tokio::test]
async fn other_methods_of_http_are_405() {
    let world = World::new(|_| status(404)).await;
    let server = world.server();
    for method in ["GET", "DELETE", "PUT"] {
        let reply = server.invoke(&crate::world::event(method, "/mcp", &json!({ "x-api-key": KEY }), "")).await;
        assert_eq!((&reply["statusCode"], &reply["headers"]["allow"]), (&json!(405), &json!("POST")), "{method}");
    }
}

#[tokio::test]
async fn a_body_of_10_mb_is_413() {
    let world = World::new(|_| status(404)).await;
    let body = message("ping", &json!({ "_meta": { "long": "x".repeat(10 << 20) } }));
    assert_eq!(world.server().post(&body).await.0, 413);
}

#[tokio::test]
async fn what_goes_wrong_in_a_tool_is_a_result() {
    let world = World::new(|_| status(404)).await;
    let result = world.server().call("get_weather_forecast", json!({ "latitude": 1, "longitude": 1 })).await;
    assert_eq!(result["isError"], true, "{result}");
    assert!(result["content"][0]["text"].as_str().is_some_and(|text| text.contains("no forecast")), "{result}");
}

#[tokio::test]
async fn an_unknown_version_is_400() {
    let world = World::new(|_| status(404)).await;
    let headers = json!({ "x-api-key": KEY, "mcp-protocol-version": "1999-01-01" });
    assert_eq!(world.server().ask("POST", "/mcp", &headers, &message("tools/list", &json!({}))).await.0, 400);
}
