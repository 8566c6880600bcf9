//! JSON documents that several tests need, by their shape.

/// A JSON string with `text`, escaped as encoders do it.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// JSON text inside of JSON text, `depth` strings deep around a string: each backslash spelt as `\u005c`, which costs least.
pub(crate) fn by_hand(depth: usize, innermost: &str) -> String {
    by_hand_in(&vec![true; depth + 1], innermost)
}

/// The same, where each text is an array of one string or, where `arrays` says otherwise, that bare string.
pub(crate) fn by_hand_in(arrays: &[bool], innermost: &str) -> String {
    let deeper = |mark: &String| Some(mark.replacen('\\', "\\u005c", 1));
    let escaped = std::iter::successors(Some("\\u0022".to_owned()), deeper);
    let marks: Vec<_> = std::iter::once("\"".to_owned()).chain(escaped).take(arrays.len()).collect();
    let bracket = |is_array: &bool, bracket| if *is_array { bracket } else { "" };
    let open: String = marks.iter().zip(arrays).flat_map(|(mark, array)| [bracket(array, "["), mark]).collect();
    let close: String = marks.iter().zip(arrays).rev().flat_map(|(mark, array)| [mark, bracket(array, "]")]).collect();
    format!("{open}{innermost}{close}")
}

/// The same as encoders spell it.
pub(crate) fn encoded_in(arrays: &[bool], innermost: &str) -> String {
    let wrap = |text: String, is_array: &bool| if *is_array { format!("[{}]", quoted(&text)) } else { quoted(&text) };
    arrays.iter().rev().fold(innermost.to_owned(), wrap)
}

/// What is `depth` strings deep in such a document.
pub(crate) fn unwrapped(document: &str, depth: usize) -> String {
    let inside = |text: String| match serde_json::from_str(&text).unwrap() {
        serde_json::Value::Array(items) => items[0].as_str().unwrap().to_owned(),
        string => string.as_str().unwrap().to_owned(),
    };
    (0..=depth).fold(document.to_owned(), |text, _| inside(text))
}
