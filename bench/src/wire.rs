//! HTTP/1.1 as thin as it gets: what plays Lambda and the runtime must never be what is measured.
//!
//! Bodies are kept as they are on the wire, chunks included: nobody here looks into them while a clock runs. There is no
//! pipelining, since neither runtimes nor the extension pipeline.

use std::io::{self, IoSlice};

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes read at once where the length is not known.
const READ: usize = 64 << 10;

/// How a message's body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After this many bytes; 0 without a body.
    Length(usize),
    /// With the chunk of no bytes.
    Chunked,
}

/// The first lines of a message, with the empty one that ends them.
#[derive(Debug)]
pub(crate) struct Head(Vec<u8>);

impl Head {
    /// The lines as they came.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The start line's words: `HTTP/1.1 200 OK` or `GET /path HTTP/1.1`.
    pub(crate) fn word(&self, nth: usize) -> &[u8] {
        let line = self.lines().next().unwrap_or_default();
        line.split(|byte| *byte == b' ').nth(nth).unwrap_or_default()
    }

    /// The value of the header `name`.
    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        self.lines().skip(1).find_map(|line| {
            let (field, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            field.eq_ignore_ascii_case(name.as_bytes()).then(|| value.trim_ascii())
        })
    }

    /// How the body ends.
    pub(crate) fn framing(&self) -> io::Result<Framing> {
        if self.field("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case(b"chunked")) {
            return Ok(Framing::Chunked);
        }
        let length = self.field("content-length").unwrap_or(b"0");
        let length = str::from_utf8(length).ok().and_then(|text| text.parse().ok());
        length.map(Framing::Length).ok_or_else(|| invalid("a Content-Length that is no number"))
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    /// What was read with a head and comes after it.
    ahead: Vec<u8>,
}

impl Wire {
    /// A connection that holds nothing back.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, ahead: vec![] })
    }

    /// Reads a message's head; `None` when the connection ends before it.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        let mut bytes = std::mem::take(&mut self.ahead);
        loop {
            if let Some(end) = memmem::find(&bytes, b"\r\n\r\n") {
                self.ahead.extend_from_slice(&bytes[end + 4..]);
                bytes.truncate(end + 4);
                return Ok(Some(Head(bytes)));
            }
            bytes.reserve(READ);
            match self.stream.read_buf(&mut bytes).await? {
                0 if bytes.is_empty() => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => {}
            }
        }
    }

    /// Reads a body into `body`, in place of what it held, framed as it came.
    pub(crate) async fn body(&mut self, framing: Framing, body: &mut Vec<u8>) -> io::Result<()> {
        body.clear();
        body.append(&mut self.ahead);
        match framing {
            Framing::Length(length) => self.read_to(length, body).await,
            Framing::Chunked => self.read_chunks(body).await,
        }
    }

    async fn read_to(&mut self, length: usize, body: &mut Vec<u8>) -> io::Result<()> {
        body.reserve(length.saturating_sub(body.len()));
        while body.len() < length {
            self.read_more(body).await?;
        }
        if body.len() > length { Err(invalid("more than its Content-Length")) } else { Ok(()) }
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

    /// Sends a head and a body in one segment where they fit.
    pub(crate) async fn send(&mut self, head: &[u8], body: &[u8]) -> io::Result<()> {
        let (mut head, mut body) = (head, body);
        while !head.is_empty() {
            let written = self.stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            let of_head = written.min(head.len());
            (head, body) = (&head[of_head..], &body[written - of_head..]);
        }
        self.stream.write_all(body).await
    }
}

/// How far the chunks of a body have been followed.
#[derive(Debug, Default)]
struct Chunks {
    /// Where the next chunk's size stands.
    next: usize,
}

impl Chunks {
    /// Whether the last chunk stands in `body`, from which nothing was taken away since the last call.
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
    let text = str::from_utf8(digits.trim_ascii()).unwrap_or_default();
    usize::from_str_radix(text, 16).map_err(|_| invalid("a chunk without a size"))
}

/// Whether what follows the last chunk's size ends the body: trailers, or none, and an empty line.
fn trailers_end(rest: &[u8]) -> io::Result<bool> {
    match memmem::find(rest, b"\r\n\r\n") {
        Some(end) if end + 4 < rest.len() => Err(invalid("more than its last chunk")),
        found => Ok(found.is_some()),
    }
}

/// `data` in chunks of `size` bytes.
pub(crate) fn chunked(data: &[u8], size: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(data.len() + data.len() / size * 16 + 16);
    for chunk in data.chunks(size) {
        body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    body
}

/// The data of a body that was read.
pub(crate) fn data(framing: Framing, body: &[u8]) -> io::Result<Vec<u8>> {
    if let Framing::Length(_) = framing {
        return Ok(body.to_vec());
    }
    let (mut data, mut rest) = (Vec::with_capacity(body.len()), body);
    loop {
        let line = memmem::find(rest, b"\r\n").ok_or_else(|| invalid("a chunk without a size"))?;
        let (size, from) = (chunk_size(&rest[..line])?, line + 2);
        if size == 0 {
            return Ok(data);
        }
        let chunk = rest.get(from..from + size).ok_or_else(|| invalid("a chunk that breaks off"))?;
        data.extend_from_slice(chunk);
        rest = rest.get(from + size + 2..).unwrap_or_default();
    }
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP as it is spoken here: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_by_name() {
        let head = Head(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX: y\r\n\r\n".to_vec());
        assert_eq!((head.word(1), head.field("x")), (&b"200"[..], Some(&b"y"[..])));
        assert_eq!((head.framing().unwrap(), head.field("Content")), (Framing::Length(12), None));
    }

    #[test]
    fn chunks_end_where_they_end_however_they_arrive() {
        let body = chunked(b"hello, world", 5);
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
