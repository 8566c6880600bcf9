//! What a test sends: requests of a runtime, replies of Lambda, events. All are values, printed to bytes in one place.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::wire::{Headers, chunk, last_chunk};

/// A body and how it is framed.
#[derive(Debug, Default, Clone)]
pub enum Body {
    /// Neither length nor chunks: a GET.
    #[default]
    None,
    Length(Bytes),
    /// Chunks of this many bytes, the last one shorter; then the trailers.
    Chunked(Bytes, usize, Headers),
}

impl Body {
    fn framing_header(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Length(bytes) => format!("Content-Length: {}\r\n", bytes.len()),
            Self::Chunked(..) => "Transfer-Encoding: chunked\r\n".to_owned(),
        }
    }

    fn print(&self) -> Bytes {
        match self {
            Self::None => Bytes::new(),
            Self::Length(bytes) => bytes.clone(),
            Self::Chunked(bytes, size, trailers) => {
                let chunks = bytes.chunks(*size).flat_map(chunk);
                chunks.chain(last_chunk(trailers)).collect()
            }
        }
    }
}

/// A request as the runtime sends it.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Headers,
    pub body: Body,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, headers: Headers::default(), body: Body::None }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn next() -> Self {
        Self::get("/2018-06-01/runtime/invocation/next")
    }

    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).body(body)
    }

    /// The response of invocation `id`.
    pub fn response(id: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::post(&format!("/2018-06-01/runtime/invocation/{id}/response"), body)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value);
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Length(body.into().into());
        self
    }

    /// Sends the body in chunks of `size` bytes.
    pub fn chunked(mut self, size: usize) -> Self {
        self.body = chunks_of(self.body, size);
        self
    }

    /// Start line, header fields and the empty line.
    pub fn head(&self) -> Vec<u8> {
        let Self { method, target, headers, body } = self;
        let (fields, framing) = (headers.print(), body.framing_header());
        format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}{framing}\r\n").into_bytes()
    }

    pub fn print_body(&self) -> Bytes {
        self.body.print()
    }
}

/// A reply as Lambda sends it.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Headers,
    body: Body,
    /// Awaited before the first byte leaves.
    gate: Option<oneshot::Receiver<()>>,
    /// The connection ends after this many bytes of the reply.
    cut: Option<usize>,
    /// The connection ends after the whole reply, without a word in the headers.
    pub then_close: bool,
    /// It leaves before the request's body has come.
    pub early: bool,
    /// The bytes of it, if they are not made from the rest.
    verbatim: Option<[Bytes; 2]>,
}

/// A reply as bytes.
#[derive(Debug)]
pub struct Printed {
    pub head: Bytes,
    pub body: Bytes,
    /// Whether the connection ends with it.
    pub closes: bool,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Headers::default(),
            body: Body::Length(body.into().into()),
            gate: None,
            cut: None,
            then_close: false,
            early: false,
            verbatim: None,
        }
    }

    /// These bytes, and no others.
    pub fn verbatim(bytes: impl Into<Vec<u8>>) -> Self {
        Self::ready(bytes.into().into(), Bytes::new())
    }

    /// Bytes that were made before: a head and a body.
    pub fn ready(head: Bytes, body: Bytes) -> Self {
        Self { verbatim: Some([head, body]), ..Self::new(200, "") }
    }

    /// Lambda's answer to a `/response` or an `/error`.
    pub fn accepted() -> Self {
        Self::new(202, r#"{"status":"OK"}"#).header("Content-Type", "application/json")
    }

    /// The answer to a HEAD request for a body of `length` bytes.
    pub fn to_head(length: usize) -> Self {
        let reply = Self { body: Body::None, ..Self::new(200, "") };
        reply.header("Content-Length", &length.to_string())
    }

    /// The connection is closed without a byte.
    pub fn hang_up() -> Self {
        Self::new(200, "").cut(0)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value);
        self
    }

    pub fn chunked(mut self, size: usize) -> Self {
        self.body = chunks_of(self.body, size);
        self
    }

    /// Ends a body in chunks with this field.
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        let Body::Chunked(.., trailers) = &mut self.body else { panic!("a trailer of a body that is not in chunks") };
        trailers.push(name, value);
        self
    }

    /// The connection is closed after `bytes` of the reply.
    pub fn cut(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    /// The connection is closed after the reply, as one is that died while idle.
    pub fn then_close(mut self) -> Self {
        self.then_close = true;
        self
    }

    /// It leaves before the request's body has come.
    pub fn early(mut self) -> Self {
        self.early = true;
        self
    }

    /// Nothing is sent until the returned sender is used or dropped.
    pub fn held(mut self) -> (Self, oneshot::Sender<()>) {
        let (release, gate) = oneshot::channel();
        self.gate = Some(gate);
        (self, release)
    }

    /// Nothing is sent until this time has passed.
    pub fn late(self, time: Duration) -> Self {
        let (reply, release) = self.held();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            drop(release);
        });
        reply
    }

    pub async fn released(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.await.ok();
        }
    }

    /// The bytes to send.
    pub fn print(&self) -> Printed {
        if let Some([head, body]) = self.verbatim.clone() {
            return Printed { head, body, closes: self.then_close };
        }
        let (fields, framing) = (self.headers.print(), self.body.framing_header());
        let head = format!("HTTP/1.1 {} {}\r\n{fields}{framing}\r\n", self.status, reason(self.status)).into();
        let printed = Printed { head, body: self.body.print(), closes: self.then_close };
        match self.cut {
            Some(bytes) => printed.cut(bytes),
            None => printed,
        }
    }
}

impl Printed {
    /// Only so many bytes of it, and then the end of the connection.
    fn cut(mut self, bytes: usize) -> Self {
        self.body.truncate(bytes.saturating_sub(self.head.len()));
        self.head.truncate(bytes);
        Self { closes: true, ..self }
    }
}

/// The phrase of a status: another one costs a client memory to remember.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        _ => "Scripted",
    }
}

fn chunks_of(body: Body, size: usize) -> Body {
    match body {
        Body::None => Body::Chunked(Bytes::new(), size, Headers::default()),
        Body::Length(bytes) => Body::Chunked(bytes, size, Headers::default()),
        Body::Chunked(bytes, _, trailers) => Body::Chunked(bytes, size, trailers),
    }
}

/// An event with the header fields Lambda gives it.
#[derive(Debug)]
pub struct Event {
    pub id: String,
    remaining: Duration,
    deadline: Option<String>,
    reply: Reply,
}

impl Event {
    /// An event for the invocation `id`, due in half a minute.
    pub fn new(id: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { id: id.to_owned(), remaining: Duration::from_secs(30), deadline: None, reply: Reply::new(200, body) }
    }

    /// The time that the function has left.
    pub fn due_in(mut self, remaining: Duration) -> Self {
        self.remaining = remaining;
        self
    }

    /// What its deadline's header says, true or not.
    #[expect(clippy::needless_pass_by_value, reason = "a number or a text reads better without a &")]
    pub fn deadline(mut self, millis: impl ToString) -> Self {
        self.deadline = Some(millis.to_string());
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.reply = self.reply.header(name, value);
        self
    }

    pub fn chunked(mut self, size: usize) -> Self {
        self.reply = self.reply.chunked(size);
        self
    }

    pub fn then_close(mut self) -> Self {
        self.reply = self.reply.then_close();
        self
    }

    pub fn into_reply(mut self) -> Reply {
        let id = std::mem::take(&mut self.id);
        self.into_nameless_reply().header(REQUEST_ID, &id)
    }

    /// The same event again and again, each time for another invocation.
    pub fn standing(self) -> Standing {
        let Printed { mut head, body, .. } = self.into_nameless_reply().print();
        head.truncate(head.len() - 2);
        Standing { head, body, invocations: 0 }
    }

    fn into_nameless_reply(self) -> Reply {
        let due = self.deadline.unwrap_or_else(|| unix_millis(SystemTime::now() + self.remaining).to_string());
        self.reply
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Deadline-Ms", &due)
            .header("Lambda-Runtime-Invoked-Function-Arn", FUNCTION_ARN)
            .header(
                "Lambda-Runtime-Trace-Id",
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
            )
    }
}

/// An event that is ready to be sent, whatever the invocation.
#[derive(Debug)]
pub struct Standing {
    /// The head but for the request id and the empty line.
    head: Bytes,
    body: Bytes,
    invocations: u64,
}

impl Standing {
    /// The same event, whose invocations are numbered from here.
    pub fn numbered_from(self, invocations: u64) -> Self {
        Self { invocations, ..self }
    }

    /// The event of the next invocation.
    pub fn next_reply(&mut self) -> Reply {
        self.invocations += 1;
        let id = format!("{REQUEST_ID}: 8476a536-e9f4-11e8-9739-{:012x}\r\n\r\n", self.invocations);
        Reply::ready([&self.head[..], id.as_bytes()].concat().into(), self.body.clone())
    }
}

/// The name of the field that says whose event this is.
pub const REQUEST_ID: &str = "Lambda-Runtime-Aws-Request-Id";

/// Unix time in milliseconds.
pub fn unix_millis(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).expect("BUG: the clock is after 1970").as_millis()
}

/// The function that every event is for.
pub const FUNCTION_ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:under-test";
