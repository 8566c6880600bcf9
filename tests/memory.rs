//! B8: what payloads cost in memory, by the kernel's own count of the extension's process.
//!
//! The binary under test is built for tests: its own code unoptimised, what it allocates the same.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use test_kit::json::{noise, quote};
use test_kit::stores::Backing;
use test_kit::wire::chunk;
use test_kit::world::Failure;
use test_kit::{Event, World, soon};

const MIB: usize = 1 << 20;
/// A payload of 40 MiB takes its time on a busy machine.
const REMAINING: Duration = Duration::from_mins(2);

/// Bytes of a line of `/proc/PID/status`.
pub(crate) fn status(world: &World, name: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.extension.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Bytes beyond idle that one invocation with this response costs at its peak.
async fn cost_of_response(backing: Backing, content: String) -> usize {
    let mut world = World::start().with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 1024).with_store(backing).await;
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, "{}").due_in(REMAINING));
    world.runtime.next().await;
    let idle = status(&world, "VmRSS");
    assert_eq!(world.runtime.respond(&id, quote(&content)).await.status, 202);
    assert!(world.lambda.response(&id).await.body.len() < 200, "stored");
    let cost = status(&world, "VmHWM") - idle;
    println!("idle {} KiB, {} bytes cost {cost} at the peak", idle / 1024, content.len());
    cost
}

/// Bytes beyond idle that an event costs which fails because hydrated it would exceed `limit`.
async fn cost_of_hostile(backing: Backing, event: impl Fn(&str) -> String, limit: usize) -> usize {
    let mut writer = World::start().with_store(backing).await;
    let sent = writer.respond(quote(&noise(5 * MIB, 1))).await.json();
    let mut world = World::start().with("LRAP_MAX_EVENT_SIZE", limit).on(writer.stores()).await;
    world.deliver("1").await;
    let idle = status(&world, "VmRSS");
    let failure = world.fail(event(sent.as_str().unwrap())).await;
    assert_eq!(failure.error_type, "LongContent.EventTooLarge");
    let cost = status(&world, "VmHWM") - idle;
    println!("idle {} KiB, refused at a cost of {cost}", idle / 1024);
    cost
}

#[tokio::test(flavor = "multi_thread")]
async fn b8_a_long_text_costs_no_more_than_two_and_a_half_times_its_size() {
    let cost = cost_of_response(Backing::Table, "some \"text\" that repeats\n".repeat(40 * MIB / 25)).await;
    assert!(cost <= 100 * MIB, "{cost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn b8_what_does_not_compress_costs_no_more_than_two_and_a_half_times_its_size() {
    let cost = cost_of_response(Backing::Table, noise(40 * MIB, 1)).await;
    assert!(cost <= 100 * MIB, "{cost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn b8_what_does_not_compress_costs_no_more_than_that_with_a_bucket() {
    let cost = cost_of_response(Backing::Bucket, noise(40 * MIB, 1)).await;
    assert!(cost <= 100 * MIB, "{cost}");
}

#[tokio::test]
async fn b8_one_content_named_a_thousand_times_is_refused_before_it_costs_the_memory() {
    for backing in Backing::BOTH {
        let event = |reference: &str| json!(vec![reference; 1_000]).to_string();
        let cost = cost_of_hostile(backing, event, 32 * MIB).await;
        assert!(cost <= 64 * MIB, "{backing:?}: {cost}");
    }
}

#[tokio::test]
async fn b8_one_content_named_a_thousand_times_inside_of_texts_is_refused_as_early() {
    let event = |reference: &str| json!([json!([json!(vec![reference; 1_000]).to_string()]).to_string()]).to_string();
    let cost = cost_of_hostile(Backing::Table, event, 32 * MIB).await;
    assert!(cost <= 64 * MIB, "{cost}");
}

/// Bytes beyond idle that a function of 128 MB pays for a response which `send` sends and which is refused.
async fn cost_of_refused(send: impl AsyncFnOnce(TcpStream, String)) -> usize {
    let mut world = World::start().with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 128).with_table().await;
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, "{}").due_in(REMAINING));
    world.runtime.next().await;
    let idle = status(&world, "VmRSS");
    let stream = TcpStream::connect(world.extension.listener).await.unwrap();
    soon("a refusal", send(stream, format!("POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\n"))).await;
    assert_eq!(Failure::of(&world.lambda.error(&id).await).error_type, "LongContent.ResponseTooLarge");
    let cost = status(&world, "VmHWM") - idle;
    println!("idle {} KiB, refused at a cost of {cost}", idle / 1024);
    cost
}

/// Sends chunks until they are refused, or for ever.
async fn endless(stream: TcpStream, request: String, piece: &str) {
    let (mut source, mut sink) = stream.into_split();
    let head = format!("{request}Transfer-Encoding: chunked\r\n\r\n");
    let piece = chunk(piece.as_bytes());
    let sending = async {
        sink.write_all(head.as_bytes()).await.unwrap();
        while sink.write_all(&piece).await.is_ok() {}
    };
    let mut answer = vec![0; 12];
    let answered = source.read_exact(&mut answer);
    let ((), answered) = tokio::join!(sending, answered);
    assert_eq!((answered.unwrap(), &answer[..]), (12, &b"HTTP/1.1 413"[..]));
}

/// The heap keeps what it grew by before (`heap.rs`), up to 16 MiB.
#[tokio::test]
async fn o10_an_endless_response_costs_a_quarter_of_the_functions_memory_and_what_the_heap_keeps() {
    for piece in ["x".repeat(64 << 10), "\"@content:1:x\",".repeat(4 << 10), "\"a\",".repeat(200)] {
        let cost = cost_of_refused(async |stream, request| endless(stream, request, &piece).await).await;
        assert!(cost <= 48 * MIB, "{cost} in pieces of {}", piece.len());
    }
}

#[tokio::test]
async fn o10_a_response_of_40_mib_costs_a_function_of_128_mb_nothing() {
    let announced = async |mut stream: TcpStream, request: String| {
        let head = format!("{request}Content-Length: {}\r\n\r\n", 40 * MIB);
        stream.write_all(head.as_bytes()).await.unwrap();
        // What is refused may not be taken.
        stream.write_all(&vec![b'x'; 40 * MIB]).await.ok();
    };
    let cost = cost_of_refused(announced).await;
    assert!(cost <= 2 * MIB, "{cost}");
}

/// Their runtime takes events and answers none. Memory is theirs for as long as an invocation may last (O9).
#[tokio::test]
async fn o9_three_thousand_events_without_an_answer_cost_little() {
    let mut world = World::start().await;
    world.deliver("{}").await;
    let idle = status(&world, "VmRSS");
    for number in 0..3_000 {
        let event = Event::new(&format!("8476a536-e9f4-11e8-9739-{number:012x}"), "{}");
        world.lambda.push(if number % 2 == 0 { event.deadline("") } else { event });
        world.runtime.next().await;
    }
    let cost = status(&world, "VmRSS") - idle;
    println!("idle {} KiB, 3,000 unanswered events cost {cost}", idle / 1024);
    assert!(cost <= 3 * MIB / 2, "{cost}");
}
