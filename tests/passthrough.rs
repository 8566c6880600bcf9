//! P1, P2, P6: what is not changed passes unchanged, both ways, known route or not.

use test_kit::message::Event;
use test_kit::{FakeLambda, Reply, Request, World, json};

const ARBITRARY: &[(&str, &[u8])] = &[
    ("empty", b""),
    ("key order and duplicate keys", br#"{"z":1,"a":{"y":2,"b":3},"z":4}"#),
    ("a number beyond every float", b"1e400"),
    ("a number beyond 64 bits", b"[12345678901234567890123,18446744073709551617]"),
    ("negative zero and a spelt fraction", br#"{"n":-0,"m":-0.0,"one":1.0,"e":1E+2}"#),
    ("lone surrogates", br#"["\ud800","\uDC00 and \ud83d","\ud83d\ude00"]"#),
    ("white space", b" \t\r\n{ \"a\" :\n[ 1 ,\t2 ] }\r\n "),
    ("escapes", br#""\u0041\/\b\f\n\r\t\"\\\u00e9\u0000""#),
    ("not JSON", b"not JSON: {\"a\":"),
    ("two documents", b"{}{}"),
    ("invalid UTF-8", b"\"\xff\xfe\xc3\x28\xed\xa0\x80\""),
    ("a byte order mark", b"\xef\xbb\xbf{}"),
    ("binary", b"\0\x01\x02\r\n\r\n0\r\n\r\n\x7f\x80"),
    ("a key that reads like a reference", br#"{"@content:1:dynamodb:s:none:x:1":1}"#),
    ("text after the prefix", br#"["@content:","@content:x","@content is king","x@content:1:y"]"#),
];

fn longer(text: &[u8], times: usize) -> Vec<u8> {
    text.repeat(times)
}

#[tokio::test]
async fn p2_an_event_with_nothing_to_replace_arrives_as_the_same_bytes() {
    let mut world = World::start().await;
    for (name, text) in ARBITRARY {
        assert_eq!(world.deliver(*text).await.body, *text, "{name}");
    }
}

#[tokio::test]
async fn p2_an_event_in_chunks_arrives_as_the_same_bytes() {
    let mut world = World::start().await;
    for (name, text) in ARBITRARY {
        for size in [1, 7, 4096] {
            let id = world.fresh_id();
            let delivered = world.deliver_event(Event::new(&id, *text).chunked(size)).await;
            assert_eq!(delivered.body, *text, "{name}, chunks of {size}");
        }
    }
}

#[tokio::test]
async fn p2_a_response_with_nothing_to_replace_leaves_as_the_same_bytes() {
    let mut world = World::start().await;
    // Text that begins like a reference is something to replace on the way out: that is O4's matter.
    for (name, text) in ARBITRARY.iter().filter(|(name, _)| *name != "text after the prefix") {
        assert_eq!(world.respond(*text).await.body, *text, "{name}");
    }
}

#[tokio::test]
async fn p2_a_response_in_chunks_leaves_as_the_same_bytes() {
    let mut world = World::start().await;
    for (name, text) in ARBITRARY.iter().filter(|(name, _)| *name != "text after the prefix") {
        for size in [1, 7, 4096] {
            let id = world.invocation().await;
            world.runtime.send(Request::response(&id, *text).chunked(size)).await;
            assert_eq!(world.lambda.response(&id).await.body, *text, "{name}, chunks of {size}");
        }
    }
}

#[tokio::test]
async fn p2_characters_of_two_bytes_survive_every_cut() {
    let mut world = World::start().await;
    let text = json::quote("aé😀ß€".repeat(3).as_str());
    for size in 1..=text.len() {
        let id = world.fresh_id();
        world.lambda.push(Event::new(&id, text.as_str()).chunked(size));
        assert_eq!(world.runtime.next().await.text(), text, "event, chunks of {size}");
        world.runtime.send(Request::response(&id, text.as_str()).chunked(size)).await;
        assert_eq!(world.lambda.response(&id).await.text(), text, "response, chunks of {size}");
    }
}

#[tokio::test]
async fn p2_a_body_that_is_not_json_keeps_its_long_strings() {
    let mut world = World::start().with("MAX_CONTENT_SIZE", 10).with_table().await;
    let long = longer(b"long ", 20);
    let bodies: [Vec<u8>; 5] = [
        [b"{\"a\":\"", &long[..], b"\""].concat(),
        [b"\"", &long[..], b"\",\"x\""].concat(),
        [b"[\"", &long[..], b"\",01]"].concat(),
        [b"\"", &long[..], b"\xff\""].concat(),
        [b"\xef\xbb\xbf\"", &long[..], b"\""].concat(),
    ];
    for body in bodies {
        assert_eq!(world.respond(body.clone()).await.body, body, "{}", String::from_utf8_lossy(&body));
    }
}

#[tokio::test]
async fn p2_long_keys_and_long_numbers_are_not_strings() {
    let mut world = World::start().with("MAX_CONTENT_SIZE", 10).with_table().await;
    let body = format!(r#"{{"{}" : {}}}"#, "key ".repeat(20), "7".repeat(200));
    assert_eq!(world.respond(body.as_str()).await.text(), body);
}

#[tokio::test]
async fn p2_a_payload_of_six_megabytes_of_small_values_is_the_same() {
    let mut world = World::start().with("MAX_PAYLOAD_SIZE", 0).await;
    let body = format!("[{}0]", r#"{"id":1.0,"é":"\u00e9"},"#.repeat(6 * 1024 * 1024 / 26));
    assert!(world.deliver(body.as_str()).await.body == body.as_bytes());
    assert!(world.respond(body.as_str()).await.body == body.as_bytes());
}

#[tokio::test]
async fn p2_a_gathered_response_announces_no_trailers() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    world.runtime.send(Request::response(&id, "{}").header("Trailer", "X-Checksum").chunked(1)).await;
    let seen = world.lambda.response(&id).await;
    assert_eq!((seen.text().as_str(), seen.headers.get("Trailer")), ("{}", None));
}

/// Fields that concern one connection only, or that every HTTP message has by itself.
const OF_THE_CONNECTION: [&str; 6] =
    ["host", "connection", "content-length", "transfer-encoding", "date", "keep-alive"];

fn end_to_end(headers: &test_kit::wire::Headers) -> Vec<(String, String)> {
    let fields = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let mut fields: Vec<_> = fields.filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str())).collect();
    fields.sort();
    fields
}

const RUNTIME_HEADERS: [(&str, &str); 9] = [
    ("User-Agent", "aws-lambda-rust/1.0 (test)"),
    ("Content-Type", "application/vnd.aws.lambda.error+json; charset=utf-8"),
    ("Lambda-Runtime-Function-Error-Type", "Runtime.Unhandled"),
    ("Lambda-Runtime-Function-XRay-Error-Cause", r#"{"working_directory":"/var/task","exceptions":[]}"#),
    ("Lambda-Runtime-Aws-Tenant-Id", "tenant-7"),
    ("X-Header-Of-Tomorrow", "with, commas; and = signs \"quoted\""),
    ("X-Twice", "first"),
    ("X-Twice", "second"),
    ("X-Empty", ""),
];

const LAMBDA_HEADERS: [(&str, &str); 9] = [
    ("Content-Type", "application/json"),
    ("Lambda-Runtime-Cognito-Identity", r#"{"cognitoIdentityId":"x","cognitoIdentityPoolId":"y"}"#),
    ("Lambda-Runtime-Client-Context", "eyJjdXN0b20iOnt9fQ=="),
    ("Lambda-Runtime-Aws-Tenant-Id", "tenant-7"),
    ("Lambda-Runtime-Invocation-Id", "of-tomorrow"),
    ("X-Amzn-Future", "über"),
    ("Set-Cookie", "a=1"),
    ("Set-Cookie", "b=2"),
    ("X-Empty", ""),
];

#[tokio::test]
async fn p1_all_headers_of_the_runtime_reach_lambda_on_every_route() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    let response = format!("/2018-06-01/runtime/invocation/{id}/response");
    let error = format!("/2018-06-01/runtime/invocation/{id}/error");
    for target in [&response, &error, "/2018-06-01/runtime/init/error", "/2099-01-01/tomorrow"] {
        let request =
            RUNTIME_HEADERS.iter().fold(Request::post(target, "{}"), |r, (name, value)| r.header(name, value));
        let sent = end_to_end(&request.headers);
        let (recorded, _) = world.forward(request).await;
        assert_eq!(end_to_end(&recorded.headers), sent, "{target}");
    }
}

#[tokio::test]
async fn p1_all_headers_of_a_poll_reach_lambda() {
    let mut world = World::start().await;
    world.lambda.push(Event::new("1", "{}"));
    let poll = RUNTIME_HEADERS.iter().fold(Request::next(), |r, (name, value)| r.header(name, value));
    let sent = end_to_end(&poll.headers);
    let (recorded, _) = world.forward(poll).await;
    assert_eq!(end_to_end(&recorded.headers), sent);
}

#[tokio::test]
async fn p1_all_headers_of_lambda_reach_the_runtime_on_every_route() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    let response = format!("POST /2018-06-01/runtime/invocation/{id}/response");
    for name in [&response, "GET /2018-06-01/runtime/invocation/next", "GET /2099-01-01/tomorrow"] {
        let reply = LAMBDA_HEADERS.iter().fold(Reply::new(200, "{}"), |r, (name, value)| r.header(name, value));
        let sent = end_to_end(&reply.headers);
        world.lambda.reply(name, reply);
        let (method, target) = name.split_once(' ').unwrap();
        let answer = world.runtime.send(Request::new(method, target)).await;
        assert_eq!(end_to_end(&answer.headers), sent, "{name}");
    }
}

#[tokio::test]
async fn p1_header_names_keep_their_spelling_both_ways() {
    let mut world = World::start().await;
    world.lambda.push(Event::new("1", "{}").header("X-MiXed-Case", "1"));
    let (poll, event) = world.forward(Request::next().header("Lambda-Runtime-MiXed", "1")).await;
    assert!(poll.headers.iter().any(|(name, _)| name == "Lambda-Runtime-MiXed"), "{:?}", poll.headers);
    for name in ["Lambda-Runtime-Aws-Request-Id", "X-MiXed-Case"] {
        assert!(event.headers.iter().any(|(sent, _)| sent == name), "{name} in {:?}", event.headers);
    }
}

#[tokio::test]
async fn p1_headers_of_one_hop_stay_on_it() {
    let mut world = World::start().await;
    let reply = Reply::new(200, "{}")
        .header("Connection", "keep-alive, X-Hop")
        .header("X-Hop", "1")
        .header("Keep-Alive", "timeout=5");
    world.lambda.reply("GET /2099-01-01/tomorrow", reply);
    let request = Request::get("/2099-01-01/tomorrow").header("Connection", "keep-alive, X-Hop").header("X-Hop", "1");
    let (recorded, answer) = world.forward(request.header("Keep-Alive", "timeout=5")).await;
    for headers in [recorded.headers, answer.headers] {
        assert_eq!((headers.get("X-Hop"), headers.get("Keep-Alive")), (None, None), "{headers:?}");
    }
}

#[tokio::test]
async fn p1_every_known_route_passes_with_body_and_answer() {
    let mut world = World::start().await;
    let routes = [
        ("POST", "/2018-06-01/runtime/init/error"),
        ("GET", "/2018-06-01/runtime/restore/next"),
        ("POST", "/2018-06-01/runtime/restore/error"),
        ("POST", "/2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/error"),
    ];
    for (method, target) in routes {
        world.lambda.reply(&format!("{method} {target}"), Reply::new(202, format!("answer to {target}")));
        let request = Request::new(method, target);
        let request = if method == "POST" { request.body(r#"{"errorMessage":"x"}"#) } else { request };
        let (recorded, answer) = world.forward(request).await;
        assert_eq!(recorded.text(), if method == "POST" { r#"{"errorMessage":"x"}"# } else { "" }, "{target}");
        assert_eq!((answer.status, answer.text()), (202, format!("answer to {target}")));
    }
}

#[tokio::test]
async fn p1_unknown_routes_pass_with_method_query_body_and_answer() {
    let mut world = World::start().await;
    let target = "/2099-01-01/a%20b/%C3%A9//c;v=1/../d?x=1&x=2&y=%2F%3f&empty=&flag";
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "POST", "BREW"] {
        world.lambda.reply(&format!("{method} {target}"), Reply::new(418, method).chunked(2));
        let (recorded, answer) = world.forward(Request::new(method, target).body("body \0\u{1}")).await;
        assert_eq!((recorded.text().as_str(), recorded.target.as_str()), ("body \0\u{1}", target));
        assert_eq!((answer.status, answer.text().as_str()), (418, method));
    }
}

#[tokio::test]
async fn p1_a_known_path_with_a_query_passes_with_it() {
    let mut world = World::start().await;
    let target = "/2018-06-01/runtime/invocation/next?generation=2";
    world.lambda.push(Event::new("1", "{}"));
    let (recorded, answer) = world.forward(Request::get(target)).await;
    assert_eq!((recorded.target.as_str(), answer.id()), (target, "1"));
}

#[tokio::test]
async fn p1_the_answer_to_a_head_request_has_its_length_and_no_body() {
    let mut world = World::start().await;
    world.lambda.reply("HEAD /2099-01-01/tomorrow", Reply::to_head(5));
    let (_, answer) = world.forward(Request::new("HEAD", "/2099-01-01/tomorrow")).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.headers.get("Content-Length"), Some("5"));
}

#[tokio::test]
async fn p1_refusals_of_lambda_reach_the_runtime_with_their_body() {
    let mut world = World::start().await;
    for status in [400, 403, 413, 500] {
        let id = world.invocation().await;
        let body = format!(r#"{{"errorMessage":"because of {status}","errorType":"InvalidRequestID"}}"#);
        for kind in ["response", "error"] {
            let target = format!("/2018-06-01/runtime/invocation/{id}/{kind}");
            world.lambda.reply(&format!("POST {target}"), Reply::new(status, body.as_str()));
            let (_, answer) = world.forward(Request::post(&target, "{}")).await;
            assert_eq!((answer.status, answer.text()), (status, body.clone()), "{kind}");
        }
    }
}

#[tokio::test]
async fn p1_a_refused_poll_reaches_the_runtime_with_its_body() {
    let mut world = World::start().await;
    for status in [400, 403, 500] {
        world.lambda.reply("GET /2018-06-01/runtime/invocation/next", Reply::new(status, "why not"));
        let answer = world.runtime.next().await;
        assert_eq!((answer.status, answer.text().as_str()), (status, "why not"));
    }
}

#[tokio::test]
async fn p1_the_reference_in_a_refusal_of_a_poll_is_not_hydrated() {
    let mut world = World::start().await;
    let body = r#"{"errorMessage":"@content:1:dynamodb:s:none:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA:5"}"#;
    world.lambda.reply("GET /2018-06-01/runtime/invocation/next", Reply::new(500, body));
    let answer = world.runtime.next().await;
    assert_eq!((answer.status, answer.text().as_str()), (500, body));
}

#[tokio::test]
async fn p1_a_runtime_that_expects_100_continue_is_told_to() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    let request = Request::response(&id, r#"{"after":"a pause"}"#).header("Expect", "100-continue");
    assert_eq!(world.runtime.expect_continue(&request).await.status(), 100);
    world.runtime.send_body(&request).await;
    assert_eq!(world.runtime.answer("POST").await.status, 202);
    assert_eq!(world.lambda.response(&id).await.text(), r#"{"after":"a pause"}"#);
}

#[tokio::test]
async fn p1_an_error_of_the_function_is_not_offloaded() {
    let mut world = World::start().with("MAX_CONTENT_SIZE", 10).with_table().await;
    let id = world.invocation().await;
    let body = format!(r#"{{"errorType":"E","errorMessage":"{}","stackTrace":[]}}"#, "trace ".repeat(100));
    let target = format!("/2018-06-01/runtime/invocation/{id}/error");
    let (recorded, _) = world.forward(Request::post(&target, body.as_str())).await;
    assert_eq!(recorded.text(), body);
}

#[tokio::test]
async fn p6_lambda_out_of_reach_is_a_502_in_the_runtime_apis_form_and_no_event() {
    let mut world = World::start().await;
    world.lambda.vanish().await;
    for request in [Request::next(), Request::response("1", "{}"), Request::get("/2099-01-01/tomorrow")] {
        let answer = world.runtime.send(request).await;
        assert_eq!(answer.status, 502);
        let body = answer.json();
        assert!(body["errorMessage"].is_string() && body["errorType"].is_string(), "{body}");
        let invented = answer.headers.iter().find(|(name, _)| name.to_ascii_lowercase().starts_with("lambda-runtime-"));
        assert_eq!(invented, None);
    }
}

#[tokio::test]
async fn p6_an_event_that_breaks_off_is_never_handed_over() {
    let mut world = World::start().await;
    let cut = Event::new("1", vec![b' '; 4096]).into_reply().cut(2048);
    world.lambda.reply("GET /2018-06-01/runtime/invocation/next", cut);
    world.lambda.push(Event::new("2", "{}"));
    let answer = world.runtime.next().await;
    assert!(answer.status == 502 || answer.id() == "2", "{answer:?}");
}

#[tokio::test]
async fn p6_a_response_that_breaks_off_never_arrives_whole() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    let request = Request::response(&id, vec![b' '; 4096]);
    world.runtime.begin_part(&request, 2048).await;
    world.runtime.hang_up();
    let next = world.invocation().await;
    world.runtime.respond(&next, "{}").await;
    world.lambda.response(&next).await;
    let name = format!("POST /2018-06-01/runtime/invocation/{id}/response");
    assert!(world.lambda.with_log(|log| log.all(&name).iter().all(|seen| !seen.is_whole())));
}

#[tokio::test]
async fn p1_traffic_goes_to_the_configured_endpoint_and_registration_to_lambda() {
    let proxy = FakeLambda::start().await;
    let ignored = FakeLambda::start().await;
    let mut world = World::start()
        .with("LONG_CONTENT_RUNTIME_API_ENDPOINT", proxy.address)
        .with("LRAP_RUNTIME_API_ENDPOINT", ignored.address)
        .await;
    proxy.push(Event::new("1", "{}"));
    assert_eq!(world.runtime.next().await.id(), "1");
    assert_eq!(world.lambda.names(), ["POST /2020-01-01/extension/register", "GET /2020-01-01/extension/event/next"]);
    assert!(ignored.names().is_empty());
}

#[tokio::test]
async fn p1_the_endpoint_of_other_proxies_is_used_when_ours_is_not_set() {
    let proxy = FakeLambda::start().await;
    let mut world = World::start().with("LRAP_RUNTIME_API_ENDPOINT", proxy.address).await;
    proxy.push(Event::new("1", "{}"));
    assert_eq!(world.runtime.next().await.id(), "1");
}

#[tokio::test]
async fn p1_a_header_of_nearly_a_megabyte_passes() {
    // What runtimes send as the cause of an error may have a megabyte.
    const NAME: &str = "Lambda-Runtime-Function-XRay-Error-Cause";
    let mut world = World::start().await;
    let cause = "x".repeat(1024 * 1024 - 1);
    let request = Request::post("/2018-06-01/runtime/init/error", "{}").header(NAME, &cause);
    assert_eq!(world.runtime.send(request).await.status, 202);
    let recorded = world.lambda.recorded("POST /2018-06-01/runtime/init/error").await;
    assert!(recorded.headers.get(NAME) == Some(&cause));
}
