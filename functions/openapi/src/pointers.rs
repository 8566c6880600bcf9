//! JSON Pointers.

use serde_json::Value;

/// `path` and one more part.
pub(crate) fn join(path: &str, part: &str) -> String {
    format!("{path}/{}", part.replace('~', "~0").replace('/', "~1"))
}

/// How often a reference may lead to another one.
const LONGEST_CHAIN: usize = 16;

/// The value at a place, or where a `$ref` within the document leads. `None` if it leads out of it, nowhere, or in a circle.
pub(crate) fn followed<'a>(root: &'a Value, mut value: &'a Value) -> Option<&'a Value> {
    for _ in 0..LONGEST_CHAIN {
        match reference(value) {
            None => return Some(value),
            Some(reference) => value = at(root, reference)?,
        }
    }
    None
}

/// The text of a `$ref`.
pub(crate) fn reference(value: &Value) -> Option<&str> {
    value.as_object()?.get("$ref")?.as_str()
}

/// What a reference within the document leads to: `#/components/schemas/Day`. A part may be percent-encoded.
pub(crate) fn at<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix('#')?;
    root.pointer(pointer).or_else(|| root.pointer(&decoded(pointer)?))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = vec![];
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_reference_is_followed_and_a_circle_is_not() {
        let root = json!({"a": {"$ref": "#/b"}, "b": 1, "c": {"$ref": "#/d"}, "d": {"$ref": "#/c"}, "e f": 2,
            "out": {"$ref": "other.yaml#/a"}, "g": {"$ref": "#/e%20f"}});
        assert_eq!(followed(&root, &root["a"]), Some(&json!(1)));
        assert_eq!(followed(&root, &root["g"]), Some(&json!(2)));
        assert_eq!((followed(&root, &root["c"]), followed(&root, &root["out"])), (None, None));
    }

    #[test]
    fn a_part_is_escaped() {
        assert_eq!(join("/paths", "/a~b"), "/paths/~1a~0b");
    }
}
