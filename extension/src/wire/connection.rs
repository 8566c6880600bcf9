//! One connection, as its server or as its client.

use std::io;
use std::iter::once;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::acknowledging::Acknowledging;
use super::error::WireError;
use super::head::{Framing, RequestHead, ResponseHead};
use super::input::Input;
use super::outgoing::{OutgoingHead, write_all};
use crate::payload::Payload;

/// Bytes of a body that is written while it is sent, at a time.
const CHUNK: usize = 128 << 10;

/// Bytes that most heads fit in.
const USUAL_HEAD: usize = 1 << 10;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A connection. What is sent on it leaves at once, however little it is (`TCP_NODELAY`).
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    input: Input,
    /// What becomes of it behind the current message.
    afterwards: Afterwards,
    /// Whether the other side waits to be asked for its body.
    continue_due: bool,
    /// Whether the current request takes no body in its answer.
    is_head: bool,
    /// Whether the current request's body comes in chunks, which may wait for the acknowledgement of those before.
    is_in_chunks: bool,
}

/// What becomes of a connection behind its current message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Afterwards {
    /// It stays open.
    Open,
    Closed,
    /// It is reset: a body that ends with it broke off, and would seem whole if it were closed.
    Reset,
}

impl Afterwards {
    fn open_if(keep_alive: bool) -> Self {
        if keep_alive { Self::Open } else { Self::Closed }
    }
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
        let (input, afterwards) = (Input::default(), Afterwards::Open);
        Self { stream, input, afterwards, continue_due: false, is_head: false, is_in_chunks: false }
    }

    /// Takes the next request's head; nothing when the client closed instead.
    pub async fn request(&mut self) -> Result<Option<RequestHead>, WireError> {
        (self.is_head, self.is_in_chunks) = (false, false);
        let Some(head) = self.input.request(&mut self.stream).await? else { return Ok(None) };
        self.is_head = head.method() == "HEAD";
        self.is_in_chunks = head.framing == Framing::Chunked;
        self.afterwards = Afterwards::open_if(head.keep_alive());
        self.continue_due = head.expects_continue() && !self.input.is_at_end() && self.input.is_empty();
        Ok(Some(head))
    }

    /// The next piece of the current message's body; nothing behind its end.
    pub async fn data(&mut self) -> Result<Option<Bytes>, WireError> {
        if std::mem::take(&mut self.continue_due) {
            write_all(&mut self.stream, once(CONTINUE), &mut false).await?;
        }
        self.input.data(&mut Acknowledging { stream: &mut self.stream, is_due: self.is_in_chunks }).await
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

    /// Bytes of the current message's body that are known to come.
    pub fn expected(&self) -> u64 {
        self.input.expected()
    }

    /// Whether it stays open behind the current message, as far as that was read.
    pub fn stays_open(&self) -> bool {
        self.afterwards == Afterwards::Open && self.input.is_at_end()
    }

    /// Whether nothing came that nobody asked for, and not its end either, as far as the kernel told.
    pub fn is_idle(&self) -> bool {
        let has_nothing = |read: io::Result<usize>| read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.input.is_empty() && has_nothing(self.stream.try_read(&mut [0]))
    }

    /// Closes it behind the current message.
    pub fn close_behind(&mut self) {
        self.afterwards = Afterwards::Closed;
    }

    /// Ends it from this side and reads until the other has: closed at once, what was sent last might not be read
    /// (RFC 9112, section 9.6). Resets it instead where only its end would tell that a body is whole.
    pub async fn linger(&mut self) -> io::Result<()> {
        if self.afterwards == Afterwards::Reset {
            return self.stream.set_zero_linger();
        }
        self.stream.shutdown().await?;
        let mut unread = vec![0; 16 << 10];
        while self.stream.read(&mut unread).await? > 0 {}
        Ok(())
    }

    /// Returns when the other side has closed. Behind more than is read ahead, that would not be seen.
    pub async fn closed(&mut self) -> Result<(), WireError> {
        if self.input.read_ahead(&mut self.stream).await { Ok(()) } else { Err(WireError::TooFarAhead) }
    }

    /// Sends a message whose body is at hand. To HEAD only the head is sent: the body would be taken for the next answer.
    pub async fn send(&mut self, head: &OutgoingHead, body: &Payload) -> io::Result<()> {
        let body = body.parts().filter(|_| !self.is_head);
        write_all(&mut self.stream, once(head.bytes()).chain(body), &mut false).await
    }

    /// Sends a message whose body is written while it is sent. `write` appends the next of it to a chunk, until that has so many
    /// bytes or the body ends. Others get their turn between chunks.
    pub async fn send_written(
        &mut self,
        head: &OutgoingHead,
        mut write: impl FnMut(&mut Vec<u8>, usize),
    ) -> io::Result<()> {
        let mut chunk = Vec::with_capacity(CHUNK + USUAL_HEAD);
        chunk.extend_from_slice(head.bytes());
        loop {
            if !self.is_head {
                write(&mut chunk, CHUNK);
            }
            if chunk.is_empty() {
                return Ok(());
            }
            write_all(&mut self.stream, once(&chunk[..]), &mut false).await?;
            chunk.clear();
            tokio::task::yield_now().await;
        }
    }

    /// Sends a request whose body ended early where it came from, as far as it came. No end of it is made up.
    pub async fn send_part(&mut self, head: &OutgoingHead, body: &Payload) -> Result<(), Unanswered> {
        let (before, behind) = if body.is_empty() { (String::new(), "") } else { head.around(body.len()) };
        let parts = [head.bytes(), before.as_bytes()].into_iter().chain(body.parts()).chain(once(behind.as_bytes()));
        let mut begun = false;
        let sent = write_all(&mut self.stream, parts, &mut begun).await;
        sent.map_err(|error| if begun { Unanswered::Lost(error.into()) } else { Unanswered::Unsent(error) })
    }

    /// Sends a request by `method` whose body is at hand, and gives the response. A server may refuse it before it has read all.
    pub async fn exchange(
        &mut self,
        method: &str,
        head: &OutgoingHead,
        body: &Payload,
    ) -> Result<ResponseHead, Unanswered> {
        let (mut source, mut sink) = self.stream.split();
        let mut begun = false;
        let sending = write_all(&mut sink, once(head.bytes()).chain(body.parts()), &mut begun);
        let (sent, early) = meanwhile(sending, &mut self.input, &mut source, method).await;
        match (sent, early) {
            (Some(Err(error)), None) if !begun => Err(Unanswered::Unsent(error)),
            (sent, early) => self.answered(method, early, matches!(sent, Some(Ok(())))).await,
        }
    }

    /// The same with a body that is passed on from `client` as it arrives there, behind its `first` piece.
    pub async fn relay(
        &mut self,
        method: &str,
        head: &OutgoingHead,
        first: &[u8],
        client: &mut Self,
    ) -> Result<ResponseHead, Unanswered> {
        let (mut source, mut sink) = self.stream.split();
        let mut begun = false;
        let sending = client.pass_on(head, first, &mut sink, &mut begun);
        let (sent, early) = meanwhile(sending, &mut self.input, &mut source, method).await;
        match (sent, early) {
            (Some(Err(Broken::Source(error))), _) => Err(Unanswered::Source(error)),
            (Some(Err(Broken::Sink(error))), None) if !begun => Err(Unanswered::Unsent(error)),
            (sent, early) => self.answered(method, early, matches!(sent, Some(Ok(())))).await,
        }
    }

    /// A piece of the current message's body that has arrived already.
    pub fn data_at_hand(&mut self) -> Bytes {
        // What cannot be read is said when there is no way around it.
        self.input.data_at_hand().ok().flatten().unwrap_or_default()
    }

    /// Passes on the body of this connection's message to `client`, under a separate head, as long as the client is there: a
    /// source that stalls would not tell.
    pub async fn pass_to(&mut self, client: &mut Self, head: &OutgoingHead) -> Result<(), Broken> {
        let first = self.data_at_hand();
        let (mut behind, mut sink) = client.stream.split();
        let mut begun = false;
        let passing = self.pass_on(head, &first, &mut sink, &mut begun);
        tokio::pin!(passing);
        let passed = tokio::select! {
            biased;
            passed = &mut passing => passed,
            is_closed = client.input.read_ahead(&mut behind) => {
                if is_closed { Err(Broken::Sink(io::ErrorKind::ConnectionAborted.into())) } else { passing.await }
            }
        };
        if head.ends_with_connection() && matches!(passed, Err(Broken::Source(_))) {
            client.afterwards = Afterwards::Reset;
        }
        passed
    }

    async fn pass_on(
        &mut self,
        head: &OutgoingHead,
        first: &[u8],
        sink: &mut (impl AsyncWrite + Unpin),
        begun: &mut bool,
    ) -> Result<(), Broken> {
        write_piece(sink, head.bytes(), head, first, begun).await?;
        while let Some(piece) = self.data().await.map_err(Broken::Source)? {
            write_piece(sink, b"", head, &piece, begun).await?;
        }
        let end = head.end(&self.input.take_trailers());
        write_all(sink, once(&end[..]), begun).await.map_err(Broken::Sink)
    }

    /// The response, read now if it did not come early. One that comes where sending failed may say why.
    async fn answered(
        &mut self,
        method: &str,
        early: Option<Result<ResponseHead, WireError>>,
        is_sent: bool,
    ) -> Result<ResponseHead, Unanswered> {
        let answer = match early {
            Some(early) => early,
            None => self.input.response(&mut self.stream, method).await,
        };
        let answer = answer.map_err(Unanswered::Lost)?;
        self.afterwards = Afterwards::open_if(is_sent && answer.keep_alive());
        Ok(answer)
    }
}

/// Sends, and gives what comes of it, and what was answered before its end. A refusal ends it; behind any other answer it
/// goes on, while that is read ahead: a server may take no more before its answer is taken.
async fn meanwhile<S, E>(
    sending: impl Future<Output = Result<S, E>>,
    input: &mut Input,
    source: &mut (impl AsyncRead + Unpin),
    method: &str,
) -> (Option<Result<S, E>>, Option<Result<ResponseHead, WireError>>) {
    tokio::pin!(sending);
    let early = tokio::select! {
        biased;
        sent = &mut sending => return (Some(sent), None),
        early = input.response(source, method) => early,
    };
    if !early.as_ref().is_ok_and(ResponseHead::is_success) {
        return (None, Some(early));
    }
    let sent = tokio::select! {
        biased;
        sent = &mut sending => sent,
        _ = input.read_ahead(source) => sending.await,
    };
    (Some(sent), Some(early))
}

async fn write_piece(
    sink: &mut (impl AsyncWrite + Unpin),
    lead: &[u8],
    head: &OutgoingHead,
    piece: &[u8],
    begun: &mut bool,
) -> Result<(), Broken> {
    let (before, behind) = if piece.is_empty() { (String::new(), "") } else { head.around(piece.len()) };
    let parts = [lead, before.as_bytes(), piece, behind.as_bytes()];
    write_all(sink, parts.into_iter(), begun).await.map_err(Broken::Sink)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A connection of which both sides have sent something, and on which acknowledgements are delayed; and its client.
    async fn used() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut server = Connection::new(listener.accept().await.unwrap().0);
        client.write_all(b"GET /next HTTP/1.1\r\n\r\n").await.unwrap();
        server.request().await.unwrap().expect("a request");
        let head = OutgoingHead::own_response("200 OK", "application/json", 2, true);
        server.send(&head, &Payload::from(b"{}".to_vec())).await.unwrap();
        (server, client)
    }

    /// Whether acknowledgements are no more delayed when the rest of a body is waited for that begins so.
    async fn acknowledges(request: &[u8]) -> bool {
        let (mut server, mut client) = used().await;
        client.write_all(request).await.unwrap();
        server.request().await.unwrap().expect("a request");
        assert_eq!(server.data().await.unwrap().as_deref(), Some(&b"first"[..]));
        tokio::select! {
            biased;
            rest = server.data() => panic!("the rest has not been sent: {rest:?}"),
            () = async {} => {}
        }
        server.stream.quickack().unwrap()
    }

    #[tokio::test]
    async fn chunks_are_acknowledged_before_more_are_waited_for() {
        assert!(acknowledges(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await);
    }

    #[tokio::test]
    async fn what_has_a_length_is_acknowledged_when_the_kernel_likes() {
        let mut is_delayed = false;
        // A kernel that was kept waiting for 40 ms delays no longer.
        for _ in 0..10 {
            is_delayed |= !acknowledges(b"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nfirst").await;
        }
        assert!(is_delayed);
    }
}
