//! Heads of messages, as the bytes that arrived.

use std::mem::MaybeUninit;
use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};
use httparse::{Header, Status};
use memchr::memchr_iter;

use super::error::{MAX_FIELDS, WireError};

/// Where in a head something is.
type Place = Range<u32>;

/// The fields of a head or a trailer section, in order.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// The whole head.
    bytes: Bytes,
    /// Names and values.
    places: Vec<(Place, Place)>,
}

impl Fields {
    /// The value of the first field of that name, without white space around it.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The same value, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| str::from_utf8(value).ok())
    }

    /// The values of all fields of that name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// Every field: its name as it is spelt, and its value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.places.iter().map(|(name, value)| (self.at(name), self.at(value)))
    }

    /// The items of all fields of that name, whose values are lists with commas.
    pub(super) fn list(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.all(name).flat_map(|values| values.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
    }

    fn has_item(&self, name: &str, item: &str) -> bool {
        self.list(name).any(|listed| listed.eq_ignore_ascii_case(item.as_bytes()))
    }

    fn at(&self, place: &Place) -> &[u8] {
        &self.bytes[place.start as usize..place.end as usize]
    }

    fn text_at(&self, place: &Place) -> &str {
        str::from_utf8(self.at(place)).unwrap_or_default()
    }

    /// Whether a message of HTTP/1.`minor` with these fields leaves its connection open: `close` outweighs `keep-alive`
    /// (RFC 9112, section 9.3). A message that has both chunks and a length may be an attempt to smuggle a message in, so
    /// nothing after it is read (section 6.1).
    fn keep_alive(&self, minor: u8, framing: Framing) -> bool {
        !self.has_item("connection", "close")
            && (minor > 0 || self.has_item("connection", "keep-alive"))
            && !(framing == Framing::Chunked && self.get("content-length").is_some())
    }

    /// Whether the body comes in chunks. Any other coding is an error: it would hide where a request ends or what a response
    /// contains, and no one has asked for it (ADR 17).
    fn is_chunked(&self, minor: u8) -> Result<bool, WireError> {
        let mut codings = self.list("transfer-encoding");
        match (codings.next(), codings.next()) {
            (None, _) => Ok(false),
            (Some(coding), None) if minor > 0 && coding.eq_ignore_ascii_case(b"chunked") => Ok(true),
            _ => Err(WireError::Malformed("a Transfer-Encoding other than chunked")),
        }
    }

    /// `Content-Length`. Several equal values count as one (RFC 9112, section 6.3).
    pub(super) fn content_length(&self) -> Result<Option<u64>, WireError> {
        let mut lengths = self.list("content-length").map(length);
        let Some(first) = lengths.next() else { return Ok(None) };
        let agree = first.is_some() && lengths.all(|other| other == first);
        if agree { Ok(first) } else { Err(WireError::Malformed("a Content-Length that is not one number")) }
    }
}

/// A number that consists of digits only. (`parse` would also accept a sign.)
fn length(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit).then_some(text)?;
    str::from_utf8(digits).ok()?.parse().ok()
}

/// How a body ends (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body, not even an empty one.
    None,
    /// The body ends after this many bytes.
    Length(u64),
    /// The body ends with its last chunk and trailers.
    Chunked,
    /// The body ends with the connection.
    Close,
}

/// The head of a request.
#[derive(Debug, Clone)]
pub struct RequestHead {
    method: Place,
    target: Place,
    /// The minor version of HTTP/1.
    pub(super) minor: u8,
    /// How its body ends.
    pub framing: Framing,
    /// Its fields.
    pub fields: Fields,
}

impl RequestHead {
    /// Takes a request's head from what has arrived, if all of it has.
    pub(super) fn take(input: &mut BytesMut) -> Result<Option<Self>, WireError> {
        drop_empty_lines(input);
        let mut space = [MaybeUninit::uninit(); MAX_FIELDS];
        let mut parsed = httparse::Request::new(&mut []);
        let Status::Complete(len) = complete(parsed.parse_with_uninit_headers(input, &mut space))? else {
            return Ok(None);
        };
        let place = |text: Option<&str>| place(input, text.unwrap_or_default().as_bytes());
        let (method, target, minor) = (place(parsed.method), place(parsed.path), parsed.version.unwrap_or(1));
        let places = places(input, parsed.headers);
        Ok(Some(Self { method, target, minor, framing: Framing::None, fields: fields(input, len, places) }))
    }

    /// `GET` and the like.
    pub fn method(&self) -> &str {
        self.fields.text_at(&self.method)
    }

    /// Path and query, whatever form the target has (RFC 9112, section 3.2).
    pub fn target(&self) -> &str {
        let target = self.fields.text_at(&self.target);
        if target.starts_with('/') { target } else { path_of_absolute(target).unwrap_or(target) }
    }

    /// Whether the target is a path, an absolute URI with a path, or `*`, and has no fragment. With a fragment, we would see
    /// another path than a server that cuts the fragment off.
    fn names_a_path(&self) -> bool {
        let target = self.target();
        (target.starts_with('/') || target == "*") && !self.fields.at(&self.target).contains(&b'#')
    }

    /// Path without its query.
    pub fn path(&self) -> &str {
        let target = self.target();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// Whether it comes with a body.
    pub fn has_body(&self) -> bool {
        !matches!(self.framing, Framing::None | Framing::Length(0))
    }

    /// Determines how its body ends. Refuses a request that could be taken for two.
    pub(super) fn frame(&mut self) -> Result<(), WireError> {
        if self.method() == "CONNECT" {
            return Err(WireError::Malformed("a CONNECT request, which is not supported"));
        }
        if !self.names_a_path() {
            return Err(WireError::Malformed("a target that is neither a path nor an absolute URI with one"));
        }
        let length = self.fields.content_length()?;
        let is_chunked = self.fields.is_chunked(self.minor)?;
        self.framing = if is_chunked { Framing::Chunked } else { length.map_or(Framing::None, Framing::Length) };
        Ok(())
    }

    /// Whether the connection stays open after it.
    pub(super) fn keep_alive(&self) -> bool {
        // A client of HTTP/1.0 reads until the end unless told otherwise.
        self.minor > 0 && self.fields.keep_alive(self.minor, self.framing)
    }

    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(super) fn expects_continue(&self) -> bool {
        self.minor > 0 && self.fields.has_item("expect", "100-continue")
    }
}

/// The head of a response.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    /// The status code.
    pub status: u16,
    reason: Place,
    /// The minor version of HTTP/1.
    pub(super) minor: u8,
    /// How its body ends.
    pub(super) framing: Framing,
    /// Its fields.
    pub fields: Fields,
}

impl ResponseHead {
    /// Takes a response's head from what has arrived, if all of it has.
    pub(super) fn take(input: &mut BytesMut) -> Result<Option<Self>, WireError> {
        drop_empty_lines(input);
        let mut space = [MaybeUninit::uninit(); MAX_FIELDS];
        let mut parsed = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let Status::Complete(len) =
            complete(config.parse_response_with_uninit_headers(&mut parsed, input, &mut space))?
        else {
            return Ok(None);
        };
        let reason = place(input, parsed.reason.unwrap_or_default().as_bytes());
        let (status, minor) = (parsed.code.unwrap_or_default(), parsed.version.unwrap_or(1));
        // Sent on, the number would lose its zeros, and what is left is no status line.
        if status < 100 {
            return Err(WireError::Malformed("a status below 100"));
        }
        let places = places(input, parsed.headers);
        Ok(Some(Self { status, reason, minor, framing: Framing::None, fields: fields(input, len, places) }))
    }

    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The reason phrase after the status.
    pub(super) fn reason(&self) -> &[u8] {
        self.fields.at(&self.reason)
    }

    /// Whether a response with its status never has a body, whatever the request was (RFC 9112, section 6.3).
    pub(super) fn has_no_body(&self) -> bool {
        self.is_interim() || matches!(self.status, 204 | 304)
    }

    /// Whether another response to the same request follows.
    pub(super) fn is_interim(&self) -> bool {
        (100..200).contains(&self.status)
    }

    /// The framing in which its body is sent as the answer to `request`. The connection of the request may need another
    /// framing than the response arrived with.
    pub fn framing_for(&self, request: &RequestHead) -> Framing {
        match (self.framing, request.minor) {
            (Framing::Chunked, 0) => Framing::Close,
            (Framing::Close, 1..) => Framing::Chunked,
            (framing, _) => framing,
        }
    }

    /// Determines how its body ends, as an answer to a request by `method`.
    pub(super) fn frame(&mut self, method: &str) -> Result<(), WireError> {
        if method == "HEAD" || self.has_no_body() {
            return Ok(());
        }
        let length = self.fields.content_length()?;
        let is_chunked = self.fields.is_chunked(self.minor)?;
        self.framing = if is_chunked { Framing::Chunked } else { length.map_or(Framing::Close, Framing::Length) };
        Ok(())
    }

    /// Whether the connection stays open after it.
    pub(super) fn keep_alive(&self) -> bool {
        self.framing != Framing::Close && self.fields.keep_alive(self.minor, self.framing)
    }
}

/// Takes a trailer section from what has arrived, if all of it has.
pub(super) fn take_trailers(input: &mut BytesMut) -> Result<Option<Fields>, WireError> {
    let mut space = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let Status::Complete((len, parsed)) = complete(httparse::parse_headers(input, &mut space))? else {
        return Ok(None);
    };
    // In heads a line may end with LF alone (RFC 9112, section 2.2). Behind chunks, whose lines may not, others would look for
    // the end elsewhere.
    if memchr_iter(b'\n', &input[..len]).any(|at| at == 0 || input[at - 1] != b'\r') {
        return Err(WireError::Malformed("a line of a trailer section that does not end with CRLF"));
    }
    let places = places(input, parsed);
    Ok(Some(fields(input, len, places)))
}

/// Path and query of an absolute URI; `None` if the target is not one.
fn path_of_absolute(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let path = rest.find(['/', '?']).map_or("/", |at| &rest[at..]);
    let has_authority = !rest.starts_with(['/', '?']) && !rest.is_empty();
    (is_scheme && has_authority).then_some(path)
}

/// Drops empty lines before a message. They are not part of it (RFC 9112, section 2.2), and would be parsed again with each
/// line that follows.
fn drop_empty_lines(input: &mut BytesMut) {
    loop {
        match input[..] {
            [b'\r', b'\n', ..] => input.advance(2),
            [b'\n', ..] => input.advance(1),
            _ => return,
        }
    }
}

fn complete<T>(parsed: httparse::Result<T>) -> Result<Status<T>, WireError> {
    parsed.map_err(|error| match error {
        httparse::Error::TooManyHeaders => WireError::HeadTooLarge,
        error => error.into(),
    })
}

fn fields(input: &mut BytesMut, len: usize, places: Vec<(Place, Place)>) -> Fields {
    Fields { bytes: input.split_to(len).freeze(), places }
}

fn places(input: &[u8], parsed: &[Header]) -> Vec<(Place, Place)> {
    parsed.iter().map(|field| (place(input, field.name.as_bytes()), place(input, field.value))).collect()
}

/// Where in `input` its slice `part` is. The place of an empty slice does not matter.
fn place(input: &[u8], part: &[u8]) -> Place {
    if part.is_empty() {
        return 0..0;
    }
    let start = (part.as_ptr().addr() - input.as_ptr().addr()) as u32;
    start..start + part.len() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> RequestHead {
        RequestHead::take(&mut text.into()).unwrap().expect("a whole head")
    }

    fn response(text: &str) -> ResponseHead {
        ResponseHead::take(&mut text.into()).unwrap().expect("a whole head")
    }

    fn request_framing(start: &str, fields: &str) -> Option<Framing> {
        let mut head = request(&format!("{start}\r\n{fields}\r\n"));
        head.frame().ok().map(|()| head.framing)
    }

    #[test]
    fn a_head_is_taken_when_it_is_whole_and_nothing_behind_it() {
        let text = b"POST /a?b=/c HTTP/1.1\r\nX-MiXed: 1 , 2 \r\nx-mixed:\r\n\r\nbody";
        for len in 0..text.len() - 4 {
            assert!(RequestHead::take(&mut text[..len].into()).unwrap().is_none(), "{len}");
        }
        let mut input = BytesMut::from(&text[..]);
        let head = RequestHead::take(&mut input).unwrap().unwrap();
        assert_eq!((head.method(), head.target(), head.path(), &input[..]), ("POST", "/a?b=/c", "/a", &b"body"[..]));
        assert_eq!(head.fields.iter().collect::<Vec<_>>(), [(&b"X-MiXed"[..], &b"1 , 2"[..]), (b"x-mixed", b"")]);
        assert_eq!(head.fields.list("X-Mixed").collect::<Vec<_>>(), [&b"1"[..], b"2", b""]);
        assert_eq!(head.fields.text("y"), None);
    }

    #[test]
    fn a_target_names_path_and_query_in_every_form() {
        for (target, path) in [
            ("http://h:1/p?q", "/p?q"),
            ("http://h:1", "/"),
            ("x+y.2-z://h//p", "//p"),
            ("*", "*"),
            ("//p", "//p"),
            ("/p?u=http://h/q", "/p?u=http://h/q"),
        ] {
            let mut head = request(&format!("GET {target} HTTP/1.1\r\n\r\n"));
            assert!(head.frame().is_ok(), "{target}");
            assert_eq!(head.target(), path);
        }
    }

    #[test]
    fn a_target_that_names_no_path_is_refused() {
        for target in
            ["h:1", "p", "?q", "p/q", "http://h?q=/p", "http:///p", "1http://h/p", "p/q://h/r", "/p#f", "http://h#f/p"]
        {
            assert!(request(&format!("GET {target} HTTP/1.1\r\n\r\n")).frame().is_err(), "{target}");
        }
    }

    #[test]
    fn where_a_request_ends_is_told_in_one_way_or_not_at_all() {
        use Framing::{Chunked, Length};
        let post = "POST / HTTP/1.1";
        for (start, fields, framing) in [
            (post, "", Some(Framing::None)),
            (post, "Content-Length: 0\r\n", Some(Length(0))),
            (post, "Content-Length: 5\r\nContent-Length: 5\r\n", Some(Length(5))),
            (post, "Content-Length: 5, 5\r\n", Some(Length(5))),
            (post, "Transfer-Encoding: Chunked\r\n", Some(Chunked)),
            (post, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Some(Chunked)),
            (post, "Content-Length: 5\r\nContent-Length: 6\r\n", None),
            (post, "Content-Length: +5\r\n", None),
            (post, "Content-Length: 5 5\r\n", None),
            (post, "Content-Length: \r\n", None),
            (post, "Content-Length: 18446744073709551616\r\n", None),
            (post, "Transfer-Encoding: chunked\r\nContent-Length: x\r\n", None),
            (post, "Transfer-Encoding: gzip, chunked\r\n", None),
            (post, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", None),
            (post, "Transfer-Encoding: identity\r\n", None),
            (post, "Transfer-Encoding: \r\n", None),
            ("POST / HTTP/1.0", "Transfer-Encoding: chunked\r\n", None),
            ("CONNECT h:1 HTTP/1.1", "", None),
        ] {
            assert_eq!(request_framing(start, fields), framing, "{start} {fields}");
        }
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for text in [
            "GET /\r\n\r\n",
            "GET / HTTP/2\r\n\r\n",
            "GET / HTTP/1.1\r\nname : value\r\n\r\n",
            "GET / HTTP/1.1\r\na: b\r\n folded: c\r\n\r\n",
            "GET / HTTP/1.1\r\na: b\0c\r\n\r\n",
            "G\"T / HTTP/1.1\r\n\r\n",
        ] {
            assert!(matches!(RequestHead::take(&mut text.into()), Err(WireError::NotHttp(_))), "{text}");
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MAX_FIELDS + 1));
        assert!(matches!(RequestHead::take(&mut many.as_str().into()), Err(WireError::HeadTooLarge)));
    }

    #[test]
    fn where_a_response_ends_depends_on_what_was_asked() {
        use Framing::{Chunked, Close, Length};
        let of = |text: &str, method| {
            let mut head = response(text);
            head.frame(method).unwrap();
            head.framing
        };
        assert_eq!(of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "GET"), Length(5));
        assert_eq!(of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD"), Framing::None);
        assert_eq!(of("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", "GET"), Chunked);
        assert_eq!(of("HTTP/1.0 200 OK\r\n\r\n", "GET"), Close);
        for status in [100, 204, 304] {
            assert_eq!(of(&format!("HTTP/1.1 {status} x\r\nContent-Length: 5\r\n\r\n"), "GET"), Framing::None);
        }
    }

    #[test]
    fn a_connection_stays_open_as_its_version_has_it() {
        for (start, connection, open) in [
            ("HTTP/1.1", "x", true),
            ("HTTP/1.1", "x, Close", false),
            ("HTTP/1.1", "keep-alive, close", false),
            ("HTTP/1.0", "x", false),
            ("HTTP/1.0", "Keep-Alive", true),
            ("HTTP/1.0", "keep-alive, close", false),
        ] {
            let fields = format!("Connection: {connection}\r\nContent-Length: 0\r\n\r\n");
            let mut head = response(&format!("{start} 200 OK\r\n{fields}"));
            head.frame("GET").unwrap();
            assert_eq!(head.keep_alive(), open, "{start} {connection}");
            let asked = request(&format!("GET / {start}\r\n{fields}"));
            assert_eq!(asked.keep_alive(), open && start == "HTTP/1.1", "{start} {connection}");
        }
    }

    #[test]
    fn nothing_is_read_behind_a_message_that_is_framed_twice() {
        for fields in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\nContent-Length: 5",
        ] {
            let mut asked = request(&format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n"));
            asked.frame().unwrap();
            let mut head = response(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"));
            head.frame("GET").unwrap();
            assert_eq!((asked.framing, asked.keep_alive()), (Framing::Chunked, false), "{fields}");
            assert_eq!((head.framing, head.keep_alive()), (Framing::Chunked, false), "{fields}");
        }
    }

    #[test]
    fn a_status_below_100_is_no_response() {
        for status in ["000", "001", "099"] {
            let taken = ResponseHead::take(&mut format!("HTTP/1.1 {status} X\r\n\r\n").as_str().into());
            assert!(matches!(taken, Err(WireError::Malformed(_))), "{status}");
        }
        assert_eq!([response("HTTP/1.1 100 X\r\n\r\n").status, response("HTTP/1.1 999 X\r\n\r\n").status], [100, 999]);
    }

    #[test]
    fn lines_of_a_trailer_section_end_with_crlf() {
        assert!(take_trailers(&mut "a: b\r\n\r\n".into()).unwrap().is_some());
        for section in ["\n", "a: b\n\r\n", "a: b\r\n\n", "a: b\nc: d\r\n\r\n"] {
            assert!(matches!(take_trailers(&mut section.into()), Err(WireError::Malformed(_))), "{section:?}");
        }
    }

    #[test]
    fn the_words_of_a_status_are_kept() {
        assert_eq!(response("HTTP/1.1 418 I am one\r\n\r\n").reason(), b"I am one");
        assert_eq!(response("HTTP/1.1 418\r\n\r\n").reason(), b"");
    }
}
