//! What is sent on a connection: heads with the fields that are forwarded, and the framing of bodies.

use std::io::{self, IoSlice};

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::head::{Fields, Framing, RequestHead, ResponseHead};

/// The head of a message that is sent.
#[derive(Debug)]
pub struct OutgoingHead {
    head: Vec<u8>,
    framing: Framing,
}

/// Bytes that most heads fit in.
const USUAL: usize = 1 << 10;

impl OutgoingHead {
    /// A request that is forwarded to `host`, with this framing of its body.
    pub fn request(request: &RequestHead, host: &str, framing: Framing) -> Self {
        let mut message =
            Self::begin(framing, &[request.method(), " ", request.target(), " HTTP/1.1\r\nHost: ", host, "\r\n"]);
        message.pass_on(&request.fields, |name| !name.eq_ignore_ascii_case(b"host"));
        message.finish()
    }

    /// A request of our own with a body of `len` bytes, if it has any.
    pub fn own_request(
        method: &str,
        target: &str,
        host: &str,
        fields: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)],
        len: usize,
    ) -> Self {
        let framing = if method == "GET" { Framing::None } else { Framing::Length(len as u64) };
        let mut message = Self::begin(framing, &[method, " ", target, " HTTP/1.1\r\nHost: ", host, "\r\n"]);
        for (name, value) in fields {
            message.field(name.as_ref(), value.as_ref());
        }
        message.finish()
    }

    /// A response that is forwarded, with this framing of its body. `keep_alive` says whether the connection stays open
    /// after it.
    pub fn response(response: &ResponseHead, framing: Framing, keep_alive: bool) -> Self {
        let status = response.status.to_string();
        let framing = if response.has_no_body() { Framing::None } else { framing };
        let mut message = Self::begin(framing, &["HTTP/1.1 ", &status, " "]);
        message.head.extend_from_slice(response.reason());
        message.head.extend_from_slice(b"\r\n");
        message.pass_on(&response.fields, |_| true);
        // Without a body, as to HEAD, a length is that of another response. One that is no number would be taken for framing, and
        // a 204 has none (RFC 9110, section 8.6).
        if framing == Framing::None
            && response.status != 204
            && let Ok(Some(length)) = response.fields.content_length()
        {
            message.field(b"Content-Length", length.to_string().as_bytes());
        }
        message.close_unless(keep_alive).finish()
    }

    /// A response of our own.
    pub fn own_response(status: &str, content_type: &str, len: usize, keep_alive: bool) -> Self {
        let mut message = Self::begin(Framing::Length(len as u64), &["HTTP/1.1 ", status, "\r\n"]);
        message.field(b"Content-Type", content_type.as_bytes());
        message.close_unless(keep_alive).finish()
    }

    /// The bytes that end a body in chunks, with its trailers; nothing for other framings.
    pub(super) fn end(&self, trailers: &Fields) -> Vec<u8> {
        if self.framing != Framing::Chunked {
            return vec![];
        }
        let mut end = Self { head: b"0\r\n".to_vec(), framing: self.framing };
        end.pass_on(trailers, |name| !is_of_head(name));
        end.head.extend_from_slice(b"\r\n");
        end.head
    }

    /// The head as it is sent.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.head
    }

    /// Whether the body ends with its connection.
    pub(super) fn ends_with_connection(&self) -> bool {
        self.framing == Framing::Close
    }

    /// What is sent before and after a piece of the body of so many bytes.
    pub(super) fn around(&self, len: usize) -> (String, &'static str) {
        if self.framing == Framing::Chunked { (format!("{len:x}\r\n"), "\r\n") } else { (String::new(), "") }
    }

    fn begin(framing: Framing, start: &[&str]) -> Self {
        let mut head = Vec::with_capacity(USUAL);
        for part in start {
            head.extend_from_slice(part.as_bytes());
        }
        Self { head, framing }
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        for part in [name, b": ", value, b"\r\n"] {
            self.head.extend_from_slice(part);
        }
    }

    /// Forwards the fields that belong to the message and not to the connection on which it arrived (RFC 9110,
    /// section 7.6.1), if `also` accepts their names. `Trailer` is forwarded only if trailers can be sent. `Expect` is not
    /// forwarded, because we have answered it ourselves.
    fn pass_on(&mut self, fields: &Fields, also: impl Fn(&[u8]) -> bool) {
        let named: Vec<&[u8]> = fields.list("connection").collect();
        let has_trailers = self.framing == Framing::Chunked;
        for (name, value) in fields.iter() {
            let is_named = named.iter().any(|named| named.eq_ignore_ascii_case(name));
            let stays = !is_of_connection(name) && (has_trailers || !name.eq_ignore_ascii_case(b"trailer"));
            if stays && !is_named && also(name) {
                self.field(name, value);
            }
        }
    }

    fn close_unless(mut self, keep_alive: bool) -> Self {
        if !keep_alive {
            self.field(b"Connection", b"close");
        }
        self
    }

    fn finish(mut self) -> Self {
        match self.framing {
            Framing::Length(len) => self.field(b"Content-Length", len.to_string().as_bytes()),
            Framing::Chunked => self.field(b"Transfer-Encoding", b"chunked"),
            Framing::None | Framing::Close => {}
        }
        self.head.extend_from_slice(b"\r\n");
        self
    }
}

/// Whether a field is about one connection, or about the framing on it (hop-by-hop).
fn is_of_connection(name: &[u8]) -> bool {
    const NAMES: [&str; 8] = [
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
    ];
    NAMES.iter().any(|of_connection| name.eq_ignore_ascii_case(of_connection.as_bytes()))
}

/// Whether a field says how a message is to be routed, read or trusted, and so is valid in its head only. If it were sent
/// after the body, it could be taken for a field of the head (RFC 9110, section 6.5.1).
fn is_of_head(name: &[u8]) -> bool {
    const NAMES: [&str; 9] = [
        "authorization",
        "cache-control",
        "content-encoding",
        "content-range",
        "content-type",
        "host",
        "max-forwards",
        "set-cookie",
        "trailer",
    ];
    NAMES.iter().any(|of_head| name.eq_ignore_ascii_case(of_head.as_bytes()))
}

/// Writes all parts in as few calls as the kernel allows. `begun` tells whether a byte was written, even if not all were.
pub(super) async fn write_all<'a, W: AsyncWrite + Unpin>(
    sink: &mut W,
    parts: impl Iterator<Item = &'a [u8]>,
    begun: &mut bool,
) -> io::Result<()> {
    let mut slices: Vec<_> = parts.filter(|part| !part.is_empty()).map(IoSlice::new).collect();
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        let written = sink.write_vectored(rest).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        *begun = true;
        IoSlice::advance_slices(&mut rest, written);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::head::take_trailers;
    use super::*;

    fn request(text: &str) -> RequestHead {
        RequestHead::take(&mut text.into()).unwrap().expect("a whole head")
    }

    #[test]
    fn what_is_of_the_connection_stays_on_it_and_framing_is_said_once() {
        let fields = "Host: old\r\nConnection: x-hop, Host\r\nX-Hop: 1\r\nTE: trailers\r\nContent-Length: 9\r\nTrailer: X\r\nX-Kept: a, b\r\n";
        let head =
            OutgoingHead::request(&request(&format!("PUT /p?q HTTP/1.1\r\n{fields}\r\n")), "new:1", Framing::Length(2));
        let expected = "PUT /p?q HTTP/1.1\r\nHost: new:1\r\nX-Kept: a, b\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(str::from_utf8(head.bytes()).unwrap(), expected);
    }

    #[test]
    fn trailers_end_a_body_in_chunks_and_no_other() {
        let section = "Host: x\r\nX-Sum: 1\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a\r\n\r\n";
        let trailers = take_trailers(&mut section.into()).unwrap().expect("a whole section");
        let end = |framing| OutgoingHead::own_response("200 OK", "text/plain", 0, true).framed(framing).end(&trailers);
        assert_eq!(end(Framing::Chunked), b"0\r\nX-Sum: 1\r\n\r\n");
        assert_eq!(end(Framing::Length(0)), b"");
    }

    #[test]
    fn a_length_without_a_body_is_one_number_or_is_left_out() {
        for (status, fields, expected) in [
            (304, "Content-Length: 5\r\n", "Content-Length: 5\r\n"),
            (304, "Content-Length: 5\r\nContent-Length: 05\r\n", "Content-Length: 5\r\n"),
            (304, "Content-Length: 5\r\nContent-Length: 6\r\n", ""),
            (304, "Content-Length: x\r\n", ""),
            (204, "Content-Length: 0\r\n", ""),
        ] {
            let text = format!("HTTP/1.1 {status} X\r\n{fields}\r\n");
            let response = ResponseHead::take(&mut text.as_str().into()).unwrap().expect("a whole head");
            for framing in [Framing::None, Framing::Length(0)] {
                let head = OutgoingHead::response(&response, framing, true);
                assert_eq!(
                    str::from_utf8(head.bytes()).unwrap(),
                    format!("HTTP/1.1 {status} X\r\n{expected}\r\n"),
                    "{fields}"
                );
            }
        }
    }

    impl OutgoingHead {
        fn framed(self, framing: Framing) -> Self {
            Self { framing, ..self }
        }
    }
}
