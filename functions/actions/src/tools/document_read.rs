//! `document_read`: a part of a long text, from where a passage was found, or from where the part before it ended.

use functions_content::LONGEST;

use crate::action::{Action, Need, Running, Services};
use crate::parameters::{Arguments, Kind, Parameter};
use crate::tool_error::ToolError;

const HANDLE: &str = "handle";
const OFFSET: &str = "offset";
const LENGTH: &str = "length";

/// Bytes of the line above the text.
const HEADING: usize = 128;

/// Bytes of one part: with its heading it is what a model may carry.
const LONGEST_PART: u32 = (LONGEST - HEADING) as u32;

pub(crate) static ACTION: Action = Action {
    name: "document_read",
    aliases: &[],
    description: "Reads a part of a long text: from an offset in bytes, as document_search gives it, or from its beginning. Says at which offset \
        the next part begins.",
    tags: &["document"],
    needs: Need::Nothing,
    changes: false,
    parameters: &[
        Parameter::required(HANDLE, Kind::Content, "The handle of the text, exactly as a result gave it, or the text."),
        Parameter::optional(OFFSET, Kind::Integer { min: 0, max: u32::MAX }, "Bytes before the part; 0 if left out."),
        Parameter::optional(
            LENGTH,
            Kind::Integer { min: 1, max: LONGEST_PART },
            "Bytes of the part, at most; as many as fit if left out.",
        ),
    ],
    run,
};

fn run(_: &Services, arguments: Arguments) -> Running<'_> {
    Box::pin(async move {
        let offset = arguments.integer(OFFSET).unwrap_or(0);
        let length = arguments.integer(LENGTH).unwrap_or(LONGEST_PART as usize);
        part(arguments.text(HANDLE), offset, length)
    })
}

/// Whole characters only: an offset inside of one is that of its first byte, and no part is empty.
fn part(document: &str, offset: usize, length: usize) -> Result<String, ToolError> {
    if offset >= document.len() {
        let end = format!("`{OFFSET}` is {offset}, and the document has {} bytes", document.len());
        return Err(ToolError::new(end));
    }
    let start = document.floor_char_boundary(offset);
    let end = document.floor_char_boundary(start + length).max(document.ceil_char_boundary(start + 1));
    let next = if end == document.len() { "this is the end".to_owned() } else { format!("the next offset is {end}") };
    Ok(format!("[bytes {start} to {end} of {}; {next}]\n{}", document.len(), &document[start..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_to_the_end() {
        let document = "añb🦀c".repeat(500);
        let (mut offset, mut read) = (0, String::new());
        while offset < document.len() {
            let part = part(&document, offset, 100).expect("a part");
            let (heading, text) = part.split_once('\n').expect("a heading");
            read.push_str(text);
            offset = heading
                .split_once("offset is ")
                .map_or(document.len(), |(_, next)| next.trim_end_matches(']').parse().expect("an offset"));
        }
        assert_eq!(read, document);
    }

    #[test]
    fn a_part_holds_whole_characters_and_at_least_one() {
        assert_eq!(part("a🦀b", 2, 1).as_deref(), Ok("[bytes 1 to 5 of 6; the next offset is 5]\n🦀"));
        assert_eq!(part("abc", 1, 9).as_deref(), Ok("[bytes 1 to 3 of 3; this is the end]\nbc"));
    }

    #[test]
    fn the_longest_part_is_what_a_model_may_carry() {
        let document = "x".repeat(u32::MAX as usize / 1000);
        let part = part(&document, 4_000_000, LONGEST_PART as usize).expect("a part");
        assert!(part.len() <= LONGEST && part.len() > LONGEST - HEADING, "{} bytes", part.len());
    }

    #[test]
    fn an_offset_after_the_end_is_a_mistake() {
        let said = part("abc", 3, 1).expect_err("no part").to_string();
        assert_eq!(said, "`offset` is 3, and the document has 3 bytes");
    }
}
