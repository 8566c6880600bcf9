//! The runtime: a client that keeps one connection, as the official ones do, and looks at the clock.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use test_kit::message::REQUEST_ID;
use test_kit::wire::{self, Framing, Head, Wire};

/// What one invocation cost the runtime.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// From asking for an event, which is ready, to having all of it.
    pub(crate) next: Duration,
    /// From sending the response to having the answer.
    pub(crate) response: Duration,
}

/// A runtime that is connected.
#[derive(Debug)]
pub(crate) struct Runtime {
    wire: Wire,
    host: SocketAddr,
    poll: Vec<u8>,
    /// The last event's body, as it was framed.
    event: (Framing, Vec<u8>),
    /// The last event's request id.
    invocation: String,
}

impl Runtime {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        Self::connect_as("lrap-bench", address).await
    }

    /// Connects another runtime of the same sandbox, which polls by the name of `user_agent`.
    pub(crate) async fn another(&self, user_agent: &str) -> anyhow::Result<Self> {
        Self::connect_as(user_agent, self.host).await
    }

    async fn connect_as(user_agent: &str, address: SocketAddr) -> anyhow::Result<Self> {
        let wire = Wire::connect(address).await?;
        let poll = format!(
            "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {address}\r\nUser-Agent: {user_agent}\r\n\
             Accept: */*\r\n\r\n"
        );
        let event = (Framing::Length(0), vec![]);
        Ok(Self { wire, host: address, poll: poll.into_bytes(), event, invocation: String::new() })
    }

    /// Takes an event and answers it.
    pub(crate) async fn invoke(&mut self, response: &[u8]) -> anyhow::Result<Timing> {
        let next = self.next().await?;
        let response = self.respond(response).await?;
        Ok(Timing { next, response })
    }

    /// Polls for the next event.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        self.wire.send(&self.poll, b"").await?;
        let head = self.wire.head().await?.context("closed instead of an event")?;
        let framing = head.response_framing(false)?;
        self.wire.framed_body(framing, &mut self.event.1).await?;
        let took = begun.elapsed();
        self.event.0 = framing;
        expect_status(&head, 200)?;
        head.headers.get(REQUEST_ID).context("an event without a request id")?.clone_into(&mut self.invocation);
        Ok(took)
    }

    /// The last event's data.
    pub(crate) fn event(&self) -> anyhow::Result<Vec<u8>> {
        Ok(wire::data(self.event.0, &self.event.1)?)
    }

    /// Answers the last event.
    pub(crate) async fn respond(&mut self, response: &[u8]) -> anyhow::Result<Duration> {
        let head = format!(
            "POST /2018-06-01/runtime/invocation/{}/response HTTP/1.1\r\nHost: {}\r\nUser-Agent: lrap-bench\r\n\
             Accept: */*\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.invocation,
            self.host,
            response.len()
        );
        let begun = Instant::now();
        self.wire.send(head.as_bytes(), response).await?;
        let head = self.wire.head().await?.context("closed instead of an answer")?;
        let mut answer = vec![];
        self.wire.framed_body(head.response_framing(false)?, &mut answer).await?;
        let took = begun.elapsed();
        expect_status(&head, 202)?;
        Ok(took)
    }
}

fn expect_status(head: &Head, status: u16) -> anyhow::Result<()> {
    ensure!(head.status() == status, "{} instead of {status}", head.start);
    Ok(())
}
