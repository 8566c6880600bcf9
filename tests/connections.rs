//! P5 and section 6 of the contract: connections that died while the sandbox was frozen, to the Runtime API and to the content
//! table.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use lambda_local::table::{Fault, Faults};

use test_kit::NEXT;
use test_kit::json::{noise, quote};
use test_kit::peer::{Log, State};
use test_kit::runtime::runtimes;
use test_kit::{Event, Reply, Request, World};

#[tokio::test]
async fn p5_a_poll_on_a_connection_that_died_gets_its_event() {
    let mut world = World::start().await;
    world.deliver("1").await;
    // The connection is alive as far as anybody could see, and ends when it is used.
    world.lambda.reply(&format!("GET {NEXT}"), Reply::hang_up());
    assert_eq!(world.deliver("2").await.text(), "2");
}

#[tokio::test]
async fn p5_a_poll_outlives_every_idle_connection() {
    let mut world = World::start().await;
    let mut runtimes = runtimes(world.extension.listener, 3);
    for runtime in &mut runtimes {
        runtime.begin_next().await;
    }
    world.lambda.until("three polls", |log| (log.waiting_polls().len() == 3).then_some(())).await;
    (0..3).for_each(|number| world.lambda.push(Event::new(&number.to_string(), "{}")));
    for runtime in &mut runtimes {
        runtime.event().await;
    }
    (0..3).for_each(|_| world.lambda.reply(&format!("GET {NEXT}"), Reply::hang_up()));
    assert_eq!(world.deliver("after").await.text(), "after");
}

#[tokio::test]
async fn the_first_poll_finds_its_connection_open() {
    let mut world = World::start().await;
    // One of the extension's own polls, and one ahead of the runtime's.
    let connections =
        world.lambda.until("two connections", |log| (log.connections == 2).then_some(log.connections)).await;
    world.deliver("{}").await;
    assert_eq!(world.lambda.with_log(|log| log.connections), connections);
}

#[tokio::test]
async fn p5_restore_next_on_a_connection_that_died_is_answered() {
    let mut world = World::start().await;
    world.deliver("1").await;
    world.lambda.reply("GET /2018-06-01/runtime/restore/next", Reply::hang_up());
    world.lambda.reply("GET /2018-06-01/runtime/restore/next", Reply::new(200, "restored"));
    let answer = world.runtime.send(Request::get("/2018-06-01/runtime/restore/next")).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "restored"));
}

#[tokio::test]
async fn p5_a_response_after_its_connection_was_closed_goes_over_another() {
    let mut world = World::start().await;
    for id in ["1", "2", "3"] {
        let closed = world.lambda.until("a count", |log| Some(log.closed)).await;
        world.lambda.push(Event::new(id, "{}").then_close());
        assert_eq!(world.runtime.next().await.id(), id);
        world.lambda.until("the close", |log| (log.closed > closed).then_some(())).await;
        assert_eq!(world.runtime.respond(id, "{}").await.status, 202);
    }
}

#[tokio::test]
async fn p5_a_response_that_may_have_arrived_is_sent_once() {
    let mut world = World::start().await;
    for kind in ["response", "error"] {
        let id = world.invocation().await;
        let name = format!("/2018-06-01/runtime/invocation/{id}/{kind}");
        world.lambda.reply(&format!("POST {name}"), Reply::hang_up());
        assert_eq!(world.runtime.send(Request::post(&name, "{}")).await.status, 502);
        assert_eq!(world.deliver("1").await.text(), "1");
        assert_eq!(world.lambda.count(&format!("POST {name}")), 1);
    }
}

#[tokio::test]
async fn p5_other_requests_that_may_have_arrived_are_sent_once() {
    let mut world = World::start().await;
    world.deliver("1").await;
    for method in ["POST", "PUT", "PATCH"] {
        let name = format!("{method} /2099-01-01/tomorrow");
        world.lambda.reply(&name, Reply::hang_up());
        assert_eq!(world.runtime.send(Request::new(method, "/2099-01-01/tomorrow").body("x")).await.status, 502);
        assert_eq!(world.lambda.count(&name), 1);
    }
}

#[tokio::test]
async fn p5_a_large_response_is_not_cut_by_an_early_refusal() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    let name = format!("POST /2018-06-01/runtime/invocation/{id}/response");
    world.lambda.reply(&name, Reply::new(413, "too large").then_close());
    let answer = world.runtime.respond(&id, vec![b' '; 8 * 1024 * 1024]).await;
    assert_eq!((answer.status, answer.text().as_str()), (413, "too large"));
}

#[tokio::test]
async fn p5_the_runtime_keeps_its_connection_over_many_invocations() {
    let mut world = World::start().await;
    for number in 0..20 {
        world.deliver(number.to_string()).await;
    }
    let upstream = world.lambda.with_log(|log| log.connections);
    assert!(upstream <= 4, "{upstream} connections for 40 requests, one after the other");
}

#[tokio::test]
async fn p5_the_connection_on_which_an_invocation_failed_is_used_again() {
    let mut world = World::start().await;
    for number in 0..20 {
        let id = format!("failing-{number}");
        let answer = Reply::new(202, " ".repeat(32 * 1024)).chunked(1024);
        world.lambda.reply(&format!("POST /2018-06-01/runtime/invocation/{id}/error"), answer);
        let failure = world.fail_event(Event::new(&id, r#""@content:1:dynamodb:s:none:forged:1""#)).await;
        assert_eq!(failure.error_type, "LongContent.Refused");
    }
    let upstream = world.lambda.with_log(|log| log.connections);
    assert!(upstream <= 4, "{upstream} connections for 80 requests, one after the other");
}

#[tokio::test]
async fn p5_without_a_descriptor_left_it_waits_in_silence_and_goes_on() {
    let mut world = World::start().await;
    world.deliver("{}").await;
    let started = Instant::now();
    let limited = Command::new("prlimit").arg("--nofile=24").arg(format!("--pid={}", world.extension.pid())).status();
    assert!(limited.unwrap().success());
    let connect = || TcpStream::connect(world.extension.listener).unwrap();
    let connections: Vec<_> = std::iter::repeat_with(connect).take(64).collect();
    world.extension.log_with("cannot accept a connection").await;
    drop(connections);
    world.runtime = world.another_runtime();
    world.deliver("{}").await;
    let lines = world.extension.logged().matches("cannot accept a connection").count();
    let pauses = started.elapsed().as_millis() / 100;
    assert!(lines as u128 <= pauses + 1, "{lines} lines in {pauses} pauses");
}

/// Half of an answer that announces twice as much, on a connection that stays open.
fn stalled() -> Reply {
    let head = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 8\r\n\r\n";
    Reply::verbatim(format!("{head}half"))
}

/// A runtime sends `request`, gets half of an answer, and closes: how many descriptors 50 of them leave.
async fn left_by_hang_ups(request: impl Fn(usize) -> Request) -> usize {
    let mut world = World::start().await;
    world.deliver("{}").await;
    let descriptors = format!("/proc/{}/fd", world.extension.pid());
    let open = || std::fs::read_dir(&descriptors).unwrap().count();
    let (before, idle) = (world.lambda.with_log(|log| log.connections - log.closed), open());
    for number in 0..50 {
        let mut runtime = world.another_runtime();
        let request = request(number);
        let name = format!("{} {}", request.method, request.target);
        world.lambda.reply(&name, stalled());
        runtime.begin(&request).await;
        runtime.part_of_answer(b"half").await;
        runtime.hang_up();
    }
    let are_closed = |log: &Log| (log.connections - log.closed <= before).then_some(());
    world.lambda.until("the end of connections that nobody waits for", are_closed).await;
    open().saturating_sub(idle)
}

#[tokio::test]
async fn p7_runtimes_that_hang_up_while_an_answer_stalls_leave_no_connection() {
    let poll = |_| Request::get("/2099-01-01/tomorrow");
    assert!(left_by_hang_ups(poll).await <= 1);
    let outcome = |number: usize| Request::response(&number.to_string(), "{}");
    assert!(left_by_hang_ups(outcome).await <= 1);
}

#[tokio::test]
async fn p7_runtimes_that_hang_up_while_an_event_stalls_leave_no_connection() {
    let mut world = World::start().await;
    for _ in 0..50 {
        world.lambda.reply(&format!("GET {NEXT}"), stalled());
        let answered = world.lambda.with_log(|log| log.closed);
        world.runtime.begin_next().await;
        let poll = |log: &Log| log.all(&format!("GET {NEXT}")).last().is_some_and(|poll| poll.state == State::Answered);
        world.lambda.until("half of an event", |log| poll(log).then_some(())).await;
        // What was sent before this is there when this is answered.
        world.another_runtime().send(Request::get("/2099-01-01/tomorrow")).await;
        world.runtime.hang_up();
        world.lambda.until("the end of its connection", |log| (log.closed > answered).then_some(())).await;
    }
    assert_eq!(world.deliver("and on").await.text(), "and on");
}

/// The client of the table waits a second for a kept connection. An invocation with little time left must survive that.
#[tokio::test]
async fn with_3_s_left_and_the_warmed_connection_silent_an_invocation_stores() {
    let mut world = World::start().with_table().await;
    world.table().silence_open_connections();
    let (id, content) = (world.fresh_id(), quote(&noise(300 * 1024, 0)));
    world.lambda.push(Event::new(&id, "{}").due_in(Duration::from_secs(3)));
    world.runtime.next().await;
    let started = Instant::now();
    assert_eq!(world.runtime.respond(&id, content.as_str()).await.status, 202);
    assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
    let sent = world.lambda.response(&id).await.body;
    assert!(world.reader().await.deliver(sent).await.text() == content, "a loss");
}

#[tokio::test]
async fn a_table_that_answers_after_a_second_and_a_half_costs_at_most_two_requests_and_no_failure() {
    let mut world = World::start().with_table().await;
    let mut reader = world.reader().await;
    let sent = world.respond(quote(&noise(6000, 1))).await.body;
    reader.deliver(sent).await; // Both keep a connection now.
    world.table().faults(Faults::always(Fault::Delay(Duration::from_millis(1500))));
    let before = world.table().meter();
    let content = quote(&noise(6000, 0));
    let id = world.invocation().await;
    assert_eq!(world.runtime.respond(&id, content.as_str()).await.status, 202);
    let sent = world.lambda.response(&id).await.body;
    assert!(sent.len() < 400, "it was stored");
    assert_eq!(world.table().meter().since(&before).requests_of("PutItem"), 2);
    let line: serde_json::Value = serde_json::from_str(&world.extension.line_with(&id).await).unwrap();
    assert_eq!(line["store_requests"], 2, "a request that was sent twice counts twice: {line}");
    let before = world.table().meter();
    assert!(reader.deliver(sent).await.text() == content, "a loss");
    assert_eq!(world.table().meter().since(&before).requests_of("BatchGetItem"), 2);
}

#[tokio::test]
async fn p5_no_connection_to_the_table_is_in_a_snapshot_and_one_is_kept_after_it() {
    let world = World::start().with("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start").with_table().spawn();
    let mut world = world.await;
    world.lambda.recorded("GET /2020-01-01/extension/event/next").await;
    world.lambda.reply("GET /2018-06-01/runtime/restore/next", Reply::new(200, ""));
    assert_eq!(world.runtime.send(Request::get("/2018-06-01/runtime/restore/next")).await.status, 200);
    assert_eq!(world.table().opened(), 0);
    for seed in 0..3 {
        world.respond(quote(&noise(6000, seed))).await;
    }
    assert_eq!(world.table().opened(), 1);
}
