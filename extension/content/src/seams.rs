//! Searching what comes in pieces: a needle may lie across two of them, or more.

/// What lies around the seams between pieces: as much as a needle across one may take on either side.
#[derive(Debug)]
pub(crate) struct Seams {
    width: usize,
    /// The last `width` bytes so far.
    tail: Vec<u8>,
}

impl Seams {
    /// Seams for needles of up to so many bytes.
    pub(crate) fn for_needles_of(longest: usize) -> Self {
        let width = longest.saturating_sub(1);
        Self { width, tail: Vec::with_capacity(2 * width) }
    }

    /// Whether the piece, or what lies across its beginning, matches.
    pub(crate) fn search(&mut self, piece: &[u8], matches: impl Fn(&[u8]) -> bool) -> bool {
        let around = self.width.min(piece.len());
        let has_seam = !self.tail.is_empty();
        self.tail.extend_from_slice(&piece[..around]);
        let found = matches(piece) || has_seam && matches(&self.tail);
        if piece.len() > self.width {
            self.tail.clear();
            self.tail.extend_from_slice(&piece[piece.len() - self.width..]);
        } else {
            self.tail.drain(..self.tail.len().saturating_sub(self.width));
        }
        found
    }
}
