//! The runtime: a client that says exactly what a test wants said.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::message::{REQUEST_ID, Request};
use crate::waiting::soon;
use crate::wire::{Framing, Head, Headers, Wire, chunk, last_chunk};

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
    pub trailers: Headers,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// The id of the invocation whose event this is.
    pub fn id(&self) -> &str {
        self.headers.get(REQUEST_ID).expect("an event with a request id")
    }
}

/// One runtime with one connection, which it keeps as long as the other side does.
#[derive(Debug)]
pub struct Runtime {
    proxy: SocketAddr,
    wire: Option<Wire>,
}

impl Runtime {
    pub fn new(proxy: SocketAddr) -> Self {
        Self { proxy, wire: None }
    }

    /// One that holds back what is short until what it sent before is acknowledged (Nagle's algorithm), as `lambda_runtime` does.
    pub async fn holding_back(proxy: SocketAddr) -> Self {
        let stream = TcpStream::connect(proxy).await.expect("a proxy that accepts connections");
        Self { proxy, wire: Some(Wire::over(stream)) }
    }

    /// Sends `request` and waits for its answer.
    pub async fn send(&mut self, request: Request) -> Answer {
        self.begin(&request).await;
        self.answer(&request.method).await
    }

    /// Sends `request` without waiting.
    pub async fn begin(&mut self, request: &Request) {
        let wire = self.connected().await;
        // The answer may come before the body has gone out whole, so a write that fails is no verdict.
        wire.send(&request.head(), &request.print_body()).await.ok();
    }

    /// Sends the head of `request` and no more than `bytes` of its body.
    pub async fn begin_part(&mut self, request: &Request, bytes: usize) {
        let wire = self.connected().await;
        wire.write(&request.head()).await.expect("a head that is sent");
        wire.write(&request.print_body()[..bytes]).await.expect("a part that is sent");
    }

    /// Sends these bytes, whatever they are.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        // Who is refused early may find the connection closed while it still speaks.
        self.connected().await.write(bytes.as_ref()).await.ok();
    }

    /// The answer to the request that was sent last, by `method`.
    pub async fn answer(&mut self, method: &str) -> Answer {
        let answer = soon("the proxy's answer", self.try_answer(method)).await;
        answer.expect("an answer from the proxy")
    }

    /// The first line of the answer to `request`.
    pub async fn status_line(&mut self, request: &Request) -> String {
        self.begin(request).await;
        let head = soon("the proxy's answer", self.connected().await.head()).await;
        head.expect("an answer from the proxy").expect("an answer before the end").start
    }

    /// Waits until the answer has come as far as `part`.
    pub async fn part_of_answer(&mut self, part: &[u8]) {
        let arrived = soon("a part of an answer", self.connected().await.until(part)).await;
        arrived.expect("a part of an answer").expect("a part of an answer before the end");
    }

    /// Polls for the next event.
    pub async fn next(&mut self) -> Answer {
        self.send(Request::next()).await
    }

    /// Polls for the next event without waiting for it.
    pub async fn begin_next(&mut self) {
        self.begin(&Request::next()).await;
    }

    /// The event of a poll that was begun.
    pub async fn event(&mut self) -> Answer {
        self.answer("GET").await
    }

    /// Sends the response of invocation `id`.
    pub async fn respond(&mut self, id: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(Request::response(id, body).header("Content-Type", "application/json")).await
    }

    /// Closes the connection, whatever was asked on it.
    pub fn hang_up(&mut self) {
        self.wire = None;
    }

    /// Begins a streamed response of invocation `id`: its head, and that trailers follow.
    pub async fn stream(&mut self, id: &str) -> Stream<'_> {
        let request = Request::response(id, "")
            .chunked(1)
            .header("Lambda-Runtime-Function-Response-Mode", "streaming")
            .header("Content-Type", "application/vnd.awslambda.http-integration-response")
            .header("Trailer", "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body");
        self.connected().await.write(&request.head()).await.expect("a head that is sent");
        Stream { runtime: self }
    }

    /// Sends only the head of `request` and waits for the interim answer 100.
    pub async fn expect_continue(&mut self, request: &Request) -> Head {
        let wire = self.connected().await;
        wire.write(&request.head()).await.expect("a head that is sent");
        let head = soon("100 Continue", wire.head()).await.expect("an interim answer");
        head.expect("an interim answer before the connection ends")
    }

    /// Sends the body of `request`, whose head was sent before.
    pub async fn send_body(&mut self, request: &Request) {
        self.connected().await.write(&request.print_body()).await.expect("a body that is sent");
    }

    async fn connected(&mut self) -> &mut Wire {
        if self.wire.is_none() {
            let wire = Wire::connect(self.proxy).await.expect("a proxy that accepts connections");
            self.wire = Some(wire);
        }
        self.wire.as_mut().expect("BUG: just connected")
    }

    async fn try_answer(&mut self, method: &str) -> io::Result<Answer> {
        let wire = self.wire.as_mut().expect("a request sent before");
        let head = loop {
            let head = wire.head().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if head.status() != 100 {
                break head;
            }
        };
        let framing = head.response_framing(method == "HEAD")?;
        let (body, trailers) = wire.body(framing).await?;
        let closes = head.headers.get("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if closes || framing == Framing::UntilClose {
            self.wire = None;
        }
        Ok(Answer { status: head.status(), headers: head.headers, body, trailers })
    }
}

/// A response that is being streamed.
pub struct Stream<'a> {
    runtime: &'a mut Runtime,
}

impl Stream<'_> {
    pub async fn send(&mut self, data: &[u8]) {
        let wire = self.runtime.connected().await;
        wire.write(&chunk(data)).await.expect("a chunk that is sent");
    }

    /// Bytes that were sent and are not acknowledged.
    pub async fn unacknowledged(&mut self) -> u64 {
        self.runtime.connected().await.unacknowledged()
    }

    /// The answer, before the end of what is streamed.
    pub async fn answer(&mut self) -> Answer {
        self.runtime.answer("POST").await
    }

    pub async fn finish(self, trailers: &[(&str, &str)]) -> Answer {
        let mut fields = Headers::default();
        for (name, value) in trailers {
            fields.push(name, value);
        }
        let wire = self.runtime.connected().await;
        wire.write(&last_chunk(&fields)).await.expect("trailers that are sent");
        self.runtime.answer("POST").await
    }

    /// The runtime dies in the middle of its response.
    pub fn abort(self) {
        self.runtime.hang_up();
    }
}

/// Several runtimes' worth of connections, as Lambda Managed Instances open them.
pub fn runtimes(proxy: SocketAddr, count: usize) -> Vec<Runtime> {
    (0..count).map(|_| Runtime::new(proxy)).collect()
}
