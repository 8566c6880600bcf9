//! What a model sees of a result that is too long to carry: its beginning, and the handle of the whole.

use crate::handle::Handle;

/// Bytes of a `content` that a model may carry.
pub const LONGEST: usize = 2048;

/// A preview ends at a line or a word, if one ends within this many bytes of its longest.
const SLACK: usize = 200;

/// The beginning of `text` and its handle, in at most [`LONGEST`] bytes.
pub fn preview(text: &str, handle: Handle) -> String {
    let ending = format!("\n\n[… {} bytes in all; handle: {handle}]", text.len());
    let beginning = beginning(text, LONGEST - ending.len());
    format!("{beginning}{ending}")
}

/// At most `longest` bytes of whole characters, and of whole lines or words where they are not too long.
pub fn beginning(text: &str, longest: usize) -> &str {
    if text.len() <= longest {
        return text;
    }
    let cut = &text[..text.floor_char_boundary(longest)];
    let ends_late = |end: &usize| end + SLACK >= cut.len();
    let end = cut.rfind('\n').filter(ends_late).or_else(|| cut.rfind(char::is_whitespace).filter(ends_late));
    cut[..end.unwrap_or(cut.len())].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use long_content::reference::{Content, Scope, Ttl};

    fn handle() -> Handle {
        let scope = Scope::new("AgentContext-dev").signed_by("a-key-of-enough-bytes".parse().expect("a key"));
        Handle(scope.reference(Ttl::seconds(u32::MAX), &Content::string("text")))
    }

    #[test]
    fn a_preview_is_as_long_as_a_model_may_carry() {
        for text in ["a".repeat(5 << 20), "ä世🦀".repeat(1 << 20), "word ".repeat(1 << 20), "\n".repeat(3000)] {
            let preview = preview(&text, handle());
            assert!(preview.len() <= LONGEST, "{} bytes", preview.len());
            let ending = format!("[… {} bytes in all; handle: {}]", text.len(), handle());
            assert!(preview.ends_with(&ending), "{preview}");
        }
    }

    #[test]
    fn a_beginning_ends_where_something_ends() {
        assert_eq!(beginning("one two three", 9), "one two");
        assert_eq!(beginning("one two\nthree four", 14), "one two");
        assert_eq!(beginning("äöü", 3), "ä");
        assert_eq!(beginning("short", 5), "short");
    }
}
