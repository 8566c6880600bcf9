//! P1, case by case: what is a message of HTTP/1.1, where it ends, and what the next hop sees of it (RFC 9112), both ways through
//! the real binary. The cases are data: `conformance/requests.json` and `conformance/responses.json`.
//!
//! `UPDATE_CASES=1` rewrites what the next hop sees, and nothing else; read the diff.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use test_kit::wire::{Framing, Head, Headers, Piece, Wire};
use test_kit::{Exchange, Reply, World, soon};

/// What a case sends: text whose characters are bytes (U+00E9 is the byte 0xE9), some of it many times.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Repeated { repeat: String, times: usize },
    Parts(Vec<Bytes>),
}

impl Bytes {
    fn print(&self) -> Vec<u8> {
        let bytes = |text: &str| {
            text.chars()
                .map(|byte| u8::try_from(u32::from(byte)).expect("a character that is a byte"))
                .collect::<Vec<_>>()
        };
        match self {
            Self::Text(text) => bytes(text),
            Self::Repeated { repeat, times } => bytes(repeat).repeat(*times),
            Self::Parts(parts) => parts.iter().flat_map(Self::print).collect(),
        }
    }
}

/// A message as the next hop sees it, without `Host`, which names the hop.
#[derive(Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    fields: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    body: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    trailers: Vec<String>,
}

impl Seen {
    fn new(request: Option<String>, headers: &Headers, body: &[u8], trailers: &Headers) -> Self {
        let lines = |headers: &Headers| {
            let lines = headers.print();
            let lines: Vec<_> = lines.lines().filter(|line| !line.starts_with("Host: ")).map(shortened).collect();
            lines.chunk_by(|one, next| one == next).map(counted).collect()
        };
        let body = shortened(&String::from_utf8_lossy(body));
        Self { request: request.map(|line| shortened(&line)), fields: lines(headers), body, trailers: lines(trailers) }
    }
}

/// One of several lines that are the same, and how many.
fn counted(same: &[String]) -> String {
    if same.len() == 1 { same[0].clone() } else { format!("{} [{} times]", same[0], same.len()) }
}

/// The text with its middle left out, if it is long.
fn shortened(text: &str) -> String {
    let middle = 40..text.len().saturating_sub(10);
    if text.len() < 200 {
        text.to_owned()
    } else {
        format!("{}[{} bytes]{}", &text[..40], middle.len(), &text[middle.end..])
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestCase {
    name: String,
    /// The section or the class of attacks that it is from.
    rule: String,
    send: Bytes,
    /// The runtime ends the connection behind what it sends. Otherwise it sends one request more, to see whether it is served.
    #[serde(default, skip_serializing_if = "is_false")]
    then_closes: bool,
    /// `served` by upstream, or the status of a refusal.
    answers: Vec<String>,
    /// Whether the connection is `open` then, or `closed`.
    then: String,
    /// Whole requests that reach upstream.
    next_hop: Vec<Seen>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponseCase {
    name: String,
    /// The section or the class of attacks that it is from.
    rule: String,
    /// That of the request.
    #[serde(default = "get", skip_serializing_if = "is_get")]
    method: String,
    send: Bytes,
    /// Upstream ends the connection behind what it sends.
    #[serde(default, skip_serializing_if = "is_false")]
    then_closes: bool,
    /// Status and words that the runtime gets, or `broken off`.
    answer: String,
    /// Whether upstream's connection is `kept` for the next request, or `dropped`.
    upstream: String,
    /// What the runtime gets, unless the answer is ours or has no end.
    next_hop: Option<Seen>,
}

fn get() -> String {
    "GET".to_owned()
}

fn is_get(method: &str) -> bool {
    method == "GET"
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance").join(name)
}

fn read<C: DeserializeOwned>(name: &str) -> Vec<C> {
    serde_json::from_slice(&std::fs::read(path(name)).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[expect(clippy::disallowed_methods, reason = "what is asked of the test run, not of the extension")]
fn is_update() -> bool {
    std::env::var_os("UPDATE_CASES").is_some()
}

fn write_if_updating<C: Serialize>(name: &str, cases: &[C]) {
    if is_update() {
        std::fs::write(path(name), serde_json::to_string_pretty(cases).unwrap() + "\n").unwrap();
    }
}

/// The request that shows whether a connection still serves.
const PROBE: &str = "GET /probe HTTP/1.1\r\n\r\n";

/// What came back on the connection of a case that sent `bytes`: each answer, and whether the probe was answered.
async fn converse(world: &World, case: &RequestCase, bytes: &[u8]) -> (Vec<String>, &'static str) {
    world.lambda.reply("GET /probe", Reply::new(299, "probe"));
    let mut wire = Wire::connect(world.extension.listener).await.unwrap();
    let mut sent = bytes.to_vec();
    if !case.then_closes {
        sent.extend_from_slice(PROBE.as_bytes());
    }
    // What is refused early is not read to its end.
    wire.write(&sent).await.ok();
    if case.then_closes {
        wire.end().await;
    }
    let is_head = bytes.starts_with(b"HEAD");
    let mut answers = vec![];
    // A reset is an end too: what was refused was not read.
    while let Ok(Some(head)) = soon(&format!("an answer, or the end: {}", case.name), wire.head()).await {
        if head.status() == 299 {
            return (answers, "open");
        }
        let framing = head.response_framing(is_head && answers.is_empty()).unwrap();
        let (body, _) = wire.body(framing).await.unwrap();
        answers.push(verdict(&head, &body));
    }
    world.lambda.forget_reply("GET /probe");
    (answers, "closed")
}

/// `served` by upstream, or the status of a refusal, which says what is wrong and ends the connection.
fn verdict(head: &Head, body: &[u8]) -> String {
    match head.status() {
        202 | 404 => "served".to_owned(),
        status => {
            assert_eq!(head.headers.all("Connection"), ["close"], "a refusal ends the connection");
            let document: serde_json::Value = serde_json::from_slice(body).expect("a refusal in JSON");
            assert_eq!(document["errorType"], "LongContent.BadRequest");
            status.to_string()
        }
    }
}

/// Whole requests of upstream's log from `first` on, but for the probe.
fn forwarded(world: &World, first: usize) -> Vec<Exchange> {
    let is_of_case = |exchange: &&Exchange| exchange.is_whole() && exchange.target != "/probe";
    world.lambda.with_log(|log| log.exchanges.iter().skip(first).filter(is_of_case).cloned().collect())
}

fn seen_of(exchange: &Exchange) -> Seen {
    assert_eq!(exchange.headers.all("Host").len(), 1, "one Host: {:?}", exchange.headers);
    Seen::new(Some(exchange.name()), &exchange.headers, &exchange.body, &exchange.trailers)
}

#[tokio::test]
async fn p1_requests_are_accepted_refused_and_framed_as_the_cases_say() {
    let world = World::start().await;
    let mut cases: Vec<RequestCase> = read("requests.json");
    for case in &mut cases {
        let first = world.lambda.with_log(|log| log.exchanges.len());
        let (answers, then) = converse(&world, case, &case.send.print()).await;
        assert_eq!((&answers, then), (&case.answers, case.then.as_str()), "{}", case.name);
        let next_hop: Vec<_> = forwarded(&world, first).iter().map(seen_of).collect();
        if is_update() {
            case.next_hop = next_hop;
        } else {
            assert_eq!(next_hop, case.next_hop, "{}", case.name);
        }
    }
    write_if_updating("requests.json", &cases);
}

/// On the route of responses this is refused before it is read (O10, in `bounds.rs`).
const TOO_LARGE: &str = "a body of almost two to the power of 64 bytes";

/// The same on the route whose bodies are gathered before they leave.
#[tokio::test]
async fn p1_responses_of_a_runtime_are_accepted_refused_and_framed_as_other_requests() {
    let world = World::start().await;
    let cases: Vec<RequestCase> = read("requests.json");
    for (number, case) in cases.iter().enumerate().filter(|(_, case)| case.name != TOO_LARGE) {
        let target = format!("POST /2018-06-01/runtime/invocation/{number}/response");
        let bytes = replaced(&case.send.print(), b"POST /c", target.as_bytes());
        let first = world.lambda.with_log(|log| log.exchanges.len());
        let (answers, then) = converse(&world, case, &bytes).await;
        assert_eq!((&answers, then), (&case.answers, case.then.as_str()), "{}", case.name);
        let bodies = |seen: &[Seen]| seen.iter().map(|seen| seen.body.clone()).collect::<Vec<_>>();
        let next_hop: Vec<_> = forwarded(&world, first).iter().map(seen_of).collect();
        assert_eq!(bodies(&next_hop), bodies(&case.next_hop), "{}", case.name);
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let Some(at) = bytes.windows(from.len()).position(|window| window == from) else { return bytes.to_vec() };
    [&bytes[..at], to, &replaced(&bytes[at + from.len()..], from, to)].concat()
}

/// What a runtime gets for a request, and whether it is whole.
async fn answer_to(wire: &mut Wire, request: &str) -> Result<(Head, Seen), Option<Head>> {
    wire.write(request.as_bytes()).await.unwrap();
    let head = soon("an answer", wire.head()).await.ok().flatten().ok_or(None)?;
    let mut framing = head.response_framing(request.starts_with("HEAD")).expect("an answer framed in one way");
    let mut body = vec![];
    loop {
        match soon("the rest of an answer", wire.piece(&mut framing)).await {
            Ok(Piece::Data(data)) => body.extend_from_slice(&data),
            Ok(Piece::End(trailers)) => {
                assert_ne!(framing, Framing::UntilClose, "an end that HTTP/1.1 can tell");
                return Ok((head.clone(), Seen::new(None, &head.headers, &body, &trailers)));
            }
            Err(_) => return Err(Some(head)),
        }
    }
}

#[tokio::test]
async fn p1_answers_are_accepted_refused_and_framed_as_the_cases_say() {
    let world = World::start().await;
    empty_the_pool(&world).await;
    let mut cases: Vec<ResponseCase> = read("responses.json");
    for case in &mut cases {
        let before = world.lambda.with_log(|log| log.connections);
        let mut wire = Wire::connect(world.extension.listener).await.unwrap();
        let reply = Reply::verbatim(case.send.print());
        let reply = if case.then_closes { reply.then_close() } else { reply };
        world.lambda.reply(&format!("{} /c", case.method), reply);
        let length = if case.method == "POST" { "Content-Length: 0\r\n" } else { "" };
        let answer = answer_to(&mut wire, &format!("{} /c HTTP/1.1\r\n{length}\r\n", case.method)).await;
        let (status, next_hop) = match answer {
            Ok((head, seen)) => {
                let status = head.start.strip_prefix("HTTP/1.1 ").expect("an answer of HTTP/1.1").to_owned();
                let is_ours = status == "502 Bad Gateway";
                (status, (!is_ours).then_some(seen))
            }
            Err(_) => ("broken off".to_owned(), None),
        };
        assert_eq!(status, case.answer, "{}", case.name);
        if is_update() {
            case.next_hop = next_hop;
        } else {
            assert_eq!(next_hop, case.next_hop, "{}", case.name);
        }
        let used = world.lambda.with_log(|log| log.connections);
        assert!(used - before <= 1, "{}", case.name);
        assert_eq!(probed(&world).await - used, usize::from(case.upstream == "dropped"), "{}", case.name);
    }
    write_if_updating("responses.json", &cases);
}

/// Has every connection closed that the proxy keeps from its start, and one opened anew.
async fn empty_the_pool(world: &World) {
    let connections = || world.lambda.with_log(|log| log.connections);
    loop {
        let before = connections();
        world.lambda.reply("GET /probe", Reply::new(299, "probe").header("Connection", "close"));
        let mut wire = Wire::connect(world.extension.listener).await.unwrap();
        assert!(answer_to(&mut wire, PROBE).await.is_ok());
        if connections() > before {
            break;
        }
    }
    probed(world).await;
}

/// How many connections upstream has seen when one more request has been answered.
async fn probed(world: &World) -> usize {
    world.lambda.reply("GET /probe", Reply::new(299, "probe"));
    let mut wire = Wire::connect(world.extension.listener).await.unwrap();
    let (head, seen) = answer_to(&mut wire, PROBE).await.unwrap_or_else(|_| panic!("no answer to the probe"));
    assert_eq!((head.status(), seen.body.as_str()), (299, "probe"));
    world.lambda.with_log(|log| log.connections)
}

/// The same for what is gathered before it is handed over: an event is never half.
#[tokio::test]
async fn p1_events_are_accepted_refused_and_framed_as_other_answers() {
    let world = World::start().await;
    for (number, case) in read::<ResponseCase>("responses.json").iter().enumerate() {
        let start = b"HTTP/1.1 200 OK\r\n";
        let sent = case.send.print();
        if !is_get(&case.method) || !sent.starts_with(start) {
            continue;
        }
        let id = format!("Lambda-Runtime-Aws-Request-Id: {number}\r\n");
        let reply = Reply::verbatim([start, id.as_bytes(), &sent[start.len()..]].concat());
        let reply = if case.then_closes { reply.then_close() } else { reply };
        let next = "GET /2018-06-01/runtime/invocation/next";
        world.lambda.reply(next, reply);
        let mut wire = Wire::connect(world.extension.listener).await.unwrap();
        let answer = answer_to(&mut wire, &format!("{next} HTTP/1.1\r\n\r\n")).await;
        let (head, seen) = answer.unwrap_or_else(|_| panic!("half an event: {}", case.name));
        let is_too_many = case.name == "a head of 128 fields";
        let expected = if case.answer == "200 OK" && !is_too_many { 200 } else { 502 };
        assert_eq!(head.status(), expected, "{}", case.name);
        if let Some(next_hop) = case.next_hop.as_ref().filter(|_| expected == 200) {
            assert_eq!(seen.body, next_hop.body, "{}", case.name);
        }
    }
}
