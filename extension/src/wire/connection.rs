//! One connection, of which we are the server or the client.

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

/// A body that is written while it is sent is written in chunks of this many bytes.
const CHUNK: usize = 128 << 10;

/// Bytes that most heads fit in.
const USUAL_HEAD: usize = 1 << 10;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A connection. Everything is sent at once, even if it is short (`TCP_NODELAY`).
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    input: Input,
    /// What happens to it after the current message.
    afterwards: Afterwards,
    /// Whether the other side waits for `100 Continue` before it sends its body.
    continue_due: bool,
    /// Whether the current request is HEAD, so that its answer has no body.
    is_head: bool,
    /// Whether the current request's body comes in chunks, each of which may wait until the previous ones are acknowledged.
    is_in_chunks: bool,
}

/// What happens to a connection after its current message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Afterwards {
    /// It stays open.
    Open,
    Closed,
    /// It is reset. The end of the connection is the end of the body, and the body is incomplete: if the connection were
    /// closed normally, the body would seem complete.
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
    /// The connection failed after that: the request may have arrived.
    Lost(WireError),
    /// The body of the request ended early on the connection that it came from.
    Source(WireError),
}

/// Which of two connections failed while a body was passed from one to the other.
#[derive(Debug)]
pub enum Broken {
    /// The connection that the body came from.
    Source(WireError),
    /// The connection that the body was sent to.
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

    /// Takes the next request's head; `None` if the client closed the connection.
    pub async fn request(&mut self) -> Result<Option<RequestHead>, WireError> {
        (self.is_head, self.is_in_chunks) = (false, false);
        let Some(head) = self.input.request(&mut self.stream).await? else { return Ok(None) };
        self.is_head = head.method() == "HEAD";
        self.is_in_chunks = head.framing == Framing::Chunked;
        self.afterwards = Afterwards::open_if(head.keep_alive());
        self.continue_due = head.expects_continue() && !self.input.is_at_end() && self.input.is_empty();
        Ok(Some(head))
    }

    /// The next piece of the current message's body; `None` after its end.
    pub async fn data(&mut self) -> Result<Option<Bytes>, WireError> {
        if std::mem::take(&mut self.continue_due) {
            write_all(&mut self.stream, once(CONTINUE), &mut false).await?;
        }
        self.input.data(&mut Acknowledging { stream: &mut self.stream, is_due: self.is_in_chunks }).await
    }

    /// Reads the whole body, and shows each piece to `look` as it arrives; `look` returns whether the body is needed in one
    /// piece.
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

    /// Whether it stays open after the current message. It does not if the message was not read to its end.
    pub fn stays_open(&self) -> bool {
        self.afterwards == Afterwards::Open && self.input.is_at_end()
    }

    /// Whether it is open and nothing unexpected has arrived, as far as the kernel knows.
    pub fn is_idle(&self) -> bool {
        let has_nothing = |read: io::Result<usize>| read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.input.is_empty() && has_nothing(self.stream.try_read(&mut [0]))
    }

    /// Closes it after the current message.
    pub fn close_behind(&mut self) {
        self.afterwards = Afterwards::Closed;
    }

    /// Ends it from this side, and reads until the other side has ended it, too: if it were closed at once, the other side
    /// might not be able to read what was sent last (RFC 9112, section 9.6). Resets it instead if the last body is
    /// incomplete and would seem complete otherwise.
    pub async fn linger(&mut self) -> io::Result<()> {
        if self.afterwards == Afterwards::Reset {
            return self.stream.set_zero_linger();
        }
        self.stream.shutdown().await?;
        let mut unread = vec![0; 16 << 10];
        while self.stream.read(&mut unread).await? > 0 {}
        Ok(())
    }

    /// Returns when the other side has closed the connection. Fails if more has arrived than is read ahead, because the end
    /// could not be noticed then.
    pub async fn closed(&mut self) -> Result<(), WireError> {
        if self.input.read_ahead(&mut self.stream).await { Ok(()) } else { Err(WireError::TooFarAhead) }
    }

    /// Sends a message whose body is in memory. The answer to HEAD is sent without the body, which would be taken for the
    /// next answer.
    pub async fn send(&mut self, head: &OutgoingHead, body: &Payload) -> io::Result<()> {
        let body = body.parts().filter(|_| !self.is_head);
        write_all(&mut self.stream, once(head.bytes()).chain(body), &mut false).await
    }

    /// Sends a message whose body is written while it is sent. `write` appends the next bytes of the body to a chunk, until
    /// the chunk has the given length or the body ends. Other tasks run between chunks.
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

    /// Sends a request whose body ended early on its connection, as far as the body arrived. It adds nothing that would end
    /// the body properly.
    pub async fn send_part(&mut self, head: &OutgoingHead, body: &Payload) -> Result<(), Unanswered> {
        let (before, behind) = if body.is_empty() { (String::new(), "") } else { head.around(body.len()) };
        let parts = [head.bytes(), before.as_bytes()].into_iter().chain(body.parts()).chain(once(behind.as_bytes()));
        let mut begun = false;
        let sent = write_all(&mut self.stream, parts, &mut begun).await;
        sent.map_err(|error| if begun { Unanswered::Lost(error.into()) } else { Unanswered::Unsent(error) })
    }

    /// Sends a request by `method` whose body is in memory, and returns the response. A server may refuse the request before
    /// it has read all of it.
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

    /// The same with a body that is passed on from `client` while it arrives there, after its `first` piece.
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

    /// Passes on the body of this connection's message to `client`, with the given head. Stops when the client disconnects,
    /// which would not be noticed otherwise while the source sends nothing.
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

    /// The response, which is read now if it did not arrive early. It is read even if sending failed, because it may say
    /// why.
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

/// Sends a request. Returns the outcome of sending, and the head of a response that arrived before everything was sent. If
/// that response is a refusal, sending stops. Otherwise sending continues while the response is read ahead, because the
/// server may read no more until its response is read.
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

    /// A connection on which both sides have sent something, so that acknowledgements are delayed; and its client.
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

    /// Whether acknowledgements are sent at once while the connection waits for the rest of a body that begins with
    /// `request`.
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
