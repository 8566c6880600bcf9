//! Short texts that become headers, names or parts of URLs.

use functions_shared::Refusal;
use http_guard::{AllowedHosts, Target};

/// Unicode's line separator and paragraph separator, which are no control characters.
const LINE_ENDS: [char; 2] = ['\u{2028}', '\u{2029}'];

/// A text of at most `longest` bytes, in one line.
pub(crate) fn line(place: &str, text: &str, longest: usize) -> Result<(), Refusal> {
    if text.len() > longest {
        return Err(Refusal::invalid(place, format!("must have at most {longest} bytes")));
    }
    if text.chars().any(|character| character.is_control() || LINE_ENDS.contains(&character)) {
        return Err(Refusal::invalid(place, "must be one line without control characters"));
    }
    Ok(())
}

/// The value of a header. Of a character that is not ASCII, some programs send only the last byte, and that may be a line break.
pub(crate) fn header_value(place: &str, text: &str, longest: usize) -> Result<(), Refusal> {
    line(place, text, longest)?;
    if !text.is_ascii() {
        return Err(Refusal::invalid(place, "must have ASCII characters only"));
    }
    Ok(())
}

/// A line that nothing takes for a template: ntfy and others put values in place of `{{…}}`.
pub(crate) fn plain_line(place: &str, text: &str, longest: usize) -> Result<(), Refusal> {
    line(place, text, longest)?;
    if text.contains("{{") || text.contains("}}") || text.contains("${") {
        return Err(Refusal::invalid(place, "must not contain a template such as {{…}}"));
    }
    Ok(())
}

/// A URL that may be requested. Parsers of URLs leave out line breaks and tabs, and read a backslash as a slash, without a word: a person or
/// another program may see another host in it.
pub(crate) fn url(place: &str, text: &str, hosts: &AllowedHosts) -> Result<(), Refusal> {
    if text.contains(|character: char| character.is_control() || character.is_whitespace() || character == '\\') {
        return Err(Refusal::invalid(place, "must not contain spaces, control characters and backslashes"));
    }
    Target::parse(text, hosts).map_err(|error| Refusal::invalid(place, error.to_string()))?;
    Ok(())
}

/// A name of one to 64 characters that is safe in ids and paths.
pub(crate) fn is_name(text: &str, longest: usize) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && text.len() <= longest && text.bytes().all(is_safe)
}
