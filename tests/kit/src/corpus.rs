//! What fuzzers found worth keeping: `fuzz/inputs` packs it, an input a line.

use std::path::Path;

/// Every input of a fuzz target.
///
/// # Panics
/// When there are fewer than `at_least`, or a line is not what `fuzz/inputs` writes.
pub fn inputs(target: &str, at_least: usize) -> Vec<Vec<u8>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target).with_extension("txt");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let inputs: Vec<_> = text.lines().map(|line| unescaped(line).expect(line)).collect();
    assert!(inputs.len() >= at_least, "{} has {} inputs only", file.display(), inputs.len());
    inputs
}

/// The bytes that a line describes, escaped as [`u8::escape_ascii`] does it.
fn unescaped(line: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::with_capacity(line.len()), line);
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let (byte, length) = match escape.bytes().next()? {
            b't' => (b'\t', 1),
            b'r' => (b'\r', 1),
            b'n' => (b'\n', 1),
            b'x' => (u8::from_str_radix(escape.get(1..3)?, 16).ok()?, 3),
            quoted @ (b'"' | b'\'' | b'\\') => (quoted, 1),
            _ => return None,
        };
        bytes.push(byte);
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unescaped(&bytes.escape_ascii().to_string()), Some(bytes));
        assert_eq!((unescaped(r"\q"), unescaped(r"\x1"), unescaped("\\")), (None, None, None));
    }

    #[test]
    fn every_target_has_its_inputs() {
        let targets =
            ["event_path", "hydrate", "offload", "reference", "scan", "sizes", "wire_requests", "wire_responses"];
        for target in targets {
            let found = inputs(target, 5);
            assert!(found.windows(2).all(|pair| (pair[0].len(), &pair[0]) < (pair[1].len(), &pair[1])), "{target}");
        }
    }
}
