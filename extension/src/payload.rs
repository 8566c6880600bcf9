//! Payloads in the pieces in which they arrived. Most are forwarded in these pieces, without a copy.

use bytes::{Bytes, BytesMut};

/// Pieces of fewer bytes are joined, because keeping track of such a piece costs more than copying it.
const SMALL: usize = 4 << 10;

/// The most bytes that are allocated in advance because a sender has announced them.
const MAX_EXPECTED: usize = 64 << 20;

/// A payload.
#[derive(Debug, Default)]
pub struct Payload {
    pieces: Vec<Bytes>,
    /// Bytes that were joined. They follow all pieces.
    joined: BytesMut,
    len: usize,
}

impl Payload {
    /// Takes the next piece.
    pub fn push(&mut self, piece: Bytes) {
        self.len += piece.len();
        if piece.len() < SMALL && !self.pieces.is_empty() {
            return self.joined.extend_from_slice(&piece);
        }
        self.close_joined();
        self.pieces.push(piece);
    }

    /// Takes the next piece of a payload that is needed in one piece; `expected` is how many bytes are still to come. The
    /// piece is copied while it is in the processor's cache, and its memory is free for the next one.
    pub fn join(&mut self, piece: Bytes, expected: u64) {
        if expected == 0 && self.is_empty() {
            return self.push(piece);
        }
        let expected = usize::try_from(expected).unwrap_or(MAX_EXPECTED).min(MAX_EXPECTED);
        if !self.pieces.is_empty() || self.joined.is_empty() {
            let mut joined = BytesMut::with_capacity(self.len + piece.len() + expected);
            self.close_joined();
            self.pieces.drain(..).for_each(|piece| joined.extend_from_slice(&piece));
            self.joined = joined;
        }
        self.joined.extend_from_slice(&piece);
        self.len += piece.len();
    }

    fn close_joined(&mut self) {
        if !self.joined.is_empty() {
            self.pieces.push(self.joined.split().freeze());
        }
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its bytes, piece by piece.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.pieces.iter().map(|piece| &piece[..]).chain([&self.joined[..]])
    }

    /// The payload in one piece. It is not copied if it arrived in one piece.
    pub fn whole(mut self) -> Bytes {
        self.close_joined();
        if self.pieces.len() <= 1 {
            return self.pieces.pop().unwrap_or_default();
        }
        let mut whole = Vec::with_capacity(self.len);
        for piece in self.pieces {
            whole.extend_from_slice(&piece);
        }
        whole.into()
    }
}

impl From<Bytes> for Payload {
    fn from(whole: Bytes) -> Self {
        Self { len: whole.len(), pieces: vec![whole], joined: BytesMut::new() }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(whole: Vec<u8>) -> Self {
        Bytes::from(whole).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(pieces: &[Vec<u8>]) -> Payload {
        let mut payload = Payload::default();
        for piece in pieces {
            payload.push(piece.clone().into());
        }
        payload
    }

    /// Joined from one piece on.
    fn of_joined(pieces: &[Vec<u8>], first: usize) -> Payload {
        let mut payload = of(&pieces[..first]);
        pieces[first..].iter().for_each(|piece| payload.join(piece.clone().into(), 1));
        payload
    }

    proptest! {
        #[test]
        fn pieces_make_up_the_whole(lens in proptest::collection::vec(prop_oneof![0_usize..9, SMALL - 2..SMALL + 2], 0..12)) {
            let pieces: Vec<_> = lens.iter().enumerate().map(|(nth, &len)| vec![nth as u8; len]).collect();
            prop_assert_eq!(of(&pieces).len(), pieces.concat().len());
            prop_assert_eq!(of(&pieces).whole(), pieces.concat());
            for first in 0..=pieces.len() {
                prop_assert_eq!(of_joined(&pieces, first).len(), pieces.concat().len());
                prop_assert_eq!(of_joined(&pieces, first).whole(), pieces.concat());
            }
            prop_assert_eq!(of(&pieces).parts().collect::<Vec<_>>().concat(), pieces.concat());
        }
    }

    #[test]
    fn what_is_joined_is_copied_once_and_no_word_is_taken_for_memory() {
        let mut payload = Payload::default();
        payload.join(Bytes::from_static(b"first"), 6);
        let place = payload.joined.as_ptr();
        payload.join(Bytes::from_static(b"second"), 0);
        assert_eq!(payload.whole().as_ptr(), place);
        payload = Payload::default();
        payload.join(Bytes::from_static(b"first"), u64::MAX);
        assert!(payload.joined.capacity() <= MAX_EXPECTED + 5);
    }

    #[test]
    fn one_piece_is_not_copied_and_small_ones_are_few() {
        let piece = Bytes::from(vec![7; 10]);
        let mut payload = Payload::default();
        payload.push(piece.clone());
        assert_eq!(payload.whole().as_ptr(), piece.as_ptr());
        let mut payload = of(&vec![vec![7]; 10_000]);
        payload.close_joined();
        assert_eq!(payload.pieces.len(), 2);
    }
}
