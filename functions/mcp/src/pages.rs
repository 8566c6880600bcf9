//! Parts of a long text, by offset and length in bytes, that end where a character ends.

/// Bytes of a page that nobody has asked otherwise for.
pub(crate) const USUAL_PAGE: usize = 16 << 10;
/// The most that one request returns, far below the 6 MB that Lambda returns.
pub(crate) const LONGEST_PAGE: usize = 1 << 20;

/// One part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page<'a> {
    pub(crate) text: &'a str,
    pub(crate) offset: usize,
    /// Of the whole text.
    pub(crate) bytes: usize,
}

impl<'a> Page<'a> {
    /// The page of `text` that begins at `offset`, or at the character around it, and has at most `length` bytes. At least one character
    /// is given where there is one, so that a reader who follows the pages reaches the end.
    pub(crate) fn of(text: &'a str, offset: usize, length: usize) -> Self {
        let offset = text.floor_char_boundary(offset);
        let end = text.floor_char_boundary(offset.saturating_add(length.min(LONGEST_PAGE)));
        let end = if end == offset { text.ceil_char_boundary(offset + 1) } else { end };
        Self { text: &text[offset..end], offset, bytes: text.len() }
    }

    /// Where the next page begins, if this is not the last.
    pub(crate) fn next(self) -> Option<usize> {
        let end = self.offset + self.text.len();
        (end < self.bytes).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_to_the_whole_text() {
        for text in ["", "a", "äöü🦀", &"word 🦀 ".repeat(1000)] {
            for length in [0, 1, 3, 7, 4096, usize::MAX] {
                let (mut joined, mut next) = (String::new(), Some(0));
                while let Some(offset) = next {
                    let page = Page::of(text, offset, length);
                    assert_eq!((page.offset, page.bytes), (offset, text.len()));
                    joined.push_str(page.text);
                    next = page.next();
                }
                assert_eq!(joined, text, "length {length}");
            }
        }
    }

    #[test]
    fn an_offset_inside_of_a_character_or_behind_the_end_is_a_page() {
        assert_eq!(Page::of("äö", 1, 2), Page { text: "ä", offset: 0, bytes: 4 });
        assert_eq!(Page::of("äö", 9, 2), Page { text: "", offset: 4, bytes: 4 });
        assert_eq!(Page::of("äö", usize::MAX, usize::MAX).next(), None);
    }
}
