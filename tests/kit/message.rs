//! What a test sends: requests of a runtime, replies of Lambda, events. All are values, printed to bytes in one place.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use super::wire::{Headers, chunk, last_chunk};

/// A body and how it is framed.
#[derive(Debug, Default, Clone)]
pub(crate) enum Body {
    /// Neither length nor chunks: a GET.
    #[default]
    None,
    Length(Vec<u8>),
    /// Chunks of this many bytes, the last one shorter; then the trailers.
    Chunked(Vec<u8>, usize, Headers),
}

impl Body {
    fn framing_header(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Length(bytes) => format!("Content-Length: {}\r\n", bytes.len()),
            Self::Chunked(..) => "Transfer-Encoding: chunked\r\n".to_owned(),
        }
    }

    fn print(&self) -> Vec<u8> {
        match self {
            Self::None => Vec::new(),
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
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Headers,
    pub(crate) body: Body,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, headers: Headers::default(), body: Body::None }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn next() -> Self {
        Self::get("/2018-06-01/runtime/invocation/next")
    }

    pub(crate) fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).body(body)
    }

    /// The response of invocation `id`.
    pub(crate) fn response(id: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::post(&format!("/2018-06-01/runtime/invocation/{id}/response"), body)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Length(body.into());
        self
    }

    /// Sends the body in chunks of `size` bytes.
    pub(crate) fn chunked(mut self, size: usize) -> Self {
        self.body = chunks_of(self.body, size);
        self
    }

    /// Start line, header fields and the empty line.
    pub(crate) fn head(&self) -> Vec<u8> {
        let Self { method, target, headers, body } = self;
        let (fields, framing) = (headers.print(), body.framing_header());
        format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}{framing}\r\n").into_bytes()
    }

    pub(crate) fn print_body(&self) -> Vec<u8> {
        self.body.print()
    }
}

/// A reply as Lambda sends it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    body: Body,
    /// Awaited before the first byte leaves.
    gate: Option<oneshot::Receiver<()>>,
    /// The connection ends after this many bytes of the reply.
    cut: Option<usize>,
    /// The connection ends after the whole reply, without a word in the headers.
    pub(crate) then_close: bool,
    /// It leaves before the request's body has come.
    pub(crate) early: bool,
    /// The bytes of it, if they are not made from the rest.
    verbatim: Option<Vec<u8>>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Headers::default(),
            body: Body::Length(body.into()),
            gate: None,
            cut: None,
            then_close: false,
            early: false,
            verbatim: None,
        }
    }

    /// These bytes, and no others.
    pub(crate) fn verbatim(bytes: impl Into<Vec<u8>>) -> Self {
        Self { verbatim: Some(bytes.into()), ..Self::new(200, "") }
    }

    /// Lambda's answer to a `/response` or an `/error`.
    pub(crate) fn accepted() -> Self {
        Self::new(202, r#"{"status":"OK"}"#).header("Content-Type", "application/json")
    }

    /// The answer to a HEAD request for a body of `length` bytes.
    pub(crate) fn to_head(length: usize) -> Self {
        let reply = Self { body: Body::None, ..Self::new(200, "") };
        reply.header("Content-Length", &length.to_string())
    }

    /// The connection is closed without a byte.
    pub(crate) fn hang_up() -> Self {
        Self::new(200, "").cut(0)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value);
        self
    }

    pub(crate) fn chunked(mut self, size: usize) -> Self {
        self.body = chunks_of(self.body, size);
        self
    }

    /// Ends a body in chunks with this field.
    pub(crate) fn trailer(mut self, name: &str, value: &str) -> Self {
        let Body::Chunked(.., trailers) = &mut self.body else { panic!("a trailer of a body that is not in chunks") };
        trailers.push(name, value);
        self
    }

    /// The connection is closed after `bytes` of the reply.
    pub(crate) fn cut(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    /// The connection is closed after the reply, as one is that died while idle.
    pub(crate) fn then_close(mut self) -> Self {
        self.then_close = true;
        self
    }

    /// It leaves before the request's body has come.
    pub(crate) fn early(mut self) -> Self {
        self.early = true;
        self
    }

    /// Nothing is sent until the returned sender is used or dropped.
    pub(crate) fn held(mut self) -> (Self, oneshot::Sender<()>) {
        let (release, gate) = oneshot::channel();
        self.gate = Some(gate);
        (self, release)
    }

    pub(crate) async fn released(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.await.ok();
        }
    }

    /// The bytes to send, and whether the connection ends with them.
    pub(crate) fn print(&self) -> (Vec<u8>, bool) {
        if let Some(bytes) = &self.verbatim {
            return (bytes.clone(), self.then_close);
        }
        let (fields, framing) = (self.headers.print(), self.body.framing_header());
        let mut bytes = format!("HTTP/1.1 {} Scripted\r\n{fields}{framing}\r\n", self.status).into_bytes();
        bytes.extend(self.body.print());
        bytes.truncate(self.cut.unwrap_or(usize::MAX));
        (bytes, self.cut.is_some() || self.then_close)
    }
}

fn chunks_of(body: Body, size: usize) -> Body {
    match body {
        Body::None => Body::Chunked(Vec::new(), size, Headers::default()),
        Body::Length(bytes) => Body::Chunked(bytes, size, Headers::default()),
        Body::Chunked(bytes, _, trailers) => Body::Chunked(bytes, size, trailers),
    }
}

/// An event with the header fields Lambda gives it.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    remaining: Duration,
    deadline: Option<String>,
    reply: Reply,
}

impl Event {
    /// An event for the invocation `id`, due in half a minute.
    pub(crate) fn new(id: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { id: id.to_owned(), remaining: Duration::from_secs(30), deadline: None, reply: Reply::new(200, body) }
    }

    /// The time that the function has left.
    pub(crate) fn due_in(mut self, remaining: Duration) -> Self {
        self.remaining = remaining;
        self
    }

    /// What its deadline's header says, true or not.
    #[expect(clippy::needless_pass_by_value, reason = "a number or a text reads better without a &")]
    pub(crate) fn deadline(mut self, millis: impl ToString) -> Self {
        self.deadline = Some(millis.to_string());
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.reply = self.reply.header(name, value);
        self
    }

    pub(crate) fn chunked(mut self, size: usize) -> Self {
        self.reply = self.reply.chunked(size);
        self
    }

    pub(crate) fn then_close(mut self) -> Self {
        self.reply = self.reply.then_close();
        self
    }

    pub(crate) fn into_reply(self) -> Reply {
        let due = self.deadline.unwrap_or_else(|| unix_millis(SystemTime::now() + self.remaining).to_string());
        self.reply
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", &self.id)
            .header("Lambda-Runtime-Deadline-Ms", &due)
            .header("Lambda-Runtime-Invoked-Function-Arn", FUNCTION_ARN)
            .header(
                "Lambda-Runtime-Trace-Id",
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
            )
    }
}

/// Unix time in milliseconds.
pub(crate) fn unix_millis(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).expect("BUG: the clock stands after 1970").as_millis()
}

/// The function that every event is for.
pub(crate) const FUNCTION_ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:under-test";
