//! Searches a text that arrives in pieces. What it searches for (the needle) may lie across two or more of them.

/// Bytes that a needle may take on either side of a seam.
const WIDEST: usize = 31;

/// The bytes around the seams between pieces: as many as a needle across a seam may have on either side.
#[derive(Debug)]
pub(crate) struct Seams {
    width: usize,
    /// The last bytes so far, up to `width`, with room for as many of the next bytes.
    around: [u8; 2 * WIDEST],
    len: usize,
}

impl Seams {
    /// Seams for needles of up to so many bytes, 32 at most.
    pub(crate) fn for_needles_of(longest: usize) -> Self {
        let width = longest.saturating_sub(1);
        assert!(width <= WIDEST, "BUG: a needle of {longest} bytes");
        Self { width, around: [0; 2 * WIDEST], len: 0 }
    }

    /// Whether the piece, or what lies across its beginning, matches.
    pub(crate) fn search(&mut self, piece: &[u8], mut matches: impl FnMut(&[u8]) -> bool) -> bool {
        let begun = self.width.min(piece.len());
        let end = self.len + begun;
        self.around[self.len..end].copy_from_slice(&piece[..begun]);
        let found = matches(piece) || self.len > 0 && matches(&self.around[..end]);
        if piece.len() > self.width {
            self.len = self.width;
            self.around[..self.width].copy_from_slice(&piece[piece.len() - self.width..]);
        } else {
            let kept = end.saturating_sub(self.width);
            self.around.copy_within(kept..end, 0);
            self.len = end - kept;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_needle_is_found_however_a_text_is_cut(text in "[ab]{0,40}", needle in "[ab]{1,8}", len in 1_usize..12) {
            let holds = |text: &[u8]| text.windows(needle.len()).any(|window| window == needle.as_bytes());
            let mut seams = Seams::for_needles_of(needle.len());
            let found = text.as_bytes().chunks(len).any(|piece| seams.search(piece, holds));
            prop_assert_eq!(found, holds(text.as_bytes()));
        }
    }
}
