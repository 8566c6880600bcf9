//! Escaping: text as it stands inside of JSON strings, as deep as it may stand there.

/// How RFC 8259 requires a byte to be escaped, if it does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    No,
    /// By a backslash before it: a quotation mark, or a backslash.
    Itself,
    /// By a backslash and this letter.
    Letter(u8),
    /// As `\\u00XX`.
    Hex,
}

/// By byte.
const ESCAPES: [Escape; 256] = {
    let mut escapes = [Escape::No; 256];
    let mut control = 0;
    while control < 0x20 {
        escapes[control] = Escape::Hex;
        control += 1;
    }
    escapes[b'"' as usize] = Escape::Itself;
    escapes[b'\\' as usize] = Escape::Itself;
    escapes[0x08] = Escape::Letter(b'b');
    escapes[0x0c] = Escape::Letter(b'f');
    escapes[b'\n' as usize] = Escape::Letter(b'n');
    escapes[b'\r' as usize] = Escape::Letter(b'r');
    escapes[b'\t' as usize] = Escape::Letter(b't');
    escapes
};

/// How many strings deep text is escaped as encoders do it, doubling backslashes: a quotation mark takes 4 MB there. Deeper
/// leads only text spelt by hand, and what is put into that is spelt so too: `\\u005c` for each backslash, five bytes a string.
const DOUBLING: u32 = 22;

/// Bytes that are looked at together; their count fits a byte.
const BLOCK: usize = 64;

/// Bytes that [`write`] writes at most of a text of `len` bytes. Saturates.
pub(crate) fn most(len: usize, depth: u32) -> u64 {
    let of_one = match depth {
        0 => 1,
        1..=DOUBLING => {
            let backslashes = 1_u64 << (depth - 1);
            (2 * backslashes).max(backslashes + 5)
        }
        _ => 5 * u64::from(depth) + 1,
    };
    of_one.saturating_mul(len as u64)
}

/// Bytes that [`write`] writes. Saturates.
pub(crate) fn len(text: &[u8], depth: u32) -> u64 {
    if depth == 0 {
        return text.len() as u64;
    }
    let itself = count(text, |byte| matches!(byte, b'"' | b'\\'));
    let letter = count(text, |byte| matches!(byte, 0x08..=0x0a | 0x0c | 0x0d));
    let hex = count(text, |byte| byte < 0x20) - letter;
    let plain = text.len() as u64 - itself - letter - hex;
    if depth > DOUBLING {
        return (itself + letter + hex).saturating_mul(5 * u64::from(depth) + 1).saturating_add(plain);
    }
    let backslashes = 1_u64 << (depth - 1);
    [
        (itself, backslashes.saturating_mul(2)),
        (letter, backslashes.saturating_add(1)),
        (hex, backslashes.saturating_add(5)),
    ]
    .into_iter()
    .fold(plain, |len, (count, each)| len.saturating_add(each.saturating_mul(count)))
}

/// Appends `text` as it stands inside of a JSON string that is itself inside of `depth - 1` others: escaped that many times,
/// and nothing that RFC 8259 does not require to be.
pub(crate) fn write(out: &mut Vec<u8>, mut text: &[u8], depth: u32) {
    if depth == 0 {
        return out.extend_from_slice(text);
    }
    let escape_byte = if depth > DOUBLING { escape_by_number } else { escape_doubling };
    loop {
        let (plain, rest) = text.split_at(plain_len(text));
        out.extend_from_slice(plain);
        let Some((&byte, behind)) = rest.split_first() else { return };
        escape_byte(out, byte, depth);
        text = behind;
    }
}

/// Whether a byte must be escaped.
fn must_escape(byte: u8) -> bool {
    matches!(byte, ..0x20 | b'"' | b'\\')
}

/// Bytes before the first that must be escaped.
fn plain_len(text: &[u8]) -> usize {
    let is_plain = |block: &&[u8]| !block.iter().fold(false, |found, &byte| found | must_escape(byte));
    let plain: usize = text.chunks(BLOCK).take_while(is_plain).map(<[u8]>::len).sum();
    plain + text[plain..].iter().position(|&byte| must_escape(byte)).unwrap_or(0)
}

/// How many bytes are of a kind.
fn count(text: &[u8], is: impl Fn(u8) -> bool) -> u64 {
    let in_block = |block: &[u8]| block.iter().map(|&byte| u8::from(is(byte))).sum::<u8>();
    text.chunks(BLOCK).map(|block| u64::from(in_block(block))).sum()
}

/// Once escaped, only backslashes and quotation marks are left to escape, and every further string doubles the backslashes.
fn escape_doubling(out: &mut Vec<u8>, byte: u8, depth: u32) {
    let escaped = ESCAPES[usize::from(byte)];
    let backslashes = 1_usize << (depth - 1);
    let count = if escaped == Escape::Itself { 2 * backslashes - 1 } else { backslashes };
    out.resize(out.len() + count, b'\\');
    match escaped {
        Escape::No | Escape::Itself => out.push(byte),
        Escape::Letter(letter) => out.push(letter),
        Escape::Hex => out.extend_from_slice(format!("u{byte:04x}").as_bytes()),
    }
}

/// Once escaped, only the one backslash is left to escape.
fn escape_by_number(out: &mut Vec<u8>, byte: u8, depth: u32) {
    out.push(b'\\');
    (1..depth).for_each(|_| out.extend_from_slice(b"u005c"));
    out.extend_from_slice(format!("u{byte:04x}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{StringToken, decode};
    use proptest::prelude::*;

    fn decoded(text: &str) -> Vec<u8> {
        let token = StringToken::at(text.as_bytes(), 0).expect("a string");
        decode(text.as_bytes(), &token).into_owned()
    }

    /// Any text, and long plain stretches.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![any::<String>(), "[a-z]{50,200}", Just("\"\\\n\u{1}\u{7f}".to_owned())];
        proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn text_is_escaped_as_serde_does_it_and_decode_reads_it(text in text(), depth in 0_u32..4) {
            let mut out = Vec::new();
            write(&mut out, text.as_bytes(), depth);
            let quoted = (0..depth).fold(text.clone(), |text, _| {
                let quoted = serde_json::to_string(&text).unwrap();
                quoted[1..quoted.len() - 1].to_owned()
            });
            prop_assert_eq!(std::str::from_utf8(&out), Ok(quoted.as_str()));
            prop_assert_eq!(out.len() as u64, len(text.as_bytes(), depth));
            prop_assert!(out.len() as u64 <= most(text.len(), depth));
            if depth == 1 {
                prop_assert_eq!(decoded(&format!("\"{quoted}\"")), text.as_bytes());
            }
        }

        #[test]
        fn deep_text_is_escaped_as_deep_as_it_stands(text in text(), depth in DOUBLING + 1..40) {
            let mut out = Vec::new();
            write(&mut out, text.as_bytes(), depth);
            prop_assert_eq!(out.len() as u64, len(text.as_bytes(), depth));
            prop_assert!(out.len() as u64 <= most(text.len(), depth));
            let said = (0..depth).fold(out, |spelt, _| decoded(&format!("\"{}\"", String::from_utf8(spelt).unwrap())));
            prop_assert_eq!(said, text.as_bytes());
        }
    }
}
