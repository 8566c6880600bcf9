//! A form with a file (RFC 7578), as much of it as one upload needs.

use functions_shared::Refusal;
use std::collections::HashMap;

/// What a form has: texts by name, and the file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Form {
    pub(crate) texts: HashMap<String, String>,
    pub(crate) file: Option<Vec<u8>>,
}

/// The part that is the file.
const FILE: &str = "file";

impl Form {
    /// Reads a body whose `Content-Type` says where its parts begin.
    pub(crate) fn read(content_type: &str, body: &[u8]) -> Result<Self, Refusal> {
        let boundary = boundary(content_type).ok_or_else(|| {
            Refusal::invalid(
                "content-type",
                "must be multipart/form-data with a boundary, or use POST /tools/from-spec",
            )
        })?;
        let mut form = Self::default();
        for part in parts(body, &boundary) {
            let (head, content) = part.ok_or_else(|| Refusal::invalid("body", "is not multipart/form-data"))?;
            form.add(&head, content)?;
        }
        Ok(form)
    }

    fn add(&mut self, head: &str, content: &[u8]) -> Result<(), Refusal> {
        let name = name(head).ok_or_else(|| Refusal::invalid("body", "has a part without a name"))?;
        if name == FILE {
            self.file = Some(content.to_vec());
            return Ok(());
        }
        let text = String::from_utf8(content.to_vec());
        let text = text.map_err(|_| Refusal::invalid(&name, "must be UTF-8"))?;
        self.texts.insert(name, text);
        Ok(())
    }
}

/// `multipart/form-data; boundary="…"`
fn boundary(content_type: &str) -> Option<String> {
    let (media, parameters) = content_type.split_once(';')?;
    if !media.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary="))?;
    let boundary = boundary.trim_matches('"');
    ((1..=70).contains(&boundary.len())).then(|| boundary.to_owned())
}

/// Heads and contents; `None` for what is no part.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<Option<(String, &'a [u8])>> {
    let line = format!("--{boundary}");
    let starts: Vec<_> = positions(body, line.as_bytes());
    let ends = starts.iter().skip(1);
    starts.iter().zip(ends).map(|(start, end)| part(body.get(start + line.len()..*end)?)).collect()
}

/// `\r\n` head `\r\n\r\n` content `\r\n`
fn part(bytes: &[u8]) -> Option<(String, &[u8])> {
    let bytes = bytes.strip_prefix(b"\r\n")?.strip_suffix(b"\r\n")?;
    let end = positions(bytes, b"\r\n\r\n").first().copied()?;
    Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), &bytes[end + 4..]))
}

/// Where `wanted` is at the beginning of a line, or anywhere if it is the end of one.
fn positions(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let is_line = |at: usize| wanted.starts_with(b"\r\n") || at == 0 || bytes[..at].ends_with(b"\r\n");
    let found = bytes.windows(wanted.len()).enumerate().filter(|(at, window)| *window == wanted && is_line(*at));
    found.map(|(at, _)| at).collect()
}

/// `Content-Disposition: form-data; name="file"; filename="api.yaml"`
fn name(head: &str) -> Option<String> {
    let is_disposition = |line: &&str| line.to_ascii_lowercase().starts_with("content-disposition:");
    let line = head.lines().find(is_disposition)?;
    let name = line.split(';').find_map(|parameter| parameter.trim().strip_prefix("name="))?;
    Some(name.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=xyz";

    fn body(parts: &[(&str, &str)]) -> Vec<u8> {
        let part = |(name, text): &(&str, &str)| {
            format!(
                "--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: text/plain\r\n\r\n{text}\r\n"
            )
        };
        (parts.iter().map(part).collect::<String>() + "--xyz--\r\n").into_bytes()
    }

    #[test]
    fn a_form_has_texts_and_a_file() {
        let form = Form::read(TYPE, &body(&[("tool_name", "weather"), ("file", "a: 1\r\n--xy\r\n")])).expect("a form");
        assert_eq!(form.texts["tool_name"], "weather");
        assert_eq!(form.file.as_deref(), Some(&b"a: 1\r\n--xy\r\n"[..]));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for content_type in ["application/json", "multipart/form-data", "multipart/form-data; boundary="] {
            assert_eq!(Form::read(content_type, b"").expect_err(content_type).field(), Some("content-type"));
        }
        assert!(Form::read(TYPE, b"--xyz\r\nno head\r\n--xyz--").is_err());
        assert_eq!(Form::read(TYPE, b"anything").expect("no parts"), Form::default());
    }
}
