//! Compressed bodies: read up to a limit of what they become, since a few bytes may become gigabytes.

use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;

/// What servers are told, as `Accept-Encoding`.
pub(crate) const ACCEPTED: &str = "gzip, br";
/// Bytes that are decompressed at once.
const BUFFER: usize = 16 << 10;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Brotli,
}

impl Compression {
    /// By `Content-Encoding`. `None` if it was not asked for.
    pub(crate) fn named(encoding: &str) -> Option<Self> {
        match encoding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "br" => Some(Self::Brotli),
            _ => None,
        }
    }

    /// The body in its full length, or nothing if that is more than `limit` bytes.
    pub(crate) fn inflated(self, compressed: &[u8], limit: usize) -> io::Result<Option<Bytes>> {
        match self {
            Self::Gzip => read(MultiGzDecoder::new(compressed), limit),
            Self::Brotli => read(Decompressor::new(compressed, BUFFER), limit),
        }
    }
}

fn read(decompressed: impl Read, limit: usize) -> io::Result<Option<Bytes>> {
    let mut body = vec![];
    decompressed.take(limit as u64 + 1).read_to_end(&mut body)?;
    Ok((body.len() <= limit).then(|| body.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::GzEncoder;
    use std::io::Write;

    /// A hundred times `a`, by Node's zlib.
    const BROTLI: &[u8] = &[27, 99, 0, 248, 37, 194, 2, 177, 64, 160, 3];

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(vec![], flate2::Compression::fast());
        encoder.write_all(bytes).expect("written");
        encoder.finish().expect("compressed")
    }

    #[test]
    fn a_body_may_become_as_long_as_allowed() {
        for (compression, body) in [(Compression::Gzip, gzip(&[b'a'; 100])), (Compression::Brotli, BROTLI.to_vec())] {
            let inflated = |limit| compression.inflated(&body, limit).expect("a body");
            assert_eq!((inflated(100), inflated(99)), (Some(Bytes::from(vec![b'a'; 100])), None), "{compression:?}");
        }
    }

    #[test]
    fn gzip_may_come_in_members() {
        let body = gzip(&[b'a'; 100]).repeat(2);
        assert_eq!(Compression::Gzip.inflated(&body, 200).expect("gzip").map(|body| body.len()), Some(200));
    }

    #[test]
    fn what_is_cut_or_not_compressed_is_an_error() {
        for (compression, body) in [(Compression::Gzip, gzip(b"text")), (Compression::Brotli, BROTLI.to_vec())] {
            assert!(compression.inflated(&body[..body.len() - 1], 100).is_err(), "{compression:?}");
            assert!(compression.inflated(b"text", 100).is_err(), "{compression:?}");
        }
    }
}
