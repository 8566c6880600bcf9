//! HTTP/1.1 as it stands on the wire: heads with their spelling, bodies piece by piece, trailers, and the closing of sockets.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Header fields in the order and spelling of the sender.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Headers(pub(crate) Vec<(String, String)>);

impl Headers {
    /// The first value of `name`, in any case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Every value of `name`, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let same = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        let fields = self.0.iter().filter(same);
        fields.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// The fields as they are sent, each on its line.
    pub(crate) fn print(&self) -> String {
        let lines = self.0.iter();
        lines.flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect()
    }

    fn parse(lines: &str) -> io::Result<Self> {
        let field = |line: &str| {
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(line))?;
            Ok((name.to_owned(), value.trim().to_owned()))
        };
        let lines = lines.split("\r\n").filter(|line| !line.is_empty());
        lines.map(field).collect::<io::Result<_>>().map(Self)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print().replace("\r\n", "; "))
    }
}

/// A start line with its header fields.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) start: String,
    pub(crate) headers: Headers,
}

impl Head {
    /// The words of the start line: method, target, version, or version, status, reason.
    pub(crate) fn word(&self, index: usize) -> &str {
        self.start.splitn(3, ' ').nth(index).unwrap_or_default()
    }

    pub(crate) fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or_default()
    }

    /// How the body of this request is delimited.
    pub(crate) fn request_framing(&self) -> io::Result<Framing> {
        Ok(self.declared()?.unwrap_or(Framing::Length(0)))
    }

    /// How the body of this response is delimited; `to_head` when it answers a HEAD.
    pub(crate) fn response_framing(&self, to_head: bool) -> io::Result<Framing> {
        if to_head || matches!(self.status(), 100..=199 | 204 | 304) {
            return Ok(Framing::Length(0));
        }
        Ok(self.declared()?.unwrap_or(Framing::UntilClose))
    }

    /// Two framings at once are how requests are smuggled: such a message is refused here.
    fn declared(&self) -> io::Result<Option<Framing>> {
        let lengths = self.headers.all("content-length");
        let chunked = !self.headers.all("transfer-encoding").is_empty();
        match (lengths.as_slice(), chunked) {
            ([], false) => Ok(None),
            ([], true) => Ok(Some(Framing::Chunked)),
            ([length], false) => {
                let length = length.parse().map_err(|_| malformed(length))?;
                Ok(Some(Framing::Length(length)))
            }
            _ => Err(malformed(&format!("two framings in {:?}", self.headers))),
        }
    }
}

/// How much of a body is still to come, and how its end shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
    Done,
}

/// What comes next in a body.
pub(crate) enum Piece {
    Data(Bytes),
    End(Headers),
}

/// One connection, either side.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("BUG: a connected TCP stream takes TCP_NODELAY");
        Self { stream, buffer: BytesMut::new() }
    }

    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::new(TcpStream::connect(address).await?))
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Ends the connection from this side; the other may still answer.
    pub(crate) async fn end(&mut self) {
        // Whoever closed first needs no end.
        self.stream.shutdown().await.ok();
    }

    /// The next head; `None` when the peer closed the connection between two messages.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        let Some(text) = self.until(b"\r\n\r\n").await? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        let (start, fields) = text.split_once("\r\n").ok_or_else(|| malformed(&text))?;
        let headers = Headers::parse(fields)?;
        Ok(Some(Head { start: start.to_owned(), headers }))
    }

    /// The next piece of a body; a chunk of the wire is a piece, other bodies come as they are read.
    pub(crate) async fn piece(&mut self, framing: &mut Framing) -> io::Result<Piece> {
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
    pub(crate) async fn body(&mut self, mut framing: Framing) -> io::Result<(Vec<u8>, Headers)> {
        let mut body = Vec::new();
        loop {
            match self.piece(&mut framing).await? {
                Piece::Data(data) => body.extend_from_slice(&data),
                Piece::End(trailers) => return Ok((body, trailers)),
            }
        }
    }

    /// Returns when the peer closes or resets the connection. Bytes that come before are kept for the next head.
    pub(crate) async fn closed(&mut self) {
        while matches!(self.fill().await, Ok(read) if read > 0) {}
    }

    async fn part_of(&mut self, left: usize, framing: &mut Framing) -> io::Result<Piece> {
        if self.buffer.is_empty() && self.fill().await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let part = self.buffer.split_to(left.min(self.buffer.len()));
        *framing = Framing::Length(left - part.len());
        Ok(Piece::Data(part.freeze()))
    }

    async fn chunk(&mut self, framing: &mut Framing) -> io::Result<Piece> {
        let line = self.until(b"\r\n").await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let line = String::from_utf8_lossy(&line).into_owned();
        let size = line.trim_end().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| malformed(&line))?;
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

    /// Everything up to and including `end`; `None` when the connection closed before the first byte.
    pub(crate) async fn until(&mut self, end: &[u8]) -> io::Result<Option<BytesMut>> {
        loop {
            if let Some(at) = memchr(&self.buffer, end) {
                return Ok(Some(self.buffer.split_to(at + end.len())));
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
        self.buffer.reserve(64 * 1024);
        self.stream.read_buf(&mut self.buffer).await
    }
}

/// The size line, the data and the line end of one chunk.
pub(crate) fn chunk(data: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// The last chunk and the trailers.
pub(crate) fn last_chunk(trailers: &Headers) -> Vec<u8> {
    format!("0\r\n{}\r\n", trailers.print()).into_bytes()
}

fn memchr(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
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

    #[tokio::test]
    async fn chunks_and_trailers_are_read_as_they_stand() {
        let mut wire = received(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n1\r\nd\r\n0\r\nA: b\r\n\r\n",
        )
        .await;
        let head = wire.head().await.unwrap().unwrap();
        let (body, trailers) = wire.body(head.request_framing().unwrap()).await.unwrap();
        assert_eq!((body.as_slice(), trailers.get("a")), (&b"abcd"[..], Some("b")));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_an_error() {
        for message in [
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        ] {
            let mut wire = received(message.as_bytes()).await;
            let head = wire.head().await.unwrap().unwrap();
            assert!(wire.body(head.request_framing().unwrap()).await.is_err(), "{message}");
        }
    }

    #[tokio::test]
    async fn two_framings_in_one_message_are_refused() {
        for fields in ["Content-Length: 1\r\nTransfer-Encoding: chunked", "Content-Length: 1\r\nContent-Length: 1"] {
            let mut wire = received(format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes()).await;
            assert!(wire.head().await.unwrap().unwrap().request_framing().is_err(), "{fields}");
        }
    }
}
