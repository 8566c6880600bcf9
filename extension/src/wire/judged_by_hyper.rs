//! Compares `wire` with hyper, which it replaced (ADR 17): both accept, refuse and frame the same bytes in the same way, or
//! the difference is in a table with its reason. Fuzzers call [`requests`] and [`responses`]; tests run them on their
//! corpora.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::rt::ReadBufCursor;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use tokio::io::ReadBuf;

use super::error::{MAX_FIELDS, MAX_HEAD, WireError};
use super::head::Fields;
use super::input::Input;

/// A difference, and why there is one.
#[derive(Debug)]
pub struct Difference {
    /// What the two do.
    pub what: &'static str,
    /// Why ours does so.
    pub why: &'static str,
    /// Bytes that show it.
    pub example: fn() -> Vec<u8>,
    is: fn(&Judged<'_>) -> bool,
}

/// Requests that ours treats differently from hyper's server.
pub const DIFFERENT_REQUESTS: &[Difference] = &[
    Difference {
        what: "CONNECT is refused",
        why: "after the start of a tunnel, the proxy could not distinguish the tunnel's bytes from requests, and the Runtime API has no tunnels",
        example: || b"CONNECT h:1 HTTP/1.1\r\n\r\n".to_vec(),
        is: |judged| judged.only_hyper_takes("CONNECT"),
    },
    Difference {
        what: "a target that is an authority, or has a fragment, is refused",
        why: "a target that is an authority (`host:port`) names no path, so no server could answer it. hyper cuts a fragment off, so the next hop might see another path than we do",
        example: || b"GET /c#d HTTP/1.1\r\n\r\n".to_vec(),
        is: |judged| judged.only_hyper_takes("a target that is neither a path"),
    },
    Difference {
        what: "a Transfer-Encoding that is not exactly one `chunked` is refused",
        why: "hyper looks only at the last coding, so bytes still coded in the other codings would be passed on as content; attackers hide codings in this way",
        example: || b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".to_vec(),
        is: |judged| judged.only_hyper_takes("a Transfer-Encoding other than chunked"),
    },
    Difference {
        what: "a Content-Length that is not one number is refused, even if the body is sent in chunks",
        why: "hyper ignores the field; two readers could frame the message in two ways",
        example: || b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n0\r\n\r\n".to_vec(),
        is: |judged| judged.only_hyper_takes("a Content-Length that is not") && judged.hyper_has("transfer-encoding"),
    },
    Difference {
        what: "a Content-Length that repeats one number (`1, 1`) counts as that number",
        why: "RFC 9112, section 6.3, allows it; hyper's client accepts it, hyper's server does not",
        example: || b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\na".to_vec(),
        is: |judged| judged.only_ours_takes("content-length") && judged.ours_has_in("content-length", b','),
    },
    Difference {
        what: "a target with bytes that a URI cannot contain is passed on unchanged",
        why: "the proxy does not judge requests to upstream (rule P1 of the contract); hyper accepts only a valid URI",
        example: || b"GET /c<d> HTTP/1.1\r\n\r\n".to_vec(),
        is: |judged| judged.only_ours_takes("URI"),
    },
    Difference {
        what: "a connection of HTTP/1.0 is closed after its first request",
        why: "no runtime asks to keep a connection of HTTP/1.0 open, and HTTP/1.0 has no chunks, so only the end of the connection can end a response without a length",
        example: || b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_vec(),
        is: |judged| judged.only_hyper_goes_on() && judged.last.is_some_and(|last| last.minor == 0),
    },
    WISH_BEYOND_ASCII,
    LONG_CHUNK_LINE,
    TRAILER_LINES,
    LONG_TRAILERS,
];

/// Responses that ours treats differently from hyper's client.
pub const DIFFERENT_RESPONSES: &[Difference] = &[
    Difference {
        what: "a response 101 (Switching Protocols) is refused",
        why: "the proxy does not pass `Upgrade` on, so no client has asked for another protocol",
        example: || b"GET\nHTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec(),
        is: |judged| judged.only_hyper_takes("another protocol"),
    },
    Difference {
        what: "a Transfer-Encoding that is not exactly one `chunked` is refused",
        why: "hyper reads to the end of the connection and passes the bytes on as content, although they are still coded",
        example: || b"GET\nHTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc".to_vec(),
        is: |judged| judged.only_hyper_takes("a Transfer-Encoding other than chunked"),
    },
    Difference {
        what: "a Content-Length that is not one number is refused, even if the body is sent in chunks",
        why: "hyper ignores the field; two readers could frame the message in two ways",
        example: || {
            b"GET\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n0\r\n\r\n".to_vec()
        },
        is: |judged| judged.only_hyper_takes("a Content-Length that is not") && judged.hyper_has("transfer-encoding"),
    },
    Difference {
        what: "a connection is not used again after a body that has both chunks and a length",
        why: "it may be an attempt to smuggle a response (RFC 9112, section 6.3); hyper uses the connection again",
        example: || {
            b"GET\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n".to_vec()
        },
        is: |judged| {
            judged.only_hyper_goes_on() && judged.hyper_has("transfer-encoding") && judged.hyper_has("content-length")
        },
    },
    Difference {
        example: || b"GET\nHTTP/1.1 200 OK\r\nConnection: close, \xe9\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ..WISH_BEYOND_ASCII
    },
    Difference { example: || chunks(b"00000000000000000\r\n\r\n"), ..LONG_CHUNK_LINE },
    Difference { example: || chunks(b"0\r\na: b\n\r\n\r\n"), ..TRAILER_LINES },
    Difference { example: || long_trailer(b"GET\nHTTP/1.1 200 OK"), ..LONG_TRAILERS },
];

const WISH_BEYOND_ASCII: Difference = Difference {
    what: "`close` or `keep-alive` in `Connection` counts, even if the field also has bytes beyond ASCII",
    why: "hyper ignores such a field. To obey `close` is always safe. In a response of HTTP/1.0, `keep-alive` counts even if the field has other values beside it",
    example: || b"GET / HTTP/1.1\r\nConnection: close, \xe9\r\n\r\n".to_vec(),
    is: |judged| {
        judged.takes_alike() && judged.last.is_some_and(|last| last.has_in("connection", |byte| !byte.is_ascii()))
    },
};

const LONG_CHUNK_LINE: Difference = Difference {
    what: "the size line of a chunk has at most 16 digits, and at most 4 KiB with its chunk extensions",
    why: "a number with more digits does not fit 64 bits, unless it begins with zeros; hyper limits the chunk extensions of a whole body to 16 KiB",
    example: || b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000000\r\n\r\n".to_vec(),
    is: |judged| {
        let is_digits = |window: &[u8]| window.iter().all(u8::is_ascii_hexdigit);
        let is_long = judged.bytes.len() > 4 << 10 || judged.bytes.windows(17).any(is_digits);
        is_long && (judged.only_hyper_takes("a chunk without a size") || judged.only_ours_takes("chunk extensions"))
    },
};

const TRAILER_LINES: Difference = Difference {
    what: "a line of a trailer section ends with CRLF",
    why: "the size lines of chunks must end with CRLF as well, and another reader might look for the end of the message elsewhere; hyper accepts LF alone in the middle of the section, not at its end",
    example: || b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: b\n\r\n\r\n".to_vec(),
    is: |judged| judged.only_hyper_takes("a line of a trailer section"),
};

const LONG_TRAILERS: Difference = Difference {
    what: "trailers may be as long as a head",
    why: "a streamed response that fails midway reports its error in the trailers; hyper accepts at most 16 KiB",
    example: || long_trailer(b"POST / HTTP/1.1"),
    is: |judged| judged.only_ours_takes("trailers bytes over limit"),
};

/// A response whose body is `body`.
fn chunks(body: &[u8]) -> Vec<u8> {
    [b"GET\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body].concat()
}

/// A message with a trailer of more than 16 KiB.
fn long_trailer(start: &[u8]) -> Vec<u8> {
    let head = b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: ";
    [start, head, &b"x".repeat(17 << 10), b"\r\n\r\n"].concat()
}

/// Checks that ours treats requests as hyper's server does, or differs as the table says.
///
/// # Panics
/// At any other difference.
pub fn requests(bytes: &[u8]) {
    let ours = ours_of_requests(bytes, usize::MAX);
    assert!(ours.is(&ours_of_requests(bytes, 1)), "framed by how they arrive: {}", bytes.escape_ascii());
    explain(DIFFERENT_REQUESTS, bytes, &ours, &hypers_of_requests(bytes));
}

/// Checks that ours treats a response as hyper's client does, or differs as the table says. The bytes begin with the method
/// of the request, on a separate line.
///
/// # Panics
/// At any other difference.
pub fn responses(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (method, bytes) = (if bytes.starts_with(b"HEAD\n") { "HEAD" } else { "GET" }, &bytes[end..]);
    let bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
    let ours = ours_of_response(bytes, method, usize::MAX);
    assert!(ours.is(&ours_of_response(bytes, method, 1)), "framed by how it arrives: {}", bytes.escape_ascii());
    explain(DIFFERENT_RESPONSES, bytes, &ours, &hypers_of_response(bytes, method));
}

/// What one of the two has read from the bytes of a connection.
#[derive(Debug, Default)]
struct Taken {
    messages: Vec<Message>,
    /// Whether it would have read another message after the last.
    goes_on: bool,
    /// Why it did not read more.
    end: String,
}

impl Taken {
    /// Whether the other has read the same. Why each ended may differ: one may reach the end before it notices what is
    /// wrong.
    fn is(&self, other: &Self) -> bool {
        self.messages == other.messages && self.goes_on == other.goes_on
    }
}

/// A message that was read completely.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    /// Method, or status.
    start: String,
    minor: u8,
    /// Names in lower case, in their order, with their values.
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    trailers: Vec<(String, Vec<u8>)>,
}

impl Message {
    /// Whether another message is the same. Fields of framing do not count, because the bodies show how each was framed.
    fn is(&self, other: &Self) -> bool {
        let content = |fields: &[(String, Vec<u8>)]| {
            let is_framing = |name: &str| matches!(name, "content-length" | "transfer-encoding");
            fields.iter().filter(|(name, _)| !is_framing(name)).cloned().collect::<Vec<_>>()
        };
        self.start == other.start
            && self.minor == other.minor
            && self.body == other.body
            && content(&self.fields) == content(&other.fields)
            && self.trailers == other.trailers
    }

    fn has_in(&self, name: &str, is: impl Fn(&u8) -> bool) -> bool {
        self.fields.iter().any(|(field, value)| field == name && value.iter().any(&is))
    }
}

/// The first message about which the two differ (or the end, if there is none), and what came before it.
struct Judged<'a> {
    bytes: &'a [u8],
    ours: Option<&'a Message>,
    hypers: Option<&'a Message>,
    /// The last message that both have read.
    last: Option<&'a Message>,
    taken: (&'a Taken, &'a Taken),
}

impl Judged<'_> {
    fn only_hyper_takes(&self, because: &str) -> bool {
        self.ours.is_none() && self.hypers.is_some() && self.taken.0.end.contains(because)
    }

    fn only_ours_takes(&self, because: &str) -> bool {
        self.ours.is_some() && self.hypers.is_none() && self.taken.1.end.contains(because)
    }

    /// Whether both accept what comes next, but one of them does not read it.
    fn takes_alike(&self) -> bool {
        self.last.is_some() && self.taken.0.goes_on != self.taken.1.goes_on
    }

    fn only_hyper_goes_on(&self) -> bool {
        self.takes_alike() && self.taken.1.goes_on
    }

    fn hyper_has(&self, name: &str) -> bool {
        self.hypers.or(self.last).is_some_and(|message| message.fields.iter().any(|(field, _)| field == name))
    }

    fn ours_has_in(&self, name: &str, byte: u8) -> bool {
        self.ours.is_some_and(|message| message.has_in(name, |other| *other == byte))
    }
}

/// The row that explains how the two differ, if they do.
fn explain<'a>(table: &'a [Difference], bytes: &[u8], ours: &Taken, hypers: &Taken) -> Option<&'a Difference> {
    let alike = ours.messages.iter().zip(&hypers.messages).take_while(|(ours, hypers)| ours.is(hypers)).count();
    let are_all = alike == ours.messages.len() && alike == hypers.messages.len();
    if are_all && (alike == 0 || ours.goes_on == hypers.goes_on) {
        return None;
    }
    let judged = Judged {
        bytes,
        ours: ours.messages.get(alike),
        hypers: hypers.messages.get(alike),
        last: alike.checked_sub(1).map(|last| &hypers.messages[last]),
        taken: (ours, hypers),
    };
    let row = table.iter().find(|row| (row.is)(&judged));
    assert!(
        row.is_some(),
        "not as hyper, and in no table: {}\nours {ours:?}\nhyper's {hypers:?}",
        bytes.escape_ascii()
    );
    row
}

fn ours_of_requests(bytes: &[u8], step: usize) -> Taken {
    let (mut input, mut source, mut taken) = (Input::default(), Script::new(bytes, step), Taken::default());
    let reading = async {
        while let Some(head) = input.request(&mut source).await? {
            let body = body(&mut input, &mut source).await?;
            let trailers = fields(&input.take_trailers());
            let start = format!("{} {}", head.method(), head.target());
            let minor = head.minor;
            taken.messages.push(Message { start, minor, fields: fields(&head.fields), body, trailers });
            taken.goes_on = head.keep_alive();
            if !taken.goes_on {
                break;
            }
        }
        Ok::<(), WireError>(())
    };
    let read = run(reading).expect("BUG: a source that never waits");
    taken.end = read.err().map_or_else(|| "an end".to_owned(), |error| error.to_string());
    taken
}

fn ours_of_response(bytes: &[u8], method: &str, step: usize) -> Taken {
    let (mut input, mut source, mut taken) = (Input::default(), Script::new(bytes, step), Taken::default());
    let reading = async {
        let head = input.response(&mut source, method).await?;
        let body = body(&mut input, &mut source).await?;
        let trailers = fields(&input.take_trailers());
        let minor = head.minor;
        let start = head.status.to_string();
        taken.messages.push(Message { start, minor, fields: fields(&head.fields), body, trailers });
        input.read_ahead(&mut source).await;
        taken.goes_on = head.keep_alive() && input.is_at_end() && input.is_empty();
        Ok::<(), WireError>(())
    };
    let read = run(reading).expect("BUG: a source that never waits");
    taken.end = read.err().map_or_else(|| "an end".to_owned(), |error| error.to_string());
    taken
}

async fn body(input: &mut Input, source: &mut Script) -> Result<Vec<u8>, WireError> {
    let mut body = vec![];
    while let Some(data) = input.data(source).await? {
        body.extend_from_slice(&data);
    }
    Ok(body)
}

fn fields(fields: &Fields) -> Vec<(String, Vec<u8>)> {
    let name = |name: &[u8]| String::from_utf8_lossy(name).to_ascii_lowercase();
    let mut fields: Vec<_> = fields.iter().map(|(field, value)| (name(field), value.to_vec())).collect();
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    fields
}

fn fields_of_map(map: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let mut fields: Vec<_> = map.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    fields
}

/// The message with this head and body, or why its body is incomplete.
async fn message(start: String, version: Version, map: &HeaderMap, body: Incoming) -> Result<Message, hyper::Error> {
    let body = body.collect().await?;
    let trailers = body.trailers().map(fields_of_map).unwrap_or_default();
    let minor = u8::from(version != Version::HTTP_10);
    Ok(Message { start, minor, fields: fields_of_map(map), body: body.to_bytes().into(), trailers })
}

fn hypers_of_requests(bytes: &[u8]) -> Taken {
    let messages = Rc::new(RefCell::new(vec![]));
    let service = service_fn(|request: Request<Incoming>| {
        let messages = Rc::clone(&messages);
        async move {
            let (head, body) = request.into_parts();
            let target = head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string);
            let message = message(format!("{} {target}", head.method), head.version, &head.headers, body).await?;
            messages.borrow_mut().push(message);
            Ok::<_, hyper::Error>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.half_close(true).max_headers(MAX_FIELDS).max_buf_size(MAX_HEAD);
    let script = Script::new(bytes, usize::MAX);
    let was_read = Rc::clone(&script.was_ended);
    let served = run(builder.serve_connection(script, service)).expect("BUG: a source that never waits");
    let messages = messages.take();
    // On a connection that goes on, the next request or the end is looked for.
    let goes_on = was_read.get() || served.is_err();
    Taken { messages, goes_on, end: served.err().map_or_else(|| "an end".to_owned(), |error| said(&error)) }
}

fn hypers_of_response(bytes: &[u8], method: &str) -> Taken {
    let (message, _) = exchange(Script::behind_a_request(bytes, true), method);
    let (_, goes_on) = exchange(Script::behind_a_request(bytes, false), method);
    match message {
        Ok(message) => Taken { messages: vec![message], goes_on, end: "an end".to_owned() },
        Err(end) => Taken { messages: vec![], goes_on: false, end },
    }
}

/// The response on a connection, or why there is none, and whether another request could be sent on it.
fn exchange(script: Script, method: &str) -> (Result<Message, String>, bool) {
    let mut builder = hyper::client::conn::http1::Builder::new();
    builder.max_headers(MAX_FIELDS).max_buf_size(MAX_HEAD);
    let (mut sender, connection) = run(builder.handshake(script)).expect("BUG: no wait").expect("BUG: no error yet");
    let mut connection = pin!(connection);
    let request = Request::builder().method(method).uri("/").body(Empty::<Bytes>::new()).expect("BUG: a request");
    let answer = {
        let asking = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let start = head.status.as_u16().to_string();
            message(start, head.version, &head.headers, body).await
        };
        let mut asking = pin!(asking);
        let mut is_open = true;
        run(poll_fn(|cx| {
            is_open = is_open && connection.as_mut().poll(cx).is_pending();
            let answer = asking.as_mut().poll(cx);
            is_open = is_open && connection.as_mut().poll(cx).is_pending();
            answer.map(|answer| (answer, is_open))
        }))
    };
    match answer {
        Some((Ok(message), is_open)) => {
            let goes_on = is_open && run(connection.as_mut()).is_none() && sender.is_ready();
            (Ok(message), goes_on)
        }
        Some((Err(error), _)) => (Err(said(&error)), false),
        None => (Err("no end".to_owned()), false),
    }
}

/// An error with its causes.
fn said(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Runs a future that waits for nothing outside of it; `None` if it would wait for ever.
fn run<F: Future>(future: F) -> Option<F::Output> {
    struct Woken(AtomicBool);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Arc::clone(&woken).into();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        if !woken.0.swap(false, Ordering::Relaxed) {
            return None;
        }
    }
}

/// A connection on which the other side sends a fixed script. What is sent to it is discarded.
struct Script {
    rest: Bytes,
    /// Bytes that arrive at once.
    step: usize,
    /// Whether it ends after them.
    ends: bool,
    /// Whether it sends anything yet: a server waits for a request.
    speaks: bool,
    waiting: Option<std::task::Waker>,
    /// Whether its end was read.
    was_ended: Rc<std::cell::Cell<bool>>,
}

impl Script {
    fn new(bytes: &[u8], step: usize) -> Self {
        let rest = Bytes::copy_from_slice(bytes);
        Self { rest, step, ends: true, speaks: true, waiting: None, was_ended: Rc::default() }
    }

    fn behind_a_request(bytes: &[u8], ends: bool) -> Self {
        Self { ends, speaks: false, ..Self::new(bytes, usize::MAX) }
    }

    /// What arrives in a buffer of `room`.
    fn next(&mut self, cx: &Context<'_>, room: usize) -> Poll<Bytes> {
        if !self.speaks || (self.rest.is_empty() && !self.ends) {
            self.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.rest.is_empty() {
            self.was_ended.set(true);
        }
        let len = self.rest.len().min(self.step).min(room);
        Poll::Ready(self.rest.split_to(len))
    }
}

impl tokio::io::AsyncRead for Script {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        self.next(cx, room).map(|bytes| {
            buf.put_slice(&bytes);
            Ok(())
        })
    }
}

impl hyper::rt::Read for Script {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        self.next(cx, room).map(|bytes| {
            buf.put_slice(&bytes);
            Ok(())
        })
    }
}

impl hyper::rt::Write for Script {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.speaks = true;
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use test_kit::corpus::inputs;

    use super::*;

    #[test]
    fn requests_of_the_corpus_are_taken_as_hyper_takes_them() {
        for input in inputs("wire_requests", 20) {
            requests(&input);
        }
    }

    #[test]
    fn responses_of_the_corpus_are_taken_as_hyper_takes_them() {
        for input in inputs("wire_responses", 20) {
            responses(&input);
        }
    }

    /// The bytes that the conformance cases of that file send.
    fn cases(name: &str) -> Vec<serde_json::Value> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance").join(name);
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    fn sent(send: &serde_json::Value) -> Vec<u8> {
        let bytes =
            |text: &serde_json::Value| text.as_str().unwrap().chars().map(|byte| byte as u8).collect::<Vec<_>>();
        match send {
            serde_json::Value::Array(parts) => parts.iter().flat_map(sent).collect(),
            serde_json::Value::Object(run) => bytes(&run["repeat"]).repeat(run["times"].as_u64().unwrap() as usize),
            text => bytes(text),
        }
    }

    /// Cases with at least this many bytes are left out: byte by byte, the time for a head is its bytes times its lines.
    const LONG: usize = 100_000;

    fn all_requests() -> Vec<Vec<u8>> {
        let all = cases("requests.json").into_iter().map(|case| sent(&case["send"]));
        all.filter(|bytes| bytes.len() < LONG).collect()
    }

    fn all_responses() -> Vec<Vec<u8>> {
        let one = |case: serde_json::Value| {
            let method = if case["method"] == "HEAD" { "HEAD\n" } else { "GET\n" };
            [method.as_bytes(), &sent(&case["send"])].concat()
        };
        cases("responses.json").into_iter().map(one).filter(|bytes| bytes.len() < LONG).collect()
    }

    #[test]
    fn conformance_cases_are_taken_as_hyper_takes_them() {
        for bytes in all_requests() {
            requests(&bytes);
        }
        for bytes in all_responses() {
            responses(&bytes);
        }
    }

    /// Runs `judge` on pieces of two cases that are put together, with some bytes removed and some inserted.
    fn judge_mixtures(cases: &[Vec<u8>], judge: fn(&[u8])) {
        const PUT_IN: [&[u8]; 12] = [
            b"\r\n",
            b"\n",
            b"\r",
            b"\0",
            b" ",
            b"\t",
            b":",
            b",",
            b"\xe9",
            b"0\r\n\r\n",
            b"Content-Length: 1\r\n",
            b"Transfer-Encoding: chunked\r\n",
        ];
        let mut random = fastrand::Rng::with_seed(17);
        let short: Vec<_> = cases.iter().filter(|case| case.len() < 1_000).collect();
        for _ in 0..MIXTURES {
            let (one, other) = (random.choice(&short).unwrap(), random.choice(&short).unwrap());
            let mut mixture = [&one[..random.usize(..=one.len())], &other[random.usize(..=other.len())..]].concat();
            for _ in 0..random.usize(..3) {
                let at = random.usize(..=mixture.len());
                let lost = at..mixture.len().min(at + random.usize(..3));
                mixture.splice(lost, random.choice(PUT_IN).unwrap().iter().copied());
            }
            judge(&mixture);
        }
    }

    const MIXTURES: usize = 5_000;

    #[test]
    fn mixtures_of_requests_are_taken_as_hyper_takes_them() {
        judge_mixtures(&all_requests(), requests);
    }

    #[test]
    fn mixtures_of_responses_are_taken_as_hyper_takes_them() {
        judge_mixtures(&all_responses(), responses);
    }

    #[test]
    fn every_row_of_the_tables_is_a_difference() {
        for row in DIFFERENT_REQUESTS {
            let bytes = (row.example)();
            let found = explain(DIFFERENT_REQUESTS, &bytes, &ours_of_requests(&bytes, 1), &hypers_of_requests(&bytes));
            assert_eq!(found.map(|found| found.what), Some(row.what));
        }
        for row in DIFFERENT_RESPONSES {
            let bytes = (row.example)().split_off(4);
            let (ours, hypers) = (ours_of_response(&bytes, "GET", 1), hypers_of_response(&bytes, "GET"));
            let found = explain(DIFFERENT_RESPONSES, &bytes, &ours, &hypers);
            assert_eq!(found.map(|found| found.what), Some(row.what));
        }
    }

    #[test]
    fn the_decision_record_has_every_row() {
        let record = include_str!("../../../docs/adr/0017-own-wire.md");
        let rows = DIFFERENT_REQUESTS.iter().chain(DIFFERENT_RESPONSES);
        let missing = rows.map(|row| format!("| {} | {} |", row.what, row.why)).filter(|row| !record.contains(row));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<String>::new());
    }

    #[test]
    #[should_panic(expected = "in no table")]
    fn a_difference_in_no_table_fails() {
        let bytes = b"CONNECT h:1 HTTP/1.1\r\n\r\n";
        explain(&[], bytes, &ours_of_requests(bytes, 1), &hypers_of_requests(bytes));
    }
}
