//! One connection, as its server or as its client.

use std::io;
use std::iter::once;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::WireError;
use super::head::{RequestHead, ResponseHead};
use super::input::Input;
use super::outgoing::{Outgoing, write_all};
use crate::payload::Payload;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A connection on which nothing waits for more to be sent.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    input: Input,
    /// Whether it stays open behind the current message.
    keep_alive: bool,
    /// Whether the other side waits to be asked for its body.
    continue_due: bool,
}

/// Why there is no response.
#[derive(Debug)]
pub enum Unanswered {
    /// The connection was dead before a byte was sent.
    Unsent(io::Error),
    /// It broke afterwards: the request may have arrived.
    Lost(WireError),
    /// The body of the request broke off on the connection that it came from.
    Source(WireError),
}

/// Which side of a body's way broke.
#[derive(Debug)]
pub enum Broken {
    /// The side that it came from.
    Source(WireError),
    /// The side that it went to.
    Sink(io::Error),
}

impl Connection {
    /// An open connection.
    pub fn new(stream: TcpStream) -> Self {
        // On a dead connection it fails, and so does what comes next.
        let _ = stream.set_nodelay(true);
        Self { stream, input: Input::default(), keep_alive: true, continue_due: false }
    }

    /// Takes the next request's head; nothing when the client closed instead.
    pub async fn request(&mut self) -> Result<Option<RequestHead>, WireError> {
        let Some(head) = self.input.request(&mut self.stream).await? else { return Ok(None) };
        self.keep_alive = head.keep_alive();
        self.continue_due = head.expects_continue() && !self.input.is_at_end() && self.input.is_empty();
        Ok(Some(head))
    }

    /// The next piece of the current message's body; nothing behind its end.
    pub async fn data(&mut self) -> Result<Option<Bytes>, WireError> {
        if std::mem::take(&mut self.continue_due) {
            write_all(&mut self.stream, once(CONTINUE), &mut false).await?;
        }
        self.input.data(&mut self.stream).await
    }

    /// All of the body, each piece shown to `look` as it arrives, which says whether the body is needed in one.
    pub async fn gather(&mut self, mut look: impl FnMut(&[u8]) -> bool) -> Result<Payload, WireError> {
        let mut payload = Payload::default();
        while let Some(piece) = self.data().await? {
            if look(&piece) {
                payload.join(piece, self.input.expected());
            } else {
                payload.push(piece);
            }
        }
        Ok(payload)
    }

    /// Whether the current message was read to its end.
    pub fn is_at_end(&self) -> bool {
        self.input.is_at_end()
    }

    /// Whether it stays open behind the current message, as far as that was read.
    pub fn stays_open(&self) -> bool {
        self.keep_alive && self.is_at_end()
    }

    /// Whether nothing came that nobody asked for, and not its end either, as far as the kernel told.
    pub fn is_idle(&self) -> bool {
        let has_nothing = |read: io::Result<usize>| read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.input.is_empty() && has_nothing(self.stream.try_read(&mut [0]))
    }

    /// Closes it behind the current message.
    pub fn close_behind(&mut self) {
        self.keep_alive = false;
    }

    /// Ends it from this side and reads until the other has: closed at once, what was sent last might not be read
    /// (RFC 9112, section 9.6).
    pub async fn linger(&mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let mut unread = vec![0; 16 << 10];
        while self.stream.read(&mut unread).await? > 0 {}
        Ok(())
    }

    /// Returns when the other side has closed.
    pub async fn closed(&mut self) {
        self.input.end(&mut self.stream).await;
    }

    /// Sends a message whose body is at hand.
    pub async fn send(&mut self, head: &Outgoing, body: &Payload) -> io::Result<()> {
        write_all(&mut self.stream, once(head.head()).chain(body.parts()), &mut false).await
    }

    /// Sends a request by `method` whose body is at hand, and gives the response. A server may answer before it has read all.
    pub async fn exchange(
        &mut self,
        method: &str,
        head: &Outgoing,
        body: &Payload,
    ) -> Result<ResponseHead, Unanswered> {
        let (mut source, mut sink) = self.stream.split();
        let mut begun = false;
        let sending = write_all(&mut sink, once(head.head()).chain(body.parts()), &mut begun);
        let early = tokio::select! {
            biased;
            sent = sending => sent.map(|()| None),
            early = self.input.response(&mut source, method) => Ok(Some(early)),
        };
        let is_sent = matches!(early, Ok(None));
        let answer = match early {
            Ok(Some(early)) => early,
            Err(error) if !begun => return Err(Unanswered::Unsent(error)),
            // A server that has answered already may read no more.
            Ok(None) | Err(_) => self.input.response(&mut source, method).await,
        };
        self.answered(answer, is_sent)
    }

    /// The same with a body that is passed on from `client` as it arrives there.
    pub async fn relay(
        &mut self,
        method: &str,
        head: &Outgoing,
        client: &mut Self,
    ) -> Result<ResponseHead, Unanswered> {
        let (mut source, mut sink) = self.stream.split();
        let early = tokio::select! {
            biased;
            sent = client.pass_on(head, &mut sink) => sent.map(|()| None),
            early = self.input.response(&mut source, method) => Ok(Some(early)),
        };
        let is_sent = matches!(early, Ok(None));
        let answer = match early {
            Ok(Some(early)) => early,
            Err(Broken::Source(error)) => return Err(Unanswered::Source(error)),
            Ok(None) | Err(Broken::Sink(_)) => self.input.response(&mut source, method).await,
        };
        self.answered(answer, is_sent)
    }

    /// Passes on the body of this connection's message to `client`, under a head of its own.
    pub async fn pass_to(&mut self, client: &mut Self, head: &Outgoing) -> Result<(), Broken> {
        self.pass_on(head, &mut client.stream).await
    }

    async fn pass_on(&mut self, head: &Outgoing, sink: &mut (impl AsyncWrite + Unpin)) -> Result<(), Broken> {
        let at_hand = self.input.data_at_hand().map_err(Broken::Source)?.unwrap_or_default();
        write_piece(sink, head.head(), head, &at_hand).await?;
        while let Some(piece) = self.data().await.map_err(Broken::Source)? {
            write_piece(sink, b"", head, &piece).await?;
        }
        let end = head.end(&self.input.take_trailers());
        write_all(sink, once(&end[..]), &mut false).await.map_err(Broken::Sink)
    }

    fn answered(&mut self, answer: Result<ResponseHead, WireError>, is_sent: bool) -> Result<ResponseHead, Unanswered> {
        let answer = answer.map_err(Unanswered::Lost)?;
        self.keep_alive = is_sent && answer.keep_alive();
        Ok(answer)
    }
}

async fn write_piece(
    sink: &mut (impl AsyncWrite + Unpin),
    lead: &[u8],
    head: &Outgoing,
    piece: &[u8],
) -> Result<(), Broken> {
    let (before, behind) = if piece.is_empty() { (String::new(), "") } else { head.around(piece.len()) };
    let parts = [lead, before.as_bytes(), piece, behind.as_bytes()];
    write_all(sink, parts.into_iter(), &mut false).await.map_err(Broken::Sink)
}
