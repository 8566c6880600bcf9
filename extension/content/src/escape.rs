//! Escaping: how text is spelt inside of JSON strings, at any depth.

/// How RFC 8259 requires a byte to be escaped, if it does.
#[derive(Clone, Copy)]
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

/// Up to this depth, text is escaped as encoders do it, by doubling backslashes; at this depth a quotation mark takes 4 MB.
/// Only text that a person has spelt by hand is deeper. What is put there is spelt in the same way: `\\u005c` for each
/// backslash, which takes five bytes for each string.
const DOUBLING: u32 = 22;

/// Bytes that are examined together. Their number fits into a byte.
const BLOCK: usize = 64;

/// What a byte that must be escaped becomes. Only this type defines it: [`write`] writes it, [`Census::len`] and [`widest`]
/// count it.
struct Spelled {
    backslashes: usize,
    /// How often `u005c` follows them.
    numbers: usize,
    end: [u8; 5],
    end_len: usize,
}

impl Spelled {
    /// A byte inside of `depth` strings, which is at least one.
    fn of(byte: u8, depth: u32) -> Self {
        if depth > DOUBLING {
            // Once escaped, only the one backslash is left to escape.
            return Self { backslashes: 1, numbers: depth as usize - 1, end: hex(byte), end_len: 5 };
        }
        // Once escaped, only backslashes and quotation marks are left to escape, and every further string doubles the backslashes.
        let doubled = 1 << (depth - 1);
        match ESCAPES[usize::from(byte)] {
            Escape::No | Escape::Itself => {
                Self { backslashes: 2 * doubled - 1, numbers: 0, end: [byte, 0, 0, 0, 0], end_len: 1 }
            }
            Escape::Letter(letter) => Self { backslashes: doubled, numbers: 0, end: [letter, 0, 0, 0, 0], end_len: 1 },
            Escape::Hex => Self { backslashes: doubled, numbers: 0, end: hex(byte), end_len: 5 },
        }
    }

    fn len(&self) -> u64 {
        (self.backslashes + self.numbers * BACKSLASH.len() + self.end_len) as u64
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.resize(out.len() + self.backslashes, b'\\');
        (0..self.numbers).for_each(|_| out.extend_from_slice(BACKSLASH));
        out.extend_from_slice(&self.end[..self.end_len]);
    }
}

/// A backslash by its number, which follows another backslash.
const BACKSLASH: &[u8] = b"u005c";

/// A byte by its number, which follows a backslash.
fn hex(byte: u8) -> [u8; 5] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [b'u', b'0', b'0', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Bytes that [`write`] writes at most for one byte of a text.
pub(crate) fn widest(depth: u32) -> u64 {
    if depth == 0 { 1 } else { CLASSES.map(|byte| Spelled::of(byte, depth).len()).into_iter().fold(1, u64::max) }
}

/// A byte of each class that is escaped: by itself, by a letter, by its number.
const CLASSES: [u8; 3] = [b'"', b'\n', 0];

/// How many bytes of a text are escaped in which way. It is enough to compute the text's length at any depth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Census {
    plain: u64,
    /// As in [`CLASSES`].
    escaped: [u64; 3],
}

impl Census {
    pub(crate) fn of(text: &[u8]) -> Self {
        let blocks = text.chunks(BLOCK).filter(|block| !is_plain(block));
        let escaped = blocks.fold([0; 3], |[itself, letter, hex], block| {
            let letters = count(block, |byte| matches!(byte, 0x08..=0x0a | 0x0c | 0x0d));
            let controls = count(block, |byte| byte < 0x20);
            [itself + count(block, |byte| matches!(byte, b'"' | b'\\')), letter + letters, hex + controls - letters]
        });
        Self { plain: text.len() as u64 - escaped.iter().sum::<u64>(), escaped }
    }

    /// Whether nothing is escaped, however deep the text is.
    pub(crate) fn is_plain(&self) -> bool {
        self.escaped == [0; 3]
    }

    /// The census of a text of which only the length matters: it is never escaped.
    pub(crate) fn of_plain(len: usize) -> Self {
        Self { plain: len as u64, ..Self::default() }
    }

    /// Bytes that [`write`] writes. Saturates.
    pub(crate) fn len(&self, depth: u32) -> u64 {
        let each = |byte| if depth == 0 { 1 } else { Spelled::of(byte, depth).len() };
        let escaped = CLASSES.iter().zip(self.escaped).map(|(&byte, count)| each(byte).saturating_mul(count));
        escaped.fold(self.plain, u64::saturating_add)
    }

    /// The census of both texts.
    pub(crate) fn with(self, other: &Self) -> Self {
        let escaped = std::array::from_fn(|class| self.escaped[class] + other.escaped[class]);
        Self { plain: self.plain + other.plain, escaped }
    }

    /// The census of what is left of a text without a part of it.
    pub(crate) fn without(self, part: &Self) -> Self {
        let escaped = std::array::from_fn(|class| self.escaped[class] - part.escaped[class]);
        Self { plain: self.plain - part.plain, escaped }
    }
}

/// Appends `text` as it is spelt inside of a JSON string that is itself inside of `depth - 1` others: escaped `depth` times.
/// Only bytes for which RFC 8259 requires it are escaped.
pub(crate) fn write(out: &mut Vec<u8>, mut text: &[u8], depth: u32) {
    if depth == 0 {
        return out.extend_from_slice(text);
    }
    loop {
        let (plain, rest) = text.split_at(plain_len(text));
        out.extend_from_slice(plain);
        let Some((&byte, behind)) = rest.split_first() else { return };
        Spelled::of(byte, depth).write(out);
        text = behind;
    }
}

/// Whether a byte must be escaped.
fn must_escape(byte: u8) -> bool {
    matches!(byte, ..0x20 | b'"' | b'\\')
}

/// Bytes before the first that must be escaped.
fn plain_len(text: &[u8]) -> usize {
    let plain: usize = text.chunks(BLOCK).take_while(|block| is_plain(block)).map(<[u8]>::len).sum();
    plain + text[plain..].iter().position(|&byte| must_escape(byte)).unwrap_or(0)
}

/// Whether no byte of a block must be escaped. It examines all bytes, which is faster than stopping at the first.
fn is_plain(block: &[u8]) -> bool {
    !block.iter().fold(false, |found, &byte| found | must_escape(byte))
}

/// How many bytes of a block are of a kind.
fn count(block: &[u8], is: impl Fn(u8) -> bool) -> u64 {
    u64::from(block.iter().map(|&byte| u8::from(is(byte))).sum::<u8>())
}

/// A text, and how many times it is escaped.
pub(crate) type Part<'a> = (&'a [u8], u32);

/// What a text becomes as a JSON string inside of `depth` others: quotation marks, and the text escaped once more.
pub(crate) fn string(text: &[u8], depth: u32) -> [Part<'_>; 3] {
    [(b"\"", depth), (text, depth + 1), (b"\"", depth)]
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
            prop_assert_eq!(out.len() as u64, Census::of(text.as_bytes()).len(depth));
            prop_assert!(out.len() as u64 <= widest(depth) * text.len() as u64);
            if depth == 1 {
                prop_assert_eq!(decoded(&format!("\"{quoted}\"")), text.as_bytes());
            }
        }

        #[test]
        fn deep_text_is_escaped_as_deep_as_it_stands(text in text(), depth in DOUBLING + 1..40) {
            let mut out = Vec::new();
            write(&mut out, text.as_bytes(), depth);
            prop_assert_eq!(out.len() as u64, Census::of(text.as_bytes()).len(depth));
            prop_assert!(out.len() as u64 <= widest(depth) * text.len() as u64);
            let said = (0..depth).fold(out, |spelt, _| decoded(&format!("\"{}\"", String::from_utf8(spelt).unwrap())));
            prop_assert_eq!(said, text.as_bytes());
        }
    }
}
