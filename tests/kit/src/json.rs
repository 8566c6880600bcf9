//! JSON texts that tests need: long, deep, odd.

/// `text` as a JSON string.
pub fn quote(text: &str) -> String {
    serde_json::to_string(text).expect("BUG: every text has a JSON spelling")
}

/// A text of exactly `bytes` bytes that does not compress to nothing: words made of a counter.
pub fn text(bytes: usize) -> String {
    noise(bytes, 0)
}

/// The same, another one for each `seed`.
pub fn noise(bytes: usize, seed: u64) -> String {
    const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .";
    let mut random = fastrand::Rng::with_seed(seed);
    let letters = (0..bytes).map(|_| LETTERS[random.usize(..64)]);
    String::from_utf8(letters.collect()).expect("BUG: the letters are ASCII")
}

/// `depth` arrays and objects alternately around `inner`.
pub fn nest(inner: &str, depth: usize) -> String {
    let (open, close): (Vec<_>, Vec<_>) =
        (0..depth).map(|level| if level % 2 == 0 { ("[", "]") } else { (r#"{"k":"#, "}") }).unzip();
    format!("{}{inner}{}", open.concat(), close.into_iter().rev().collect::<String>())
}

/// Arrays that are JSON text in each other, `depth` strings deep around a string. Each backslash is spelt as `\u005c`: as
/// encoders spell it, the marks alone would take 2^`depth` bytes.
pub fn nest_texts(inner: &str, depth: usize) -> String {
    let respelt = |text: String| text.replace('\\', "\\u005c").replace('"', "\\u0022");
    (0..depth).fold(format!("[\"{inner}\"]"), |text, _| format!("[\"{}\"]", respelt(text)))
}
