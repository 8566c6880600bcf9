//! A text in pieces of limited length, each from the beginning of something to the end of something.

use super::passage::Passage;

/// The pieces of a text, in order: each of at most `length` bytes, which is at least that of a character. Together they are the text,
/// except for white space between them.
pub(super) fn pieces(text: &str, length: usize) -> impl Iterator<Item = Passage<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at = text.len() - text[at..].trim_start().len();
        let rest = &text[at..];
        let piece = &rest[..end(rest, length)];
        let passage = Passage { offset: at, text: piece.trim_end() };
        at += piece.len();
        (!piece.is_empty()).then_some(passage)
    })
}

/// Where the first piece of `rest` ends: after a blank line, else after a line, a sentence or a word, if one ends in the second half of
/// what the piece may hold.
fn end(rest: &str, length: usize) -> usize {
    let longest = rest.floor_char_boundary(length);
    let window = &rest[..longest];
    let half = window.ceil_char_boundary(longest / 2);
    let second = &window[half..];
    let after = |mark: &str| second.rfind(mark).map(|at| half + at + mark.len());
    if longest == rest.len() {
        return longest;
    }
    let sentence = || [". ", "? ", "! ", "。"].iter().filter_map(|mark| after(mark)).max();
    let word = || second.char_indices().rfind(|(_, letter)| letter.is_whitespace()).map(|(at, _)| half + at);
    after("\n\n").or_else(|| after("\n")).or_else(sentence).or_else(word).unwrap_or(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, length: usize) -> Vec<&str> {
        pieces(text, length).map(|piece| piece.text).collect()
    }

    #[test]
    fn a_piece_ends_where_something_ends() {
        assert_eq!(texts("the first\n\nb\nc, d", 14), ["the first", "b\nc, d"]);
        assert_eq!(texts("one\n\ntwo three four five", 12), ["one\n\ntwo", "three four", "five"]);
        assert_eq!(texts("It is. It was so long ago", 12), ["It is. It", "was so long", "ago"]);
        assert_eq!(texts("a line\nand another", 11), ["a line", "and another"]);
        assert_eq!(texts("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(texts("  \n ", 3), [""; 0]);
    }

    #[test]
    fn no_piece_ends_inside_a_character() {
        assert_eq!(texts("🦀🦀🦀", 5), ["🦀"; 3]);
    }
}
