//! JSON documents that several tests need, by their shape.
#![allow(dead_code, reason = "each test takes what it needs")]

/// A JSON string with `text`, escaped as encoders do it.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// JSON text inside of JSON text, `depth` strings deep around a string: each backslash spelt as `\u005c`, which costs least.
pub(crate) fn by_hand(depth: usize, innermost: &str) -> String {
    let deeper = |mark: &String| Some(mark.replacen('\\', "\\u005c", 1));
    let escaped = std::iter::successors(Some("\\u0022".to_owned()), deeper);
    let marks: Vec<_> = std::iter::once("\"".to_owned()).chain(escaped).take(depth + 1).collect();
    let open: String = marks.iter().flat_map(|mark| ["[", mark]).collect();
    let close: String = marks.iter().rev().flat_map(|mark| [mark, "]"]).collect();
    format!("{open}{innermost}{close}")
}

/// What stands `depth` strings deep in such a document.
pub(crate) fn unwrapped(document: &str, depth: usize) -> String {
    let inside = |text: String| -> [String; 1] { serde_json::from_str(&text).unwrap() };
    (0..=depth).fold(document.to_owned(), |text, _| inside(text).concat())
}
