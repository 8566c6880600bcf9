//! Compressed bodies: read up to a limit of what they become, since a few bytes may become gigabytes.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

/// The body in its full length, or nothing if that is more than `limit` bytes.
pub(crate) fn inflated(compressed: &[u8], limit: usize) -> io::Result<Option<Bytes>> {
    let mut body = vec![];
    MultiGzDecoder::new(compressed).take(limit as u64 + 1).read_to_end(&mut body)?;
    Ok((body.len() <= limit).then(|| body.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(vec![], Compression::fast());
        encoder.write_all(bytes).expect("written");
        encoder.finish().expect("compressed")
    }

    #[test]
    fn a_body_may_become_as_long_as_allowed() {
        let body = gzip(&[b'a'; 100]);
        assert_eq!(inflated(&body, 100).expect("gzip"), Some(Bytes::from(vec![b'a'; 100])));
        assert_eq!(inflated(&body, 99).expect("gzip"), None);
        assert_eq!(inflated(&[body.clone(), body].concat(), 200).expect("gzip").map(|body| body.len()), Some(200));
    }

    #[test]
    fn what_is_cut_or_no_gzip_is_an_error() {
        let body = gzip(b"text");
        assert!(inflated(&body[..body.len() - 1], 100).is_err());
        assert!(inflated(b"text", 100).is_err());
    }
}
