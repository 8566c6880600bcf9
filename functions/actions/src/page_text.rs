//! A page's text: the main content of HTML, the entries of a feed, the text of a PDF file; plain text, Markdown, CSV and JSON as they
//! are. Everything else is refused by name, since a model can do nothing with it.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use url::Url;

use crate::feed_text;
use crate::html_text::{self, Page, TooSlow};
use crate::pdf_program::PdfProgram;
use crate::tool_error::ToolError;

/// What is asked for; servers that have a page as Markdown as well may send that.
pub(crate) const ACCEPT: &str = "text/html, application/xhtml+xml, text/markdown, text/plain, application/json;q=0.9, \
    application/rss+xml;q=0.9, application/atom+xml;q=0.9, application/pdf;q=0.8, */*;q=0.1";

/// Bytes of a body that is not a PDF file.
const LONGEST: usize = 8 << 20;

/// How far a page is searched for its own word on its encoding (HTML, "prescan a byte stream").
const PRESCAN: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Feed,
    Pdf,
    Plain,
}

/// A body, and what its server says of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body<'a> {
    /// Where it was found.
    pub(crate) url: &'a str,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) bytes: &'a [u8],
}

/// The text of a body. What is not as its server has it begins with its title and its address.
pub(crate) async fn of(body: Body<'_>, pdf: Option<&PdfProgram>) -> Result<String, ToolError> {
    let content_type = body.content_type.ok_or_else(|| ToolError::new("the response has no Content-Type"))?;
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let form = form(&essence, body.bytes).ok_or_else(|| refused(&essence))?;
    if form == Form::Pdf {
        let program = pdf.ok_or_else(|| refused(&essence))?;
        return Ok(headed("", body.url, &program.text(body.bytes).await?));
    }
    if body.bytes.len() > LONGEST {
        return Err(ToolError::new(format!("the answer has more than {LONGEST} bytes")));
    }
    let charset = parts.find_map(|part| value_of("charset", part));
    text(form, &decoded(form, charset, body.bytes)?, body.url)
}

fn text(form: Form, text: &str, address: &str) -> Result<String, ToolError> {
    if form == Form::Plain {
        return Ok(text.to_owned());
    }
    let url = Url::parse(address).map_err(|_| ToolError::new("the page has no address"))?;
    let Page { title, text } = match form {
        Form::Feed => feed_text::of(text, &url).map_err(|_| ToolError::new("the XML of the page is not a feed"))?,
        _ => {
            html_text::of(text, &url).map_err(|TooSlow| ToolError::new("the page is too complex to be read in time"))?
        }
    };
    Ok(headed(&title, address, &text))
}

fn headed(title: &str, url: &str, text: &str) -> String {
    let title = if title.is_empty() { String::new() } else { format!("Title: {title}\n") };
    format!("{title}URL: {url}\n\n{text}")
}

fn form(essence: &str, bytes: &[u8]) -> Option<Form> {
    match essence {
        "text/html" | "application/xhtml+xml" => Some(Form::Html),
        "application/rss+xml" | "application/atom+xml" | "application/rdf+xml" | "application/xml" | "text/xml" => {
            Some(Form::Feed)
        }
        "application/pdf" | "application/x-pdf" => Some(Form::Pdf),
        "application/octet-stream" if bytes.starts_with(b"%PDF-") => Some(Form::Pdf),
        "text/plain" | "text/markdown" | "text/x-markdown" | "text/csv" | "application/json" => Some(Form::Plain),
        other if other.ends_with("+json") => Some(Form::Plain),
        _ => None,
    }
}

fn refused(essence: &str) -> ToolError {
    let essence: String = essence.chars().take(64).collect();
    ToolError::new(format!(
        "the page is of type `{essence}`; only HTML, feeds, PDF, plain text, Markdown, CSV and JSON can be read"
    ))
}

/// The value in `name=value` or `name="value"`.
fn value_of<'a>(name: &str, part: &'a str) -> Option<&'a str> {
    let (found, value) = part.split_once('=')?;
    found.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches(['"', '\'']))
}

/// Decides on the encoding as browsers do: the byte order mark, the server's word, the page's own, then a guess.
fn decoded<'a>(form: Form, charset: Option<&str>, body: &'a [u8]) -> Result<Cow<'a, str>, ToolError> {
    let unknown =
        |label: &str| ToolError::new(format!("the page is in the unknown encoding `{}`", label.escape_debug()));
    let said = charset.map(|label| Encoding::for_label(label.as_bytes()).ok_or_else(|| unknown(label))).transpose()?;
    let own = || match form {
        Form::Html => own_encoding(body, "charset"),
        Form::Feed => own_encoding(body, "encoding"),
        _ => None,
    };
    let guess = || if std::str::from_utf8(body).is_ok() { UTF_8 } else { WINDOWS_1252 };
    let encoding = said.or_else(own).unwrap_or_else(guess);
    Ok(encoding.decode(body).0) // looks at a byte order mark first
}

/// What `<meta charset="…">` says, or the older form with `http-equiv`, or `<?xml encoding="…"?>`.
fn own_encoding(body: &[u8], name: &str) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&body[..body.len().min(PRESCAN)]).to_ascii_lowercase();
    let (_, after) = head.split_once(name)?;
    let value = after.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let label = value.split(['"', '\'', '>', '/', ';', ' ']).next()?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // It was read as ASCII, so it cannot be what it says.
    Some(if [encoding_rs::UTF_16BE, encoding_rs::UTF_16LE].contains(&encoding) { UTF_8 } else { encoding })
}
