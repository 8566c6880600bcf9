//! As much HTTP/1.1 as both sides of the extension need: messages whose length is declared, each written at once.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// A message as it came; its body only by its length.
#[derive(Debug)]
pub(crate) struct Message {
    /// The start line and the header fields.
    pub(crate) head: String,
    pub(crate) body_len: usize,
}

impl Message {
    /// Method and path of a request.
    pub(crate) fn name(&self) -> &str {
        self.head.split(" HTTP/1.1").next().unwrap_or_default()
    }

    /// Reads one message; `None` when the peer has closed the connection.
    pub(crate) fn read(stream: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut buffer = vec![0; 64 << 10];
        let mut len = 0;
        let head_len = loop {
            let read = stream.read(&mut buffer[len..])?;
            if read == 0 {
                return Ok(None);
            }
            len += read;
            if let Some(end) = buffer[..len].windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = String::from_utf8_lossy(&buffer[..head_len]).into_owned();
        let body_len = declared_len(&head);
        let mut left = (body_len + head_len).saturating_sub(len);
        while left > 0 {
            let most = left.min(buffer.len());
            let read = stream.read(&mut buffer[..most])?;
            left -= if read == 0 { return Err(io::ErrorKind::UnexpectedEof.into()) } else { read };
        }
        Ok(Some(Self { head, body_len }))
    }
}

fn declared_len(head: &str) -> usize {
    let length = |line: &str| {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") { value.trim().parse().ok() } else { None }
    };
    head.lines().find_map(length).unwrap_or_default()
}

/// Writes a message at once, so that its reader wakes once.
pub(crate) fn write(stream: &mut TcpStream, start: &str, fields: &str, body: &[u8]) -> io::Result<()> {
    let mut message =
        format!("{start}\r\nHost: 127.0.0.1\r\n{fields}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    message.extend_from_slice(body);
    stream.write_all(&message)
}
