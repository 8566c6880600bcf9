//! O10: how much of responses is in memory together. What they cost is measured in `memory.rs`.

use tokio::task::JoinSet;

use crate::streaming::arrived;
use test_kit::json::{noise, quote};
use test_kit::runtime::Runtime;
use test_kit::world::Failure;
use test_kit::{Event, Request, World};

const MIB: usize = 1 << 20;

/// A sandbox of a function with 128 MB, whose responses have 32 MiB together.
fn small() -> test_kit::world::Builder {
    World::start().with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 128).with("LRAP_LOG", "debug")
}

fn name(id: &str) -> String {
    format!("POST /2018-06-01/runtime/invocation/{id}/response")
}

/// The runtime's half of a failure because of its response's size.
async fn is_stopped(runtime: &mut Runtime) {
    let answer = runtime.answer("POST").await;
    assert_eq!((answer.status, answer.headers.get("Connection")), (413, Some("close")));
    assert_eq!(answer.json()["errorType"], "LongContent.ResponseTooLarge");
}

#[tokio::test]
async fn o10_a_response_that_announces_more_than_the_room_is_refused_before_it_is_read() {
    let mut world = small().await;
    let id = world.invocation().await;
    world.runtime.begin_part(&Request::response(&id, vec![b' '; 32 * MIB + 1]), 1_000).await;
    is_stopped(&mut world.runtime).await;
    assert_eq!(Failure::of(&world.lambda.error(&id).await).error_type, "LongContent.ResponseTooLarge");
    assert_eq!(world.lambda.count(&name(&id)), 0);
    assert_eq!(world.deliver("and on").await.text(), "and on");
}

#[tokio::test]
async fn o10_a_response_that_grows_beyond_the_room_is_refused() {
    let mut world = small().await;
    let id = world.invocation().await;
    let request = Request::response(&id, vec![b' '; 33 * MIB]).chunked(MIB);
    world.runtime.begin_part(&request, request.print_body().len() - 100).await;
    is_stopped(&mut world.runtime).await;
    assert_eq!(Failure::of(&world.lambda.error(&id).await).error_type, "LongContent.ResponseTooLarge");
    assert_eq!(world.deliver("and on").await.text(), "and on");
}

#[tokio::test]
async fn o10_no_function_buffers_more_than_96_mib() {
    let mut world = World::start().with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 10_240).await;
    let id = world.invocation().await;
    let head = format!("{} HTTP/1.1\r\nContent-Length: {}\r\n\r\n", name(&id), 96 * MIB + 1);
    world.runtime.write(head).await;
    is_stopped(&mut world.runtime).await;
}

#[tokio::test]
async fn o10_one_response_that_lambda_takes_always_has_room() {
    let mut world = small().with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 1).with("MAX_PAYLOAD_SIZE", 0).await;
    for chunked in [false, true] {
        let id = world.invocation().await;
        let response = Request::response(&id, vec![b' '; 6 * MIB + 100]);
        let response = if chunked { response.chunked(MIB) } else { response };
        assert_eq!(world.runtime.send(response).await.status, 202);
        assert_eq!(world.lambda.response(&id).await.body.len(), 6 * MIB + 100);
    }
}

/// Sends the head of a response, whose body is asked for when there is room for it.
async fn takes_room(runtime: &mut Runtime, response: &Request) {
    let response = response.clone().header("Expect", "100-continue");
    assert_eq!(runtime.expect_continue(&response).await.status(), 100);
}

#[tokio::test]
async fn o10_responses_wait_for_room_and_a_smaller_one_passes() {
    let mut world = small().with("MAX_PAYLOAD_SIZE", 0).await;
    for id in ["first", "second", "small"] {
        world.lambda.push(Event::new(id, "{}"));
        world.runtime.next().await;
    }
    let (mut second, mut small) = (world.another_runtime(), world.another_runtime());
    let response = |id| Request::response(id, vec![b' '; 20 * MIB]);
    takes_room(&mut world.runtime, &response("first")).await;
    let (waiting, ()) = tokio::join!(world.extension.log_with("waiting for room"), async {
        second.begin_part(&response("second"), MIB).await;
    });
    assert!(waiting.contains("20971520"), "{waiting}");
    assert_eq!(small.respond("small", vec![b' '; 2 * MIB]).await.status, 202);
    assert_eq!(world.lambda.count(&name("second")), 0);
    world.runtime.write(vec![b' '; 20 * MIB]).await;
    assert_eq!(world.runtime.answer("POST").await.status, 202);
    second.write(vec![b' '; 19 * MIB]).await;
    assert_eq!(second.answer("POST").await.status, 202);
    assert_eq!(world.lambda.response("second").await.body.len(), 20 * MIB);
}

#[tokio::test]
async fn o10_a_response_that_waits_in_vain_fails_in_time() {
    let mut world = small().with("LRAP_STORE_TIMEOUT", 1).await;
    for id in ["first", "second"] {
        world.lambda.push(Event::new(id, "{}"));
        world.runtime.next().await;
    }
    let mut second = world.another_runtime();
    let response = |id| Request::response(id, vec![b' '; 20 * MIB]);
    takes_room(&mut world.runtime, &response("first")).await;
    second.begin_part(&response("second"), MIB).await;
    assert_eq!(second.answer("POST").await.status, 202);
    assert_eq!(Failure::of(&world.lambda.error("second").await).error_type, "LongContent.StoreUnavailable");
}

/// Each of them would hold what Lambda takes, and wait for more.
#[tokio::test]
async fn o10_responses_in_chunks_that_all_grow_end_one_after_the_other() {
    let mut world = small().with("MAX_PAYLOAD_SIZE", 0).with("LRAP_STORE_TIMEOUT", 120).await;
    let ids: Vec<_> = (0..5).map(|number| format!("chunks-{number}")).collect();
    for id in &ids {
        world.lambda.push(Event::new(id, "{}"));
        world.runtime.next().await;
    }
    let mut sends = JoinSet::new();
    for id in &ids {
        let mut runtime = world.another_runtime();
        let response = Request::response(id, vec![b' '; 7 * MIB]).chunked(MIB);
        sends.spawn(async move { runtime.send(response).await.status });
    }
    assert_eq!(sends.join_all().await, [202; 5]);
    for id in &ids {
        assert_eq!(world.lambda.response(id).await.body.len(), 7 * MIB);
    }
}

#[tokio::test]
async fn o9_a_response_without_a_known_event_is_buffered_to_be_searched() {
    let mut world = small().with("LRAP_OFFLOAD", "auto").await;
    let head = format!("{} HTTP/1.1\r\nContent-Length: 40000000\r\n\r\n", name("never-seen"));
    world.runtime.write(head).await;
    is_stopped(&mut world.runtime).await;
    assert_eq!(world.lambda.count(&name("never-seen")), 0);
    let mut never = small().with("LRAP_OFFLOAD", "never").await;
    let response = Request::response("never-seen", vec![b' '; 40_000_000]);
    never.runtime.begin_part(&response, 1_000).await;
    arrived(&never.lambda, "never-seen", &[b' '; 1_000]).await;
}

#[tokio::test]
async fn o10_a_response_that_is_left_alone_is_forwarded_as_it_is_made() {
    for setting in ["auto", "never"] {
        let mut world = small().with("LRAP_OFFLOAD", setting).await;
        let event =
            if setting == "auto" { r#"{"requestContext":{"http":{"method":"GET"}},"headers":{}}"# } else { "{}" };
        world.lambda.push(Event::new("http", event));
        world.runtime.next().await;
        let body = quote(&noise(40 * MIB, 1));
        let request = Request::response("http", body.as_str());
        world.runtime.begin_part(&request, 1_000).await;
        arrived(&world.lambda, "http", &body.as_bytes()[..1_000]).await;
        world.runtime.write(&body[1_000..]).await;
        assert_eq!(world.runtime.answer("POST").await.status, 202);
        assert!(world.lambda.response("http").await.body == body.as_bytes(), "{setting}");
    }
}
