//! B8: what payloads cost in memory, by the kernel's own count of the extension's process.
//!
//! The binary under test is built for tests: its own code unoptimised, what it allocates the same.

use std::time::Duration;

use serde_json::json;

use crate::kit::json::{noise, quote};
use crate::kit::{Event, World};

const MIB: usize = 1 << 20;
/// A payload of 40 MiB takes its time on a busy machine.
const REMAINING: Duration = Duration::from_mins(2);

/// Bytes of a line of `/proc/PID/status`.
fn status(world: &World, name: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.extension.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Bytes beyond idle that one invocation with this response costs at its peak.
async fn cost_of_response(content: String) -> usize {
    let mut world = World::start().with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 1024).with_table().await;
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
async fn cost_of_hostile(event: impl Fn(&str) -> String, limit: usize) -> usize {
    let mut writer = World::start().with_table().await;
    let sent = writer.respond(quote(&noise(5 * MIB, 1))).await.json();
    let mut world = World::start().with("LRAP_MAX_EVENT_SIZE", limit).sharing(writer.table()).await;
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
    let cost = cost_of_response("some \"text\" that repeats\n".repeat(40 * MIB / 25)).await;
    assert!(cost <= 100 * MIB, "{cost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn b8_what_does_not_compress_costs_no_more_than_two_and_a_half_times_its_size() {
    let cost = cost_of_response(noise(40 * MIB, 1)).await;
    assert!(cost <= 100 * MIB, "{cost}");
}

#[tokio::test]
async fn b8_one_content_named_a_thousand_times_is_refused_before_it_costs_the_memory() {
    let cost = cost_of_hostile(|reference| json!(vec![reference; 1_000]).to_string(), 32 * MIB).await;
    assert!(cost <= 64 * MIB, "{cost}");
}

#[tokio::test]
async fn b8_one_content_named_a_thousand_times_inside_of_texts_is_refused_as_early() {
    let event = |reference: &str| json!([json!([json!(vec![reference; 1_000]).to_string()]).to_string()]).to_string();
    let cost = cost_of_hostile(event, 32 * MIB).await;
    assert!(cost <= 64 * MIB, "{cost}");
}
