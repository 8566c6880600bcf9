//! Checksums, in the form that `sha256sum --check` reads.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// In lower-case hexadecimal digits.
pub(crate) fn sha256(content: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(content))
}

/// One line per file.
pub(crate) fn sums<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    files.fold(String::new(), |sums, (name, content)| sums + &sha256(content) + "  " + name + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_sum_and_a_name() {
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sums([("a.zip", b"abc".as_slice())].into_iter()), format!("{sum}  a.zip\n"));
    }
}
