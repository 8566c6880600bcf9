//! A page's text: HTML as a reader sees it, plain text, Markdown and JSON as they are. Everything else is refused by name, since a model
//! can do nothing with it.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::html_text::{self, TooSlow};
use crate::tool_error::ToolError;

/// What is asked for; servers that have a page as Markdown as well may send that.
pub(crate) const ACCEPT: &str =
    "text/html, application/xhtml+xml, text/markdown, text/plain, application/json;q=0.9, */*;q=0.1";

/// How far a page is searched for its own word on its encoding (HTML, "prescan a byte stream").
const PRESCAN: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Plain,
}

/// The text of a body of this content type.
pub(crate) fn of(content_type: Option<&str>, body: &[u8]) -> Result<String, ToolError> {
    let content_type = content_type.ok_or_else(|| ToolError::new("the response has no Content-Type"))?;
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let form = form(&essence).ok_or_else(|| refused(&essence))?;
    let charset = parts.find_map(|part| value_of("charset", part));
    let text = decoded(form, charset, body)?;
    match form {
        Form::Plain => Ok(text.into_owned()),
        Form::Html => {
            html_text::of(&text).map_err(|TooSlow| ToolError::new("the page is too complex to be read in time"))
        }
    }
}

fn form(essence: &str) -> Option<Form> {
    match essence {
        "text/html" | "application/xhtml+xml" => Some(Form::Html),
        "text/plain" | "text/markdown" | "text/x-markdown" | "text/csv" | "application/json" => Some(Form::Plain),
        other if other.ends_with("+json") => Some(Form::Plain),
        _ => None,
    }
}

fn refused(essence: &str) -> ToolError {
    let essence: String = essence.chars().take(64).collect();
    ToolError::new(format!(
        "the page is of type `{essence}`; only HTML, plain text, Markdown, CSV and JSON can be read"
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
    let own = || if form == Form::Html { own_encoding(body) } else { None };
    let guess = || if std::str::from_utf8(body).is_ok() { UTF_8 } else { WINDOWS_1252 };
    let encoding = said.or_else(own).unwrap_or_else(guess);
    Ok(encoding.decode(body).0) // looks at a byte order mark first
}

/// What `<meta charset="…">` says, or the older form with `http-equiv`.
fn own_encoding(body: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&body[..body.len().min(PRESCAN)]).to_ascii_lowercase();
    let (_, after) = head.split_once("charset")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let label = value.split(['"', '\'', '>', '/', ';', ' ']).next()?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // It was read as ASCII, so it cannot be what it says.
    Some(if [encoding_rs::UTF_16BE, encoding_rs::UTF_16LE].contains(&encoding) { UTF_8 } else { encoding })
}
