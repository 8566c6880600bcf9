//! Files as operators have them: what a shell, an editor or a download made of an event, a response or a log.
//!
//! Text in UTF-16 (what `>` of Windows PowerShell writes) and behind a byte order mark is read as the text that it is. What must be unpacked
//! first is refused by its name: taken for text it would hold no references, and so look as if all were well.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};

use bytes::Bytes;

use crate::answer::ToolError;

/// Bytes that tell UTF-16 without a mark from other text.
const SAMPLE: usize = 256;

/// A file's text, and what was done to it.
#[derive(Debug)]
pub(crate) struct Document {
    /// The file, as messages name it.
    pub(crate) name: String,
    pub(crate) text: Bytes,
    /// What the file was, if it was not plain text.
    pub(crate) was: Option<&'static str>,
}

impl Document {
    /// The whole of a file, or of standard input for `-`.
    pub(crate) fn read(path: &OsStr) -> Result<Self, ToolError> {
        let (name, read) = if path == "-" {
            let mut bytes = vec![];
            ("standard input".to_owned(), io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes))
        } else {
            (path.display().to_string(), fs::read(path))
        };
        let bytes = read.map_err(|error| ToolError::Usage(format!("cannot read {name}: {error}")))?;
        Self::of(name, bytes)
    }

    fn of(name: String, bytes: Vec<u8>) -> Result<Self, ToolError> {
        if let Some((kind, command)) = packed(&bytes) {
            let hint = format!("unpack it first, for example by `{command}`");
            return Err(ToolError::Usage(format!("{name} is {kind}: {hint}")));
        }
        let (text, was) = decoded(bytes);
        Ok(Self { name, text, was })
    }

    /// Whether references are in it as base64, whose text nothing here reads.
    pub(crate) fn holds_references_in_base64(&self) -> bool {
        let is_text = |byte: &u8| !byte.is_ascii_whitespace();
        let text: Vec<u8> = self.text.iter().copied().filter(is_text).collect();
        IN_BASE64.iter().any(|spelt| memchr::memmem::find(&text, spelt.as_bytes()).is_some())
    }
}

/// What a file is that must be unpacked, and how that is done.
fn packed(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    const MAGIC: [(&[u8], &str, &str); 6] = [
        (b"\x1f\x8b", "gzip", "gzip -dc FILE"),
        (b"\x28\xb5\x2f\xfd", "zstd", "zstd -dc FILE"),
        (b"PK\x03\x04", "a zip archive", "unzip -p FILE"),
        (b"BZh", "bzip2", "bzip2 -dc FILE"),
        (b"\xfd7zXZ\0", "xz", "xz -dc FILE"),
        // Of base64, this is the beginning of gzip.
        (b"H4sI", "gzip in base64", "base64 -d FILE | gzip -dc"),
    ];
    MAGIC.iter().find(|(magic, ..)| bytes.starts_with(magic)).map(|(_, kind, command)| (*kind, *command))
}

/// Text as UTF-8 without a mark. What is neither is left as it is.
fn decoded(bytes: Vec<u8>) -> (Bytes, Option<&'static str>) {
    if let Some(rest) = bytes.strip_prefix("\u{feff}".as_bytes()) {
        return (Bytes::copy_from_slice(rest), Some("UTF-8 with a byte order mark"));
    }
    let (little, big) = (u16::from_le_bytes as fn([u8; 2]) -> u16, u16::from_be_bytes as fn([u8; 2]) -> u16);
    let (rest, unit, was) = match &*bytes {
        [0xff, 0xfe, rest @ ..] => (rest, little, "UTF-16"),
        [0xfe, 0xff, rest @ ..] => (rest, big, "UTF-16"),
        rest if has_zeros(rest, 1) => (rest, little, "UTF-16 without a byte order mark"),
        rest if has_zeros(rest, 0) => (rest, big, "UTF-16 without a byte order mark"),
        _ => return (bytes.into(), None),
    };
    let units = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String =
        char::decode_utf16(units).map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    (text.into(), Some(was))
}

/// Whether text begins with pairs of bytes whose one half, the first or the second, is always zero, and the other never: ASCII in
/// UTF-16. No other text holds zeros.
fn has_zeros(text: &[u8], half: usize) -> bool {
    let sample = &text[..text.len().min(SAMPLE)];
    sample.len() >= 4 && sample.chunks_exact(2).all(|pair| pair[half] == 0 && pair[1 - half] != 0)
}

/// What is the same in every base64 of a text with `@content:`, wherever in three bytes that begins; a test makes them.
const IN_BASE64: [&str; 3] = ["QGNvbnRlbnQ6", "Bjb250ZW50O", "AY29udGVudD"];

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64;
    use long_content::reference::PREFIX;

    fn document(bytes: &[u8]) -> Document {
        Document::of("FILE".to_owned(), bytes.to_vec()).unwrap()
    }

    fn utf_16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn text_in_utf_16_is_read_as_what_it_says() {
        let text = "[\"@content:1\", \"\u{e9}\u{1f600}\"]\r\n";
        for unit in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
            let read = document(&utf_16(&format!("\u{feff}{text}"), unit));
            assert_eq!((&*read.text, read.was), (text.as_bytes(), Some("UTF-16")));
            let read = document(&utf_16("@content:1", unit));
            assert_eq!((&*read.text, read.was), (&b"@content:1"[..], Some("UTF-16 without a byte order mark")));
        }
        let read = document("\u{feff}{}".as_bytes());
        assert_eq!((&*read.text, read.was), (&b"{}"[..], Some("UTF-8 with a byte order mark")));
    }

    #[test]
    fn other_bytes_are_left_as_they_are() {
        for bytes in [&b""[..], b"{}", b"a\0", b"\0\0\0\0", "\u{e9}".as_bytes(), b"\xff", b"ab\0\0"] {
            let read = document(bytes);
            assert_eq!((&*read.text, read.was), (bytes, None), "{bytes:?}");
        }
    }

    #[test]
    fn what_must_be_unpacked_is_named_with_how() {
        for (bytes, kind) in [(&b"\x1f\x8b\x08"[..], "FILE is gzip: "), (b"H4sIAAAA", "FILE is gzip in base64: ")] {
            let error = Document::of("FILE".to_owned(), bytes.to_vec()).unwrap_err();
            assert!(error.to_string().starts_with(kind) && error.to_string().contains("gzip -dc"), "{error}");
            assert_eq!(error.code(), 2);
        }
    }

    #[test]
    fn references_in_base64_are_seen_wherever_they_begin() {
        for before in ["", "x", "xy", "{\"text\": \""] {
            let spelt = BASE64.encode(format!("{before}{PREFIX}1:dynamodb").as_bytes());
            let wrapped = format!("{}\n{}", &spelt[..9], &spelt[9..]);
            for text in [&spelt, &wrapped, &format!("{{\"data\":\"{spelt}\"}}")] {
                assert!(document(text.as_bytes()).holds_references_in_base64(), "{text}");
            }
        }
        assert!(!document(b"QGNvbnRlbnQ5").holds_references_in_base64());
    }
}
