//! How a content's bytes are stored: compressed if that saves write units, which are nearly all of the price, and unchanged
//! otherwise (images in base64 do not get shorter).

use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use zstd::bulk::{Compressor, Decompressor};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

/// The level of zstd. It compresses 0.4 GB/s, and reaches most of the compression of higher levels. That matters because a
/// sandbox may have a twelfth of a core. `.cargo/config.toml` leaves out the strategies that only higher levels use.
const LEVEL: i32 = 1;

/// The form of the stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Zstd,
}

impl Encoding {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Zstd => "zstd",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Identity, Self::Zstd].into_iter().find(|encoding| encoding.as_str() == text)
    }
}

/// A content as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encoded {
    pub(super) encoding: Encoding,
    pub(super) bytes: Bytes,
}

/// A compressor. It keeps its contexts, because making one costs more than compressing a short content.
#[derive(Default)]
pub(super) struct Encoder {
    spare: Mutex<Vec<Compressor<'static>>>,
}

impl Encoder {
    /// The cheaper form of `content`. `units` computes what a stored form costs.
    pub(super) fn encode(&self, content: &Bytes, units: impl Fn(Encoding, usize) -> u64) -> Encoded {
        let plain = units(Encoding::Identity, content.len());
        let compressed = (plain > 1).then(|| self.compress(content)).flatten();
        match compressed.filter(|bytes| units(Encoding::Zstd, bytes.len()) < plain) {
            Some(bytes) => Encoded { encoding: Encoding::Zstd, bytes },
            None => Encoded { encoding: Encoding::Identity, bytes: content.clone() },
        }
    }

    /// The compressed form, if it is shorter. The buffer is no longer than the content, so compression stops as soon as it
    /// is clear that the content does not get shorter.
    fn compress(&self, content: &[u8]) -> Option<Bytes> {
        let mut compressor = self.take()?;
        let mut buffer = Vec::with_capacity(content.len());
        let written = compressor.compress_to_buffer(content, &mut buffer);
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(compressor);
        written.ok()?;
        buffer.shrink_to_fit();
        Some(buffer.into())
    }

    fn take(&self) -> Option<Compressor<'static>> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.or_else(|| Compressor::new(LEVEL).ok())
    }
}

/// Whether the stored form of a content has more than `most` bytes, give or take a few. It compresses only as much as it
/// needs to decide this.
pub(super) fn is_longer(content: &[u8], most: u64) -> bool {
    if content.len() as u64 <= most {
        return false;
    }
    let mut buffer = Vec::with_capacity(most as usize);
    let compressed =
        Compressor::new(LEVEL).and_then(|mut compressor| compressor.compress_to_buffer(content, &mut buffer));
    compressed.is_err()
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Encoder")
    }
}

/// Decodes the content of `size` bytes from its stored form; `None` if the result has another size. It never allocates more
/// than `size`, whatever size the stored form claims.
pub(super) fn decode(encoded: Encoded, size: usize) -> Option<Bytes> {
    let bytes = match encoded.encoding {
        Encoding::Identity => encoded.bytes,
        Encoding::Zstd => Decompressor::new().ok()?.decompress(&encoded.bytes, size).ok()?.into(),
    };
    (bytes.len() == size).then_some(bytes)
}

/// The same for a stored form in parts, each of which is freed as soon as it is decoded.
pub(super) fn decode_parts(encoding: Encoding, mut parts: Vec<Bytes>, size: usize) -> Option<Bytes> {
    if parts.len() == 1 {
        return decode(Encoded { encoding, bytes: parts.pop()? }, size);
    }
    match encoding {
        Encoding::Identity => {
            let mut content = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
            for part in parts {
                content.extend_from_slice(&part);
            }
            Some(content.freeze())
        }
        Encoding::Zstd => decompress(parts, size),
    }
    .filter(|content| content.len() == size)
}

fn decompress(parts: Vec<Bytes>, size: usize) -> Option<Bytes> {
    let mut decoder = Decoder::new().ok()?;
    let (mut content, mut len) = (Vec::with_capacity(size), 0);
    let mut is_whole = false;
    // Behind the last part, what the decoder still has.
    for part in parts.into_iter().chain([Bytes::new()]) {
        let mut input = InBuffer::around(&part);
        loop {
            let before = (input.pos(), len);
            let mut output = OutBuffer::around_pos(&mut content, len);
            is_whole = decoder.run(&mut input, &mut output).ok()? == 0 || is_whole && part.is_empty();
            len = output.pos();
            if (input.pos(), len) == before || input.pos() == part.len() {
                break;
            }
        }
        if input.pos() < part.len() {
            return None;
        }
    }
    is_whole.then(|| content.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The units that an item would cost if it consisted of its content only.
    fn units(_: Encoding, len: usize) -> u64 {
        (len as u64).div_ceil(1024).max(1)
    }

    proptest! {
        #[test]
        fn decoding_gives_back_what_was_encoded(piece in proptest::collection::vec(any::<u8>(), 0..3000), times in 0_usize..20) {
            let content = Bytes::from(piece.repeat(times));
            let encoded = Encoder::default().encode(&content, units);
            prop_assert!(units(encoded.encoding, encoded.bytes.len()) <= units(Encoding::Identity, content.len()));
            prop_assert_eq!(decode(encoded, content.len()), Some(content));
        }

        #[test]
        fn any_stored_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), size in 0_usize..400) {
            for encoding in [Encoding::Identity, Encoding::Zstd] {
                let decoded = decode(Encoded { encoding, bytes: bytes.clone().into() }, size);
                prop_assert!(decoded.is_none_or(|content| content.len() == size));
            }
        }
    }

    proptest! {
        #[test]
        fn whether_a_stored_form_is_longer_is_told_within_a_few_bytes(
            piece in proptest::collection::vec(any::<u8>(), 0..3000),
            times in 0_usize..200,
            most in 0_u64..20_000,
        ) {
            /// The bytes that the compressor needs to have left in its buffer.
            const LEFT: u64 = 32;
            let content = Bytes::from(piece.repeat(times));
            let stored = Encoder::default().encode(&content, |_, len| len as u64).bytes.len() as u64;
            if is_longer(&content, most) {
                prop_assert!(stored + LEFT > most, "{} {}", stored, most);
            } else {
                prop_assert!(stored <= most, "{} {}", stored, most);
            }
        }
    }

    /// Cuts a stored form into parts, wherever that is; it must decode to the same content.
    fn in_parts(encoded: &Encoded, len: usize) -> Vec<Bytes> {
        let starts = (0..encoded.bytes.len()).step_by(len.max(1));
        starts.map(|start| encoded.bytes.slice(start..encoded.bytes.len().min(start + len.max(1)))).collect()
    }

    proptest! {
        #[test]
        fn parts_are_decoded_as_the_whole_is(
            piece in proptest::collection::vec(any::<u8>(), 1..3000),
            times in 1_usize..200,
            len in 1_usize..9000,
            cut in 0_usize..40,
        ) {
            let content = Bytes::from(piece.repeat(times));
            let encoded = Encoder::default().encode(&content, units);
            let parts = in_parts(&encoded, len);
            prop_assert_eq!(decode_parts(encoded.encoding, parts, content.len()), decode(encoded.clone(), content.len()));
            let short = Encoded { bytes: encoded.bytes.slice(..encoded.bytes.len().saturating_sub(cut + 1)), ..encoded };
            prop_assert_eq!(decode_parts(short.encoding, in_parts(&short, len), content.len()), None);
        }
    }

    #[test]
    fn only_a_saved_unit_is_worth_compressing() {
        let encoder = Encoder::default();
        let short = Bytes::from(vec![b'a'; 1024]);
        assert_eq!(encoder.encode(&short, units).encoding, Encoding::Identity);
        let long = Bytes::from(vec![b'a'; 1025]);
        assert_eq!(encoder.encode(&long, units).encoding, Encoding::Zstd);
    }

    #[test]
    fn what_does_not_shrink_stays_the_very_same_bytes() {
        let mut random = fastrand::Rng::with_seed(1);
        let content: Bytes = (0..100_000).map(|_| random.u8(..)).collect();
        let encoded = Encoder::default().encode(&content, units);
        assert_eq!(encoded.encoding, Encoding::Identity);
        assert_eq!(encoded.bytes.as_ptr(), content.as_ptr());
    }

    #[test]
    fn a_bomb_is_refused_at_the_size_that_was_promised() {
        let bomb = zstd::bulk::compress(&vec![0; 50 << 20], 1).unwrap();
        assert!(bomb.len() < 10_000);
        let bomb = Encoded { encoding: Encoding::Zstd, bytes: bomb.into() };
        assert_eq!(decode_parts(Encoding::Zstd, in_parts(&bomb, 1000), 1000), None);
        assert_eq!(decode(bomb, 1000), None);
    }
}
