//! P1 on the wire: what clients of HTTP/1 may send and servers may answer, and what could be taken for two messages.

use crate::streaming::arrived;
use test_kit::NEXT;
use test_kit::peer::{Log, State};
use test_kit::wire::Wire;
use test_kit::{Event, FakeLambda, Reply, Request, World, soon};

const TOMORROW: &str = "/2099-01-01/tomorrow";

#[tokio::test]
async fn p1_a_client_of_http_1_0_gets_its_event_and_the_end_of_its_connection() {
    let mut world = World::start().await;
    world.lambda.push(Event::new("1", "{}"));
    world.runtime.write(format!("GET {NEXT} HTTP/1.0\r\n\r\n")).await;
    let answer = world.runtime.answer("GET").await;
    assert_eq!((answer.id(), answer.text().as_str(), answer.headers.get("Connection")), ("1", "{}", Some("close")));
}

#[tokio::test]
async fn p1_chunks_do_not_reach_a_client_that_cannot_read_them() {
    let mut world = World::start().await;
    world.lambda.reply(&format!("GET {TOMORROW}"), Reply::new(200, "in chunks").chunked(2));
    world.runtime.write(format!("GET {TOMORROW} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")).await;
    let answer = world.runtime.answer("GET").await;
    assert_eq!((answer.text().as_str(), answer.headers.get("Transfer-Encoding")), ("in chunks", None));
}

#[tokio::test]
async fn p1_requests_sent_at_once_are_answered_in_their_order() {
    let mut world = World::start().await;
    for name in ["a", "b"] {
        world.lambda.reply(&format!("POST /{name}"), Reply::new(200, name));
    }
    let request = |name| format!("POST /{name} HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody");
    world.runtime.write(request("a") + &request("b")).await;
    assert_eq!(world.runtime.answer("POST").await.text(), "a");
    assert_eq!(world.runtime.answer("POST").await.text(), "b");
}

#[tokio::test]
async fn p1_an_event_may_end_with_its_connection() {
    let mut world = World::start().await;
    for number in 0..3 {
        let head = format!("HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {number}\r\n\r\n");
        world.lambda.reply(&format!("GET {NEXT}"), Reply::verbatim(head + "{\"all\":1}").then_close());
        let answer = world.runtime.next().await;
        assert_eq!((answer.id(), answer.text().as_str()), (number.to_string().as_str(), "{\"all\":1}"));
    }
    world.lambda.reply(&format!("GET {TOMORROW}"), Reply::verbatim("HTTP/1.1 200 OK\r\n\r\nto its end").then_close());
    assert_eq!(world.runtime.send(Request::get(TOMORROW)).await.text(), "to its end");
}

#[tokio::test]
async fn p1_an_answer_in_a_coding_that_nobody_asked_for_is_refused_whole() {
    let mut world = World::start().await;
    for coding in ["gzip", "gzip, chunked", "chunked, gzip", "identity"] {
        for target in [NEXT, TOMORROW] {
            let head = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: coded\r\n";
            let coded = format!("{head}Transfer-Encoding: {coding}\r\n\r\n5\r\ncoded\r\n0\r\n\r\n");
            world.lambda.reply(&format!("GET {target}"), Reply::verbatim(coded).then_close());
            let answer = world.runtime.send(Request::get(target).header("TE", "gzip")).await;
            assert_eq!((answer.status, &answer.json()["errorType"]), (502, &"LongContent.UpstreamUnavailable".into()));
            assert!(answer.text().contains("Transfer-Encoding"), "{coding} {target}: {}", answer.text());
        }
    }
    assert_eq!(world.lambda.recorded(&format!("GET {TOMORROW}")).await.headers.get("TE"), None, "asked for");
    assert_eq!(world.deliver("and on").await.text(), "and on");
}

#[tokio::test]
async fn p1_trailers_of_an_answer_reach_the_runtime() {
    let mut world = World::start().await;
    let answer = Reply::new(200, "in chunks").chunked(2).header("Trailer", "X-Sum").trailer("X-Sum", "1");
    world.lambda.reply(&format!("GET {TOMORROW}"), answer);
    let answer = world.runtime.send(Request::get(TOMORROW)).await;
    let announced = answer.headers.get("Trailer");
    assert_eq!(
        (answer.text().as_str(), announced, answer.trailers.get("X-Sum")),
        ("in chunks", Some("X-Sum"), Some("1"))
    );
}

#[tokio::test]
async fn p1_interim_answers_of_lambda_are_not_the_answer() {
    let mut world = World::start().await;
    let answer = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal";
    world.lambda.reply(&format!("GET {TOMORROW}"), Reply::verbatim(answer));
    assert_eq!(world.runtime.send(Request::get(TOMORROW)).await.text(), "final");
    assert_eq!(world.deliver("and on").await.text(), "and on");
}

#[tokio::test]
async fn p1_the_words_of_a_status_are_lambdas() {
    let mut world = World::start().await;
    world
        .lambda
        .reply(&format!("GET {TOMORROW}"), Reply::verbatim("HTTP/1.1 299 Of Tomorrow\r\nContent-Length: 0\r\n\r\n"));
    assert_eq!(world.runtime.status_line(&Request::get(TOMORROW)).await, "HTTP/1.1 299 Of Tomorrow");
}

#[tokio::test]
async fn p1_a_message_framed_in_two_ways_leaves_framed_in_one() {
    let mut world = World::start().await;
    for target in [TOMORROW, "/2018-06-01/runtime/invocation/1/response"] {
        let head = format!("POST {target} HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n");
        world.runtime.write(head + "2\r\n{}\r\n0\r\n\r\n").await;
        world.runtime.answer("POST").await;
        let seen = world.lambda.recorded(&format!("POST {target}")).await;
        let framing = ["Content-Length", "Transfer-Encoding"].map(|name| seen.headers.all(name).len());
        assert_eq!((seen.text().as_str(), framing.iter().sum::<usize>()), ("{}", 1), "{:?}", seen.headers);
    }
}

/// Statuses of all answers to `bytes`, sent on one connection, which the proxy closes behind them.
async fn answers_until_closed(world: &World, bytes: &str) -> Vec<u16> {
    let mut wire = Wire::connect(world.extension.listener).await.unwrap();
    wire.write(bytes.as_bytes()).await.unwrap();
    let mut statuses = vec![];
    while let Some(head) = soon("an answer, or the end", wire.head()).await.unwrap() {
        statuses.push(head.status());
        wire.body(head.response_framing(false).unwrap()).await.unwrap();
    }
    statuses
}

#[tokio::test]
async fn p1_nothing_is_served_behind_a_request_that_is_framed_in_two_ways() {
    let world = World::start().await;
    for (number, framing) in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\nConnection: keep-alive",
    ]
    .iter()
    .enumerate()
    {
        for (target, status) in
            [(TOMORROW.to_owned(), 404), (format!("/2018-06-01/runtime/invocation/{number}/response"), 202)]
        {
            let first = format!("POST {target} HTTP/1.1\r\n{framing}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
            let answers = answers_until_closed(&world, &(first + "POST /second HTTP/1.1\r\n\r\n")).await;
            assert_eq!(answers, [status], "{target} {framing}");
            assert_eq!(world.lambda.recorded(&format!("POST {target}")).await.text(), "{}");
        }
    }
    assert_eq!(world.lambda.count("POST /second"), 0);
}

#[tokio::test]
async fn p1_a_status_below_100_is_a_bad_gateway() {
    let mut world = World::start().await;
    for status in ["099", "000"] {
        for target in [NEXT, TOMORROW] {
            let head = format!("HTTP/1.1 {status} X\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 0\r\n\r\n");
            world.lambda.reply(&format!("GET {target}"), Reply::verbatim(head));
            let status_line = world.runtime.status_line(&Request::get(target)).await;
            assert_eq!(status_line, "HTTP/1.1 502 Bad Gateway", "{status} {target}");
            world.runtime.hang_up();
        }
    }
}

#[tokio::test]
async fn p1_no_answer_to_head_has_a_body() {
    let mut world = World::start().await;
    let head = || Request::new("HEAD", TOMORROW);
    world.lambda.reply(&format!("HEAD {TOMORROW}"), Reply::verbatim("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"));
    let answer = world.runtime.send(head()).await;
    assert_eq!((answer.status, answer.headers.get("Content-Length")), (200, None));
    world.lambda.reply(&format!("HEAD {TOMORROW}"), Reply::verbatim("no HTTP\r\n\r\n"));
    world.lambda.reply(&format!("GET {TOMORROW}"), Reply::new(200, "the next answer"));
    assert_eq!(world.runtime.send(head()).await.status, 502);
    assert_eq!(world.runtime.send(Request::get(TOMORROW)).await.text(), "the next answer");
}

#[tokio::test]
async fn p1_an_answer_that_stalls_ends_with_the_runtime_that_waits_for_it() {
    let mut world = World::start().await;
    for framing in ["Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "\r\nhalf"] {
        world.lambda.reply(&format!("POST {TOMORROW}"), Reply::verbatim(format!("HTTP/1.1 200 OK\r\n{framing}")));
        let closed = world.lambda.with_log(|log| log.closed);
        world.runtime.begin(&Request::post(TOMORROW, "{}")).await;
        world.runtime.part_of_answer(b"half").await;
        world.runtime.hang_up();
        world.lambda.until("the end of the stalled answer", |log| (log.closed > closed).then_some(())).await;
    }
}

#[tokio::test]
async fn p7_an_answer_that_breaks_off_does_not_seem_whole_to_a_client_that_reads_to_the_end() {
    let world = World::start().await;
    let half = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    world.lambda.reply(&format!("GET {TOMORROW}"), Reply::verbatim(half).then_close());
    let mut wire = Wire::connect(world.extension.listener).await.unwrap();
    wire.write(format!("GET {TOMORROW} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let answer = async {
        let head = wire.head().await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        wire.body(head.response_framing(false)?).await
    };
    assert_eq!(soon("the end", answer).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn p1_no_connection_header_takes_the_framing_away() {
    let mut world = World::start().await;
    let head = format!("POST {TOMORROW} HTTP/1.1\r\nConnection: Content-Length, Host\r\nContent-Length: 2\r\n\r\n");
    world.runtime.write(head + "{}").await;
    world.runtime.answer("POST").await;
    let seen = world.lambda.recorded(&format!("POST {TOMORROW}")).await;
    assert_eq!((seen.text().as_str(), seen.headers.get("Content-Length")), ("{}", Some("2")));
    assert!(seen.headers.get("Host").is_some());
}

#[tokio::test]
async fn p1_what_could_be_taken_for_two_requests_is_refused_and_never_forwarded() {
    let mut world = World::start().await;
    let before = world.lambda.names();
    for fields in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1, 2",
        "Content-Length: +1",
        "Content-Length: 0x1",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked\r\n folded",
        "A: b\rc",
    ] {
        world.runtime.write(format!("POST {TOMORROW} HTTP/1.1\r\n{fields}\r\n\r\nx")).await;
        let answer = world.runtime.answer("POST").await;
        assert_eq!((answer.status, answer.headers.get("Connection")), (400, Some("close")), "{fields}");
        assert_eq!(answer.json()["errorType"], "LongContent.BadRequest");
    }
    assert_eq!(world.lambda.names(), before);
}

#[tokio::test]
async fn p1_a_head_without_end_is_refused() {
    let mut world = World::start().await;
    world.runtime.write(format!("GET /{} HTTP/1.1\r\n", "x".repeat(2 << 20))).await;
    assert_eq!(world.runtime.answer("GET").await.status, 431);
}

#[tokio::test]
async fn p1_a_body_that_is_not_in_the_chunks_it_announces_arrives_nowhere_whole() {
    let mut world = World::start().await;
    for target in [TOMORROW, "/2018-06-01/runtime/invocation/1/response"] {
        world
            .runtime
            .write(format!("POST {target} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}!\r\n"))
            .await;
        assert_eq!(world.runtime.answer("POST").await.status, 400);
        world.runtime.hang_up();
        assert!(world.lambda.with_log(|log| log.all(&format!("POST {target}")).iter().all(|seen| !seen.is_whole())));
    }
}

#[tokio::test]
async fn o3_a_response_that_was_sent_reaches_lambda_even_if_nobody_waits_for_the_answer() {
    let mut world = World::start().await;
    for kind in ["response", "error"] {
        let id = world.invocation().await;
        let target = format!("/2018-06-01/runtime/invocation/{id}/{kind}");
        world.runtime.begin(&Request::post(&target, vec![b' '; 1 << 20])).await;
        world.runtime.hang_up();
        let seen = world.lambda.recorded(&format!("POST {target}")).await;
        assert_eq!((seen.body.len(), seen.is_whole()), (1 << 20, true), "{kind}");
    }
}

#[tokio::test]
async fn p1_a_refusal_before_the_end_of_a_stream_reaches_the_runtime() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    let target = format!("/2018-06-01/runtime/invocation/{id}/response");
    world.lambda.reply(&format!("POST {target}"), Reply::new(413, "enough").early());
    let mut stream = world.runtime.stream(&id).await;
    stream.send(b"the first of many").await;
    let answer = stream.answer().await;
    assert_eq!((answer.status, answer.text().as_str()), (413, "enough"));
}

#[tokio::test]
async fn p1_an_acceptance_before_the_end_of_a_stream_does_not_end_it() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    let target = format!("/2018-06-01/runtime/invocation/{id}/response");
    world.lambda.reply(&format!("POST {target}"), Reply::accepted().early());
    let mut stream = world.runtime.stream(&id).await;
    for count in 1..=20 {
        stream.send(b"more").await;
        arrived(&world.lambda, &id, &b"more".repeat(count)).await;
    }
    assert_eq!(stream.finish(&[]).await.status, 202);
    assert!(world.lambda.response(&id).await.is_whole());
}

/// What a server says that reads on only when all of it has been read: more than sockets hold.
fn long_acceptance() -> Reply {
    Reply::new(200, vec![b'x'; 6 << 20]).early()
}

#[tokio::test]
async fn p1_a_stream_goes_on_to_a_server_that_waits_for_its_answer_to_be_read() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    world.lambda.reply(&format!("POST /2018-06-01/runtime/invocation/{id}/response"), long_acceptance());
    let mut stream = world.runtime.stream(&id).await;
    stream.send(b"on").await;
    arrived(&world.lambda, &id, b"on").await;
    assert_eq!(stream.finish(&[]).await.body.len(), 6 << 20);
    assert!(world.lambda.response(&id).await.is_whole());
}

#[tokio::test]
async fn p1_a_response_goes_on_to_a_server_that_waits_for_its_answer_to_be_read() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    world.lambda.reply(&format!("POST /2018-06-01/runtime/invocation/{id}/response"), long_acceptance());
    assert_eq!(world.runtime.respond(&id, vec![b' '; 16 << 20]).await.body.len(), 6 << 20);
    assert_eq!(world.lambda.response(&id).await.body.len(), 16 << 20);
}

#[tokio::test]
async fn p1_what_a_poll_brings_as_a_body_stays_with_it() {
    let mut world = World::start().await;
    for (number, body) in
        ["Content-Length: 2\r\n\r\n{}", "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"].iter().enumerate()
    {
        world.lambda.push(Event::new(&number.to_string(), "event"));
        world.runtime.write(format!("GET {NEXT} HTTP/1.1\r\n{body}")).await;
        assert_eq!(world.runtime.answer("GET").await.text(), "event");
        assert_eq!(world.runtime.respond(&number.to_string(), "{}").await.status, 202);
        assert_eq!(world.lambda.response(&number.to_string()).await.text(), "{}");
    }
}

#[tokio::test]
async fn p1_a_runtime_that_expects_100_continue_is_told_to_on_every_route() {
    let mut world = World::start().await;
    let id = world.invocation().await;
    for target in [format!("/2018-06-01/runtime/invocation/{id}/error"), TOMORROW.to_owned()] {
        let request = Request::post(&target, "after a pause").header("Expect", "100-continue");
        assert_eq!(world.runtime.expect_continue(&request).await.status(), 100);
        world.runtime.send_body(&request).await;
        world.runtime.answer("POST").await;
        let seen = world.lambda.recorded(&format!("POST {target}")).await;
        assert_eq!((seen.text().as_str(), seen.headers.get("Expect")), ("after a pause", None));
    }
}

/// Waits until this has become of Lambda's last poll.
async fn last_poll(lambda: &FakeLambda, state: State) {
    let is = |log: &Log| log.all(&format!("GET {NEXT}")).last().is_some_and(|poll| poll.state == state);
    lambda.until(&format!("a poll that is {state:?}"), |log| is(log).then_some(())).await;
}

#[tokio::test]
async fn p4_the_end_of_a_runtime_is_seen_behind_what_it_sent_ahead() {
    let mut world = World::start().await;
    world.runtime.begin_next().await;
    world.runtime.begin(&Request::response("ahead", vec![b' '; 1 << 20])).await;
    last_poll(&world.lambda, State::Received).await;
    world.runtime.hang_up();
    last_poll(&world.lambda, State::Abandoned).await;
}

#[tokio::test]
async fn p4_what_is_sent_ahead_behind_a_poll_is_answered_in_its_turn() {
    let mut world = World::start().await;
    world.runtime.begin_next().await;
    world.runtime.begin(&Request::response("ahead", vec![b' '; 6 << 20])).await;
    world.lambda.push(Event::new("1", "{}"));
    assert_eq!(world.runtime.event().await.id(), "1");
    assert_eq!(world.runtime.answer("POST").await.status, 202);
    assert_eq!(world.lambda.response("ahead").await.body.len(), 6 << 20);
}

#[tokio::test]
async fn p4_a_runtime_that_sends_too_much_behind_its_poll_takes_no_event() {
    let mut world = World::start().await;
    world.runtime.begin_next().await;
    last_poll(&world.lambda, State::Received).await;
    soon("a refusal", world.runtime.begin(&Request::response("ahead", vec![b' '; 9 << 20]))).await;
    let answer = world.runtime.answer("GET").await;
    assert_eq!((answer.status, &answer.json()["errorType"]), (400, &"LongContent.BadRequest".into()));
    last_poll(&world.lambda, State::Abandoned).await;
    assert_eq!(world.deliver("another's").await.text(), "another's");
}

#[tokio::test]
async fn p4_a_runtime_that_is_gone_while_its_event_fails_takes_no_other() {
    let mut world = World::start().await;
    let (held, release) = Reply::accepted().held();
    world.lambda.reply("POST /2018-06-01/runtime/invocation/forged/error", held);
    world.lambda.push(Event::new("forged", r#""@content:1:dynamodb:s:none:forged:1""#));
    world.runtime.begin_next().await;
    world.lambda.error("forged").await;
    world.runtime.hang_up();
    drop(release);
    world.deliver("another runtime's").await;
    assert_eq!(world.lambda.count(&format!("GET {NEXT}")), 2);
}

#[tokio::test]
async fn p5_a_poll_whose_own_connection_dies_is_sent_once_more() {
    let world = World::start().await;
    let mut runtimes = test_kit::runtime::runtimes(world.extension.listener, 3);
    for _ in 0..3 {
        world.lambda.reply(&format!("GET {NEXT}"), Reply::hang_up());
    }
    for runtime in &mut runtimes {
        runtime.begin_next().await;
    }
    world.lambda.until("three polls again", |log| (log.waiting_polls().len() == 3).then_some(())).await;
    world.lambda.push(Event::new("1", "{}"));
}
