//! Reads what arrives on a connection: heads, bodies in pieces, trailers.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use httparse::Status;
use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::error::{MAX_HEAD, READ_AHEAD, WireError};
use super::head::{Fields, Framing, RequestHead, ResponseHead, take_trailers};

/// The most bytes that one call reads: few enough that a piece is still in the processor's cache when it is searched, while
/// the sender copies the next one.
const STEP: usize = 256 << 10;

/// If the buffer has at least this many free bytes, reading continues in it; otherwise memory is allocated.
const ENOUGH: usize = 8 << 10;

/// Bytes of memory that a buffer keeps for the next message. A larger buffer was needed for reading ahead, and is freed with
/// the bytes that were read.
const KEPT: usize = 2 * STEP;

/// Bytes that the line before a chunk may have, with its extensions.
const MAX_CHUNK_LINE: usize = 4 << 10;

/// What has arrived and was not taken yet, and which part of the current message is still to come.
#[derive(Debug, Default)]
pub(super) struct Input {
    buffer: BytesMut,
    rest: Rest,
    trailers: Fields,
}

/// What is left of a body.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Rest {
    #[default]
    Nothing,
    Bytes(u64),
    UntilClosed,
    Chunks(Chunk),
    Trailers,
}

/// Which part of a body in chunks comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    Size,
    Data(u64),
    End,
}

/// A step through a body.
enum Step {
    Data(Bytes),
    /// Trailers come next. They are not data, and are read as a whole.
    Trailers,
    End,
    /// More has to be read first.
    Starved,
}

impl Input {
    /// The next request's head; `None` if the source ends before it.
    pub(super) async fn request<R: AsyncRead + Unpin>(
        &mut self,
        source: &mut R,
    ) -> Result<Option<RequestHead>, WireError> {
        let Some(mut head) = self.section(source, RequestHead::take).await? else { return Ok(None) };
        head.frame()?;
        self.begin(head.framing);
        Ok(Some(head))
    }

    /// The head of the final response to a request by `method`.
    pub(super) async fn response<R: AsyncRead + Unpin>(
        &mut self,
        source: &mut R,
        method: &str,
    ) -> Result<ResponseHead, WireError> {
        loop {
            let mut head = self.section(source, ResponseHead::take).await?.ok_or(WireError::Closed)?;
            if head.status == 101 {
                return Err(WireError::Malformed("another protocol, for which no request asked"));
            }
            if !head.is_interim() {
                head.frame(method)?;
                self.begin(head.framing);
                return Ok(head);
            }
        }
    }

    /// The next piece of the body; `None` after its end.
    pub(super) async fn data<R: AsyncRead + Unpin>(&mut self, source: &mut R) -> Result<Option<Bytes>, WireError> {
        loop {
            match self.step()? {
                Step::Data(data) => return Ok(Some(data)),
                Step::Trailers => self.trailers(source).await?,
                Step::End => return Ok(None),
                Step::Starved if self.fill(source).await? > 0 => {}
                Step::Starved if self.rest == Rest::UntilClosed => self.rest = Rest::Nothing,
                Step::Starved => return Err(WireError::Closed),
            }
        }
    }

    /// A piece of the body that has arrived already.
    pub(super) fn data_at_hand(&mut self) -> Result<Option<Bytes>, WireError> {
        Ok(match self.step()? {
            Step::Data(data) => Some(data),
            Step::Trailers | Step::End | Step::Starved => None,
        })
    }

    /// Whether all of the body was taken.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest == Rest::Nothing
    }

    /// Whether everything that has arrived was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Bytes of the body that are known to come.
    pub(super) fn expected(&self) -> u64 {
        match self.rest {
            Rest::Bytes(left) | Rest::Chunks(Chunk::Data(left)) => left,
            Rest::Nothing | Rest::UntilClosed | Rest::Chunks(_) | Rest::Trailers => 0,
        }
    }

    /// The fields after the last chunk of the last body.
    pub(super) fn take_trailers(&mut self) -> Fields {
        std::mem::take(&mut self.trailers)
    }

    /// Reads before the bytes are needed. Returns true if the source has ended, and false if the limit of reading ahead is
    /// reached.
    pub(super) async fn read_ahead<R: AsyncRead + Unpin>(&mut self, source: &mut R) -> bool {
        while self.buffer.len() < READ_AHEAD {
            match self.fill(source).await {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => {
                    self.break_off();
                    return true;
                }
            }
        }
        false
    }

    /// Remembers an error, because the kernel reports it only once: a body that would have ended with the connection is
    /// incomplete.
    fn break_off(&mut self) {
        if self.rest == Rest::UntilClosed {
            self.rest = Rest::Bytes(u64::MAX);
        }
    }

    /// Takes a head or a trailer section when it has arrived completely; `None` if the source ends before it. What has
    /// arrived is parsed again only when a line has ended. So it is parsed at most once for each line, and the number of
    /// lines is limited.
    async fn section<R: AsyncRead + Unpin, S>(
        &mut self,
        source: &mut R,
        mut take: impl FnMut(&mut BytesMut) -> Result<Option<S>, WireError>,
    ) -> Result<Option<S>, WireError> {
        let (mut seen, mut dropped) = (0, 0);
        loop {
            let waiting = self.buffer.len();
            if memchr(b'\n', &self.buffer[seen..]).is_some()
                && let Some(section) = take(&mut self.buffer)?
            {
                // However it arrived: what was read ahead may be longer.
                let len = dropped + waiting - self.buffer.len();
                return if len > MAX_HEAD { Err(WireError::HeadTooLarge) } else { Ok(Some(section)) };
            }
            seen = self.buffer.len();
            dropped += waiting - seen;
            if dropped + seen > MAX_HEAD {
                return Err(WireError::HeadTooLarge);
            }
            if self.fill(source).await? == 0 {
                return if seen == 0 { Ok(None) } else { Err(WireError::Closed) };
            }
        }
    }

    async fn trailers<R: AsyncRead + Unpin>(&mut self, source: &mut R) -> Result<(), WireError> {
        self.trailers = self.section(source, take_trailers).await?.ok_or(WireError::Closed)?;
        self.rest = Rest::Nothing;
        Ok(())
    }

    fn begin(&mut self, framing: Framing) {
        self.trailers = Fields::default();
        self.rest = match framing {
            Framing::None | Framing::Length(0) => Rest::Nothing,
            Framing::Length(len) => Rest::Bytes(len),
            Framing::Chunked => Rest::Chunks(Chunk::Size),
            Framing::Close => Rest::UntilClosed,
        };
    }

    /// Reads once. Returns how many bytes were read, 0 if the source has ended.
    async fn fill<R: AsyncRead + Unpin>(&mut self, source: &mut R) -> std::io::Result<usize> {
        if self.buffer.capacity() - self.buffer.len() < ENOUGH {
            self.buffer.reserve(STEP);
        }
        source.read_buf(&mut (&mut self.buffer).limit(STEP)).await
    }

    fn step(&mut self) -> Result<Step, WireError> {
        loop {
            match self.rest {
                Rest::Nothing => return Ok(Step::End),
                Rest::Bytes(_) | Rest::UntilClosed | Rest::Chunks(Chunk::Data(_)) => return Ok(self.take_data()),
                Rest::Trailers => return Ok(Step::Trailers),
                Rest::Chunks(part) => match self.between_chunks(part)? {
                    Some(rest) => self.rest = rest,
                    None => return Ok(Step::Starved),
                },
            }
        }
    }

    fn take_data(&mut self) -> Step {
        let left = if self.rest == Rest::UntilClosed { u64::MAX } else { self.expected() };
        let at_hand = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if at_hand == 0 {
            return Step::Starved;
        }
        let left = left - at_hand as u64;
        self.rest = match self.rest {
            Rest::Bytes(_) if left == 0 => Rest::Nothing,
            Rest::Bytes(_) => Rest::Bytes(left),
            Rest::Chunks(_) if left == 0 => Rest::Chunks(Chunk::End),
            Rest::Chunks(_) => Rest::Chunks(Chunk::Data(left)),
            rest => rest,
        };
        let is_read_ahead = at_hand == self.buffer.len() && self.buffer.capacity() > KEPT;
        let data = if is_read_ahead { std::mem::take(&mut self.buffer) } else { self.buffer.split_to(at_hand) };
        Step::Data(data.freeze())
    }

    /// Takes a part of the framing of chunks, and returns what comes after it; `None` if it has not arrived completely.
    fn between_chunks(&mut self, part: Chunk) -> Result<Option<Rest>, WireError> {
        let waiting = self.buffer.len();
        match part {
            Chunk::Size => match httparse::parse_chunk_size(&self.buffer) {
                // No digit is no size, and a line that ends twice could be read as two. Its length is judged however it arrived.
                Ok(Status::Complete((len, size))) if is_chunk_line(&self.buffer[..len]) => {
                    self.buffer.advance(len);
                    Ok(Some(if size == 0 { Rest::Trailers } else { Rest::Chunks(Chunk::Data(size)) }))
                }
                Ok(Status::Partial) if waiting <= MAX_CHUNK_LINE => Ok(None),
                _ => Err(WireError::Malformed("a chunk without a size")),
            },
            Chunk::End if waiting < 2 => Ok(None),
            Chunk::End if self.buffer.starts_with(b"\r\n") => {
                self.buffer.advance(2);
                Ok(Some(Rest::Chunks(Chunk::Size)))
            }
            Chunk::End | Chunk::Data(_) => Err(WireError::Malformed("a chunk that is longer than its size line says")),
        }
    }
}

fn is_chunk_line(line: &[u8]) -> bool {
    line[0].is_ascii_hexdigit() && line.len() <= MAX_CHUNK_LINE && memchr(b'\n', line) == Some(line.len() - 1)
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;
    use proptest::prelude::*;
    use tokio::io::ReadBuf;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    /// A source that gives at most so many bytes at once.
    struct Dribble<'a>(&'a [u8], usize);

    impl AsyncRead for Dribble<'_> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<std::io::Result<()>> {
            let (now, later) = self.0.split_at(self.1.min(self.0.len()).min(buf.remaining()));
            buf.put_slice(now);
            self.0 = later;
            Poll::Ready(Ok(()))
        }
    }

    async fn body(input: &mut Input, source: &mut Dribble<'_>) -> Result<Vec<u8>, WireError> {
        let mut body = vec![];
        while let Some(data) = input.data(source).await? {
            body.extend_from_slice(&data);
        }
        Ok(body)
    }

    /// The bodies of all requests in `text`, or why it cannot be read.
    fn bodies(text: &[u8], step: usize) -> Result<Vec<Vec<u8>>, WireError> {
        let (mut input, mut source, mut bodies) = (Input::default(), Dribble(text, step), vec![]);
        block_on(async {
            while input.request(&mut source).await?.is_some() {
                bodies.push(body(&mut input, &mut source).await?);
            }
            Ok(bodies)
        })
    }

    fn chunked(body: &[u8], size: usize) -> Vec<u8> {
        let chunks =
            body.chunks(size).map(|chunk| [format!("{:X};x=y\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
        [chunks.collect::<Vec<_>>().concat(), b"0\r\nX-Sum: 1\r\n\r\n".to_vec()].concat()
    }

    proptest! {
        #[test]
        fn requests_are_told_apart_however_they_arrive(first in "[a-z\r\n0]{0,40}", second in "[a-z\r\n0]{0,40}", size in 1_usize..50, step in 1_usize..200) {
            let text = [
                b"POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
                chunked(first.as_bytes(), size),
                format!("POST /2 HTTP/1.1\r\nContent-Length: {}\r\n\r\n{second}GET /3 HTTP/1.1\r\n\r\n", second.len()).into_bytes(),
            ].concat();
            let expected: [&[u8]; 3] = [first.as_bytes(), second.as_bytes(), b""];
            prop_assert_eq!(bodies(&text, step).unwrap(), expected);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(text in proptest::collection::vec(any::<u8>(), 0..200), step in 1_usize..20) {
            let _ = bodies(&text, step);
            let _ = bodies(&[b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", &text[..]].concat(), step);
        }

        #[test]
        fn a_message_that_breaks_off_is_an_error(end in 0_usize..1_000) {
            let text = [b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(), chunked(b"hello, world", 5)].concat();
            let end = 1 + end % (text.len() - 1);
            prop_assert!(matches!(bodies(&text[..end], 7), Err(WireError::Closed)), "{}", end);
        }
    }

    #[test]
    fn trailers_are_kept_until_they_are_taken() {
        let text = [b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(), chunked(b"x", 1)].concat();
        let (mut input, mut source) = (Input::default(), Dribble(&text, 3));
        block_on(async {
            input.request(&mut source).await.unwrap();
            assert_eq!(body(&mut input, &mut source).await.unwrap(), b"x");
        });
        assert_eq!(input.take_trailers().text("x-sum"), Some("1"));
        assert!(input.is_at_end() && input.is_empty());
    }

    /// How many bytes are parsed of a section that arrives byte by byte. Bytes that are parsed twice count twice.
    fn parsed<S>(text: &str, mut take: impl FnMut(&mut BytesMut) -> Result<Option<S>, WireError>) -> usize {
        let mut parsed = 0;
        let counted = |input: &mut BytesMut| {
            parsed += input.len();
            take(input)
        };
        block_on(Input::default().section(&mut Dribble(text.as_bytes(), 1), counted))
            .unwrap()
            .expect("a whole section");
        parsed
    }

    #[test]
    fn empty_lines_without_end_are_refused() {
        let text = "\r\n".repeat(MAX_HEAD / 2 + 1);
        let refused = block_on(Input::default().request(&mut Dribble(text.as_bytes(), STEP)));
        assert!(matches!(refused, Err(WireError::HeadTooLarge)), "{refused:?}");
    }

    #[test]
    fn what_was_read_ahead_is_let_go_when_it_is_taken() {
        let body = vec![b'x'; 4 * STEP];
        let text = [format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat();
        let (mut input, mut source) = (Input::default(), Dribble(&text, usize::MAX));
        block_on(async {
            input.request(&mut source).await.unwrap();
            assert!(input.read_ahead(&mut source).await);
            assert!(input.buffer.capacity() >= body.len());
            assert_eq!(input.data(&mut source).await.unwrap().unwrap().len(), body.len());
        });
        assert!(input.buffer.capacity() <= KEPT, "{}", input.buffer.capacity());
    }

    #[test]
    fn what_comes_byte_by_byte_is_parsed_line_by_line() {
        let field = format!("X: {}\r\n", "x".repeat(10_000));
        assert_eq!(parsed(&format!("{field}\r\n"), take_trailers), field.len() + field.len() + 2);
        let start = "GET / HTTP/1.1\r\n";
        assert_eq!(
            parsed(&format!("{}{start}\r\n", "\r\n".repeat(10_000)), RequestHead::take),
            20_000 + start.len() * 2 + 2
        );
    }

    #[test]
    fn a_body_may_end_with_its_connection() {
        let (mut input, mut source) = (Input::default(), Dribble(b"HTTP/1.1 200 OK\r\n\r\nall of it", 4));
        block_on(async {
            assert_eq!(input.response(&mut source, "GET").await.unwrap().framing, Framing::Close);
            assert_eq!(body(&mut input, &mut source).await.unwrap(), b"all of it");
        });
    }

    /// A connection that is reset, which the kernel reports only once.
    struct Reset(bool);

    impl AsyncRead for Reset {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
            let was_told = std::mem::replace(&mut self.0, true);
            Poll::Ready(if was_told { Ok(()) } else { Err(std::io::ErrorKind::ConnectionReset.into()) })
        }
    }

    #[test]
    fn what_broke_off_while_it_was_read_ahead_has_no_end() {
        let mut source = Dribble(b"HTTP/1.1 200 OK\r\n\r\nhalf of it", 4).chain(Reset(false));
        let mut input = Input::default();
        block_on(async {
            input.response(&mut source, "GET").await.unwrap();
            assert!(input.read_ahead(&mut source).await);
            assert_eq!(input.data(&mut source).await.unwrap().unwrap(), "half of it");
            assert!(matches!(input.data(&mut source).await, Err(WireError::Closed)));
        });
    }

    #[test]
    fn interim_responses_are_passed_over_and_no_protocol_is_switched() {
        let of = |text| block_on(Input::default().response(&mut Dribble(text, 9), "GET")).map(|head| head.status);
        assert_eq!(
            of(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 x\r\n\r\n").unwrap(),
            204
        );
        assert!(matches!(of(b"HTTP/1.1 101 Switching\r\n\r\n"), Err(WireError::Malformed(_))));
    }

    #[test]
    fn chunks_that_are_none_are_refused() {
        for body in [
            "x\r\n",
            "-1\r\n",
            "1\r\nab\r\n",
            "1\r\na\n0\r\n\r\n",
            "fffffffffffffffff\r\n",
            "1 1\r\na\r\n",
            "\r\n",
            " \r\n",
            ";x\r\n\r\n",
            "1;\nx\r\na\r\n",
        ] {
            let text = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
            assert!(matches!(bodies(text.as_bytes(), 100), Err(WireError::Malformed(_))), "{body}");
        }
    }

    #[test]
    fn the_line_before_a_chunk_is_as_long_as_its_limit_however_it_arrives() {
        let message = |len: usize| {
            let line = format!("1;{}\r\n", "x".repeat(len - 4));
            format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{line}a\r\n0\r\n\r\n")
        };
        for step in [1, 100, STEP] {
            assert_eq!(bodies(message(MAX_CHUNK_LINE).as_bytes(), step).unwrap(), [b"a"], "{step}");
            let longer = bodies(message(MAX_CHUNK_LINE + 1).as_bytes(), step);
            assert!(matches!(longer, Err(WireError::Malformed(_))), "{step}");
        }
    }

    #[test]
    fn a_head_is_as_long_as_its_limit_however_it_arrives() {
        let message = |len: usize| {
            let start = "GET / HTTP/1.1\r\nX: ";
            format!("{start}{}\r\n\r\n", "x".repeat(len - start.len() - 4))
        };
        let read_ahead = |text: String| {
            let (mut input, mut source) = (Input::default(), Dribble(text.as_bytes(), STEP));
            block_on(async {
                assert!(input.read_ahead(&mut source).await);
                input.request(&mut source).await.map(|head| head.is_some())
            })
        };
        assert!(read_ahead(message(MAX_HEAD)).unwrap());
        assert_eq!(bodies(message(MAX_HEAD).as_bytes(), STEP).unwrap(), [b""]);
        assert!(matches!(read_ahead(message(MAX_HEAD + 1)), Err(WireError::HeadTooLarge)));
        assert!(matches!(bodies(message(MAX_HEAD + 1).as_bytes(), STEP), Err(WireError::HeadTooLarge)));
    }

    #[test]
    fn a_head_without_an_end_is_refused_at_its_limit() {
        let text = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(MAX_HEAD + STEP));
        assert!(matches!(bodies(text.as_bytes(), STEP), Err(WireError::HeadTooLarge)));
    }
}
