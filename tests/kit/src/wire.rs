//! HTTP/1.1 as it is on the wire: heads with their spelling, bodies piece by piece or whole, trailers, and the closing of
//! sockets. It costs little: the benchmark measures with it.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes read at once where the length is not known.
const READ: usize = 64 << 10;

/// Header fields in the order and spelling of the sender.
#[derive(Clone, Default)]
pub struct Headers {
    /// A line for each.
    lines: String,
}

impl Headers {
    /// The first value of `name`, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// Every value of `name`, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.values(name).collect()
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.lines.split("\r\n").filter(|line| !line.is_empty());
        lines.map(|line| line.split_once(':').unwrap_or((line, ""))).map(|(name, value)| (name, value.trim()))
    }

    pub fn push(&mut self, name: &str, value: &str) {
        for part in [name, ": ", value, "\r\n"] {
            self.lines.push_str(part);
        }
    }

    /// The fields as they are sent, each on its line.
    pub fn print(&self) -> &str {
        &self.lines
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn parse(lines: &str) -> io::Result<Self> {
        match lines.split("\r\n").find(|line| !line.is_empty() && !line.contains(':')) {
            Some(line) => Err(malformed(line)),
            None => Ok(Self { lines: lines.to_owned() }),
        }
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print().replace("\r\n", "; "))
    }
}

/// A start line with its header fields.
#[derive(Clone, Debug)]
pub struct Head {
    pub start: String,
    pub headers: Headers,
}

impl Head {
    /// The words of the start line: method, target, version, or version, status, reason.
    pub fn word(&self, index: usize) -> &str {
        self.start.splitn(3, ' ').nth(index).unwrap_or_default()
    }

    pub fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or_default()
    }

    /// The lines as they came, with the empty one that ends them.
    pub fn print(&self) -> String {
        [&self.start, "\r\n", self.headers.print(), "\r\n"].concat()
    }

    /// How the body of this request is delimited.
    ///
    /// # Errors
    /// Two framings at once, or a length that is no number.
    pub fn request_framing(&self) -> io::Result<Framing> {
        Ok(self.declared()?.unwrap_or(Framing::Length(0)))
    }

    /// How the body of this response is delimited; `to_head` when it answers a HEAD.
    ///
    /// # Errors
    /// Two framings at once, or a length that is no number.
    pub fn response_framing(&self, to_head: bool) -> io::Result<Framing> {
        if to_head || matches!(self.status(), 100..=199 | 204 | 304) {
            return Ok(Framing::Length(0));
        }
        Ok(self.declared()?.unwrap_or(Framing::UntilClose))
    }

    /// Two framings at once are how requests are smuggled: such a message is refused here.
    fn declared(&self) -> io::Result<Option<Framing>> {
        let mut lengths = self.headers.values("content-length");
        let chunked = self.headers.get("transfer-encoding").is_some();
        match (lengths.next(), lengths.next(), chunked) {
            (None, _, false) => Ok(None),
            (None, _, true) => Ok(Some(Framing::Chunked)),
            (Some(length), None, false) => {
                let length = length.parse().map_err(|_| malformed(length))?;
                Ok(Some(Framing::Length(length)))
            }
            _ => Err(malformed(&format!("two framings in {:?}", self.headers))),
        }
    }
}

/// How much of a body is still to come, and how its end shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
    Done,
}

/// What comes next in a body.
#[derive(Debug)]
pub enum Piece {
    Data(Bytes),
    End(Headers),
}

/// One connection, either side.
#[derive(Debug)]
pub struct Wire<S = TcpStream> {
    stream: S,
    /// What was read and not taken yet.
    buffer: BytesMut,
}

impl Wire {
    /// A connection that holds nothing back.
    pub fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("BUG: a connected TCP stream takes TCP_NODELAY");
        Self::over(stream)
    }

    /// # Errors
    /// When nobody accepts the connection.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::new(TcpStream::connect(address).await?))
    }

    /// Bytes that were sent and are not acknowledged, as the kernel lists them.
    pub fn unacknowledged(&self) -> u64 {
        let port = self.stream.local_addr().expect("BUG: a connected stream has an address").port();
        let listed = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's list of connections");
        let is_ours = |fields: &Vec<&str>| fields[1].ends_with(&format!(":{port:04X}"));
        let mut rows = listed.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        let ours = rows.find(is_ours);
        let queues = ours.expect("a connection that the kernel lists")[4];
        let sent = queues.split(':').next().expect("BUG: a text has a first part");
        u64::from_str_radix(sent, 16).expect("a number of bytes")
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// HTTP over something that carries bytes.
    pub fn over(stream: S) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Sends a head and a body in one segment where they fit.
    pub async fn send(&mut self, head: &[u8], body: &[u8]) -> io::Result<()> {
        let (mut head, mut body) = (head, body);
        while !head.is_empty() {
            let written = self.stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            let of_head = written.min(head.len());
            (head, body) = (&head[of_head..], &body[written - of_head..]);
        }
        self.write(body).await
    }

    /// Ends the connection from this side; the other may still answer.
    pub async fn end(&mut self) {
        // The side that closed first needs no end.
        self.stream.shutdown().await.ok();
    }

    /// The next head; `None` when the peer closed the connection between two messages.
    pub async fn head(&mut self) -> io::Result<Option<Head>> {
        let Some(end) = self.end_of(b"\r\n\r\n").await? else { return Ok(None) };
        let text = String::from_utf8_lossy(&self.buffer[..end - 2]);
        let (start, fields) = text.split_once("\r\n").ok_or_else(|| malformed(&text))?;
        let head = Head { start: start.to_owned(), headers: Headers::parse(fields)? };
        self.buffer.advance(end);
        Ok(Some(head))
    }

    /// The next piece of a body; a chunk of the wire is a piece, other bodies come as they are read.
    pub async fn piece(&mut self, framing: &mut Framing) -> io::Result<Piece> {
        match *framing {
            Framing::Length(0) | Framing::Done => Ok(Piece::End(Headers::default())),
            Framing::Length(left) => self.part_of(left, framing).await,
            Framing::Chunked => self.chunk(framing).await,
            Framing::UntilClose => Ok(match self.fill().await? {
                0 if self.buffer.is_empty() => Piece::End(Headers::default()),
                _ => Piece::Data(self.buffer.split().freeze()),
            }),
        }
    }

    /// A whole body and its trailers.
    pub async fn body(&mut self, mut framing: Framing) -> io::Result<(Vec<u8>, Headers)> {
        let mut body = Vec::new();
        loop {
            match self.piece(&mut framing).await? {
                Piece::Data(data) => body.extend_from_slice(&data),
                Piece::End(trailers) => return Ok((body, trailers)),
            }
        }
    }

    /// Reads a body into `body`, in place of what it held, as it is framed: nobody looks into it while a clock runs. For bodies
    /// whose end the framing tells, of peers that wait for the answer before they go on. [`data`] takes the frame off.
    pub async fn framed_body(&mut self, framing: Framing, body: &mut Vec<u8>) -> io::Result<()> {
        body.clear();
        body.extend_from_slice(&self.buffer);
        self.buffer.clear();
        match framing {
            Framing::Length(length) => self.read_to(length, body).await,
            Framing::Chunked => self.read_chunks(body).await,
            Framing::UntilClose | Framing::Done => Err(malformed("no end of a body")),
        }
    }

    /// Returns when the peer closes or resets the connection. Bytes that come before are kept for the next head.
    pub async fn closed(&mut self) {
        while matches!(self.fill().await, Ok(read) if read > 0) {}
    }

    /// Everything up to and including `end`; `None` when the connection closed before the first byte.
    pub async fn until(&mut self, end: &[u8]) -> io::Result<Option<BytesMut>> {
        Ok(self.end_of(end).await?.map(|at| self.buffer.split_to(at)))
    }

    async fn part_of(&mut self, left: usize, framing: &mut Framing) -> io::Result<Piece> {
        if self.buffer.is_empty() {
            self.fill_or_fail().await?;
        }
        let part = self.buffer.split_to(left.min(self.buffer.len()));
        *framing = Framing::Length(left - part.len());
        Ok(Piece::Data(part.freeze()))
    }

    async fn chunk(&mut self, framing: &mut Framing) -> io::Result<Piece> {
        let line = self.until(b"\r\n").await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let size = chunk_size(&line)?;
        if size == 0 {
            *framing = Framing::Done;
            return self.trailers().await.map(Piece::End);
        }
        while self.buffer.len() < size + 2 {
            self.fill_or_fail().await?;
        }
        let data = self.buffer.split_to(size).freeze();
        let end = self.buffer.split_to(2);
        if &end[..] == b"\r\n" { Ok(Piece::Data(data)) } else { Err(malformed("chunk end")) }
    }

    async fn trailers(&mut self) -> io::Result<Headers> {
        let mut fields = String::new();
        loop {
            let line = self.until(b"\r\n").await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if &line[..] == b"\r\n" {
                return Headers::parse(&fields);
            }
            fields.push_str(&String::from_utf8_lossy(&line));
        }
    }

    /// Where the first `end` ends in the buffer; `None` when the connection closed before the first byte.
    async fn end_of(&mut self, end: &[u8]) -> io::Result<Option<usize>> {
        loop {
            if let Some(at) = memmem::find(&self.buffer, end) {
                return Ok(Some(at + end.len()));
            }
            if self.fill().await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    async fn fill_or_fail(&mut self) -> io::Result<()> {
        match self.fill().await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(READ);
        self.stream.read_buf(&mut self.buffer).await
    }

    async fn read_to(&mut self, length: usize, body: &mut Vec<u8>) -> io::Result<()> {
        body.reserve(length.saturating_sub(body.len()));
        while body.len() < length {
            self.read_more(body).await?;
        }
        if body.len() > length { Err(malformed("more than its Content-Length")) } else { Ok(()) }
    }

    async fn read_chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        let mut chunks = Chunks::default();
        while !chunks.end_in(body)? {
            body.reserve(READ);
            self.read_more(body).await?;
        }
        Ok(())
    }

    async fn read_more(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        match self.stream.read_buf(body).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// How far the chunks of a body have been followed.
#[derive(Debug, Default)]
struct Chunks {
    /// Where the next chunk's size is.
    next: usize,
}

impl Chunks {
    /// Whether the last chunk is in `body`, from which nothing was taken away since the last call.
    fn end_in(&mut self, body: &[u8]) -> io::Result<bool> {
        while let Some(rest) = body.get(self.next..) {
            let Some(line) = memmem::find(rest, b"\r\n") else { return Ok(false) };
            let size = chunk_size(&rest[..line])?;
            if size == 0 {
                return trailers_end(&rest[line..]);
            }
            self.next += line + 2 + size + 2;
        }
        Ok(false)
    }
}

/// The size of a chunk by its line, extensions left out.
fn chunk_size(line: &[u8]) -> io::Result<usize> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let size = str::from_utf8(digits.trim_ascii()).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
    size.ok_or_else(|| malformed(&String::from_utf8_lossy(line)))
}

/// Whether what follows the last chunk's size ends the body: trailers, or none, and an empty line.
fn trailers_end(rest: &[u8]) -> io::Result<bool> {
    match memmem::find(rest, b"\r\n\r\n") {
        Some(end) if end + 4 < rest.len() => Err(malformed("more than its last chunk")),
        found => Ok(found.is_some()),
    }
}

/// The data of a body that was read with its frame.
///
/// # Errors
/// When it is not framed so.
pub fn data(framing: Framing, body: &[u8]) -> io::Result<Vec<u8>> {
    if framing != Framing::Chunked {
        return Ok(body.to_vec());
    }
    let (mut data, mut rest) = (Vec::with_capacity(body.len()), body);
    loop {
        let line = memmem::find(rest, b"\r\n").ok_or_else(|| malformed("a chunk without a size"))?;
        let (size, from) = (chunk_size(&rest[..line])?, line + 2);
        if size == 0 {
            return Ok(data);
        }
        let chunk = rest.get(from..from + size).ok_or_else(|| malformed("a chunk that breaks off"))?;
        data.extend_from_slice(chunk);
        rest = rest.get(from + size + 2..).unwrap_or_default();
    }
}

/// The size line, the data and the line end of one chunk.
pub fn chunk(data: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// The last chunk and the trailers.
pub fn last_chunk(trailers: &Headers) -> Vec<u8> {
    format!("0\r\n{}\r\n", trailers.print()).into_bytes()
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed message: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn received(bytes: &[u8]) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut sender = Wire::connect(listener.local_addr().unwrap()).await.unwrap();
        sender.write(bytes).await.unwrap();
        Wire::new(listener.accept().await.unwrap().0)
    }

    const CHUNKS: &[u8] =
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n1\r\nd\r\n0\r\nA: b\r\n\r\n";

    #[tokio::test]
    async fn chunks_and_trailers_are_read_as_they_stand() {
        let mut wire = received(CHUNKS).await;
        let head = wire.head().await.unwrap().unwrap();
        let (body, trailers) = wire.body(head.request_framing().unwrap()).await.unwrap();
        assert_eq!((body.as_slice(), trailers.get("a")), (&b"abcd"[..], Some("b")));
    }

    #[tokio::test]
    async fn a_body_is_read_with_its_frame() {
        let mut wire = received(CHUNKS).await;
        let head = wire.head().await.unwrap().unwrap();
        let (framing, mut body) = (head.request_framing().unwrap(), b"what was there before".to_vec());
        wire.framed_body(framing, &mut body).await.unwrap();
        assert!(head.print().len() + body.len() == CHUNKS.len() && CHUNKS.ends_with(&body));
        assert_eq!(data(framing, &body).unwrap(), b"abcd");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_an_error() {
        for message in [
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        ] {
            for is_framed in [false, true] {
                let mut wire = received(message.as_bytes()).await;
                let framing = wire.head().await.unwrap().unwrap().request_framing().unwrap();
                let read = if is_framed {
                    wire.framed_body(framing, &mut vec![]).await
                } else {
                    wire.body(framing).await.map(drop)
                };
                assert!(read.is_err(), "{message}");
            }
        }
    }

    #[tokio::test]
    async fn two_framings_in_one_message_are_refused() {
        for fields in ["Content-Length: 1\r\nTransfer-Encoding: chunked", "Content-Length: 1\r\nContent-Length: 1"] {
            let mut wire = received(format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes()).await;
            assert!(wire.head().await.unwrap().unwrap().request_framing().is_err(), "{fields}");
        }
    }

    #[tokio::test]
    async fn a_head_is_read_by_name_and_printed_as_it_came() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX:y\r\n\r\n";
        let head = received(text.as_bytes()).await.head().await.unwrap().unwrap();
        assert_eq!((head.status(), head.headers.get("x"), head.headers.get("Content")), (200, Some("y"), None));
        assert_eq!((head.response_framing(false).unwrap(), head.print().as_str()), (Framing::Length(12), text));
    }

    #[test]
    fn chunks_end_where_they_end_however_they_arrive() {
        let body = [chunk(b"hello"), chunk(b", world"), last_chunk(&Headers::default())].concat();
        let mut chunks = Chunks::default();
        for end in 0..body.len() {
            assert!(!chunks.end_in(&body[..end]).unwrap(), "{end}");
        }
        assert!(chunks.end_in(&body).unwrap());
        assert_eq!(data(Framing::Chunked, &body).unwrap(), b"hello, world");
    }

    #[test]
    fn what_is_not_chunked_is_an_error() {
        assert!(Chunks::default().end_in(b"xyz\r\n").is_err());
        assert!(Chunks::default().end_in(b"0\r\n\r\nmore").is_err());
        assert!(data(Framing::Chunked, b"5\r\nhel").is_err());
    }
}
