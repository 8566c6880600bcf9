//! Attribute values as `DynamoDB`'s JSON spells them: `{"S":"text"}`, `{"N":"12"}`, `{"B":"base64"}`.

use std::collections::HashMap;
use std::fmt;

use base64_simd::STANDARD;
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::json::object;

/// An item that was read.
pub(crate) type Attributes = HashMap<String, Attribute>;

/// The value of an attribute that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attribute {
    S(String),
    /// A number, in its digits.
    N(String),
    B(Bytes),
    /// Of another type, which no attribute of ours has.
    Other,
}

impl Attribute {
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::S(text) = self { Some(text) } else { None }
    }

    pub(crate) fn as_number(&self) -> Option<u64> {
        if let Self::N(digits) = self { digits.parse().ok() } else { None }
    }
}

/// The value of an attribute that is written. Bytes are shared, not copied, until a request is made of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    S(String),
    N(u64),
    B(Bytes),
}

impl Value {
    /// After `DynamoDB`'s rules: text and binary weigh their bytes; a number weighs one byte, and one for every two
    /// significant digits.
    pub(crate) fn stored_size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(0) => 1,
            Self::N(number) => 1 + number.to_string().trim_end_matches('0').len().div_ceil(2),
            Self::B(bytes) => bytes.len(),
        }
    }

    /// Writes the value as JSON.
    pub(crate) fn write(&self, json: &mut Vec<u8>) {
        object(json, |typed| match self {
            Self::S(text) => typed.text("S", text),
            Self::N(number) => typed.text("N", &number.to_string()),
            Self::B(bytes) => typed.value("B", |json| {
                json.push(b'"');
                STANDARD.encode_append(bytes, json);
                json.push(b'"');
            }),
        });
    }
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AttributeVisitor)
    }
}

/// Takes the object's one member.
struct AttributeVisitor;

impl<'de> Visitor<'de> for AttributeVisitor {
    type Value = Attribute;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute's value under the name of its type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attribute, A::Error> {
        let mut attribute = Attribute::Other;
        while let Some(kind) = map.next_key::<Kind>()? {
            attribute = match kind {
                Kind::S => Attribute::S(map.next_value()?),
                Kind::N => Attribute::N(map.next_value()?),
                Kind::B => Attribute::B(map.next_value::<Base64>()?.0),
                Kind::Other => map.next_value::<IgnoredAny>().map(|_| Attribute::Other)?,
            };
        }
        Ok(attribute)
    }
}

/// The name of a type.
#[derive(serde::Deserialize)]
enum Kind {
    S,
    N,
    B,
    #[serde(other)]
    Other,
}

/// Bytes spelt in base64.
struct Base64(Bytes);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Base64Visitor)
    }
}

/// Decodes where the text stands in the answer, without a copy of it.
struct Base64Visitor;

impl Visitor<'_> for Base64Visitor {
    type Value = Base64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Base64, E> {
        let bytes = STANDARD.decode_to_vec(text).map_err(|_| E::custom("a binary attribute is not base64"))?;
        Ok(Base64(bytes.into()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(json: &serde_json::Value) -> Attribute {
        serde_json::from_value(json.clone()).unwrap()
    }

    #[test]
    fn values_are_read_by_their_types() {
        assert_eq!(read(&json!({"S": "text"})), Attribute::S("text".to_owned()));
        assert_eq!(read(&json!({"N": "12"})), Attribute::N("12".to_owned()));
        assert_eq!(read(&json!({"B": "YWI="})), Attribute::B(Bytes::from_static(b"ab")));
        for other in [json!({"BOOL": true}), json!({"M": {"S": {"S": "x"}}}), json!({"L": []}), json!({"NULL": true})] {
            assert_eq!(read(&other), Attribute::Other, "{other}");
        }
        for wrong in [json!({"B": "YWI"}), json!({"B": "?"}), json!({"S": 1}), json!("S"), json!(null)] {
            assert!(serde_json::from_value::<Attribute>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_number_is_digits() {
        let number = |digits: &str| Attribute::N(digits.to_owned()).as_number();
        assert_eq!((number("12"), number("x"), number("-1")), (Some(12), None, None));
        assert_eq!(Attribute::S("12".to_owned()).as_number(), None);
    }

    #[test]
    fn numbers_weigh_a_byte_and_one_for_two_significant_digits() {
        let weights =
            [(0, 1), (7, 2), (42, 2), (100, 2), (123, 3), (86_400, 3), (1_800_000_000, 2), (1_800_000_001, 6)];
        for (number, weight) in weights {
            assert_eq!(Value::N(number).stored_size(), weight, "{number}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in ".*", number: u64, bytes: Vec<u8>) {
            let bytes = Bytes::from(bytes);
            for (value, attribute) in [
                (Value::S(text.clone()), Attribute::S(text)),
                (Value::N(number), Attribute::N(number.to_string())),
                (Value::B(bytes.clone()), Attribute::B(bytes)),
            ] {
                let mut json = Vec::new();
                value.write(&mut json);
                prop_assert_eq!(serde_json::from_slice::<Attribute>(&json).unwrap(), attribute);
            }
        }
    }
}
