//! Values for readers who have no layer: what reads like a reference is spelt so that it reads like none.

use bytes::Bytes;
use long_content::markers::break_all;
use serde_json::Value;

/// The value with a space in each marker (`@ content:`), also inside JSON text in its strings. The layer would otherwise store such a
/// string and pass a reference on, in place of text.
pub fn unmarked(value: &Value) -> Value {
    match break_all(&Bytes::from(value.to_string()), &[]) {
        (_, 0) => value.clone(),
        (broken, _) => serde_json::from_slice(&broken).expect("BUG: a space inside of a string leaves a document"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_reads_like_a_reference_is_changed() {
        let nested = r#"["\u0040content:1:x", "a"]"#;
        let value = json!({"a": "@content:1:dynamodb", "b": ["as in @content:1", 7], "c": nested, "@content:": null});
        let spelt = unmarked(&value);
        assert_eq!(spelt["a"], "@ content:1:dynamodb");
        assert_eq!(spelt["b"], value["b"]);
        assert_ne!(spelt["c"], value["c"]);
        assert!(crate::refuse_references("", &spelt["c"]).is_ok());
        assert_eq!(spelt["@content:"], Value::Null);
    }
}
