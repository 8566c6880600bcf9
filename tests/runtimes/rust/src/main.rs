//! The official Rust runtime client as a test subject, by the entry point for OS-only runtimes: an echo that also does as it is told.
//!
//! An event without `do` comes back byte for byte (raw JSON is passed through, nothing is parsed and printed again).

use data_encoding::HEXLOWER;
use functions_shared::{Failure, LambdaEvent, run};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};

type Output = Result<Box<RawValue>, Failure>;

/// What the event asks for in `do`, if anything.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Order {
    /// Answers `{"text": "xxx…"}` of so many bytes.
    Grow { bytes: usize },
    /// Answers with the length in bytes and the hash of `text`: proves what arrived without sending it back.
    Length { text: String },
    /// Fails with `errorType` `AskedToFail`.
    Fail,
    /// Ends the process in the middle of the invocation, with this code.
    Exit {
        #[serde(default = "one")]
        code: i32,
    },
}

fn one() -> i32 {
    1
}

fn main() -> Result<(), functions_shared::Error> {
    run(handle)
}

async fn handle(event: LambdaEvent<Box<RawValue>>) -> Output {
    match order(event.payload.get()) {
        Some(order) => obey(order),
        None => Ok(event.payload),
    }
}

/// Serde would read an order from an array too, so only an object is looked at; and one without the word, however large, costs
/// no parsing.
fn order(event: &str) -> Option<Order> {
    let may_be = event.starts_with('{') && event.contains("\"do\"");
    may_be.then(|| serde_json::from_str(event).ok())?
}

fn obey(order: Order) -> Output {
    match order {
        Order::Grow { bytes } => answer(&json!({ "text": "x".repeat(bytes) })),
        Order::Length { text } => answer(&json!({ "bytes": text.len(), "sha256": sha256(&text) })),
        Order::Fail => Err(Failure::new("AskedToFail", "the event asked for it")),
        Order::Exit { code } => std::process::exit(code),
    }
}

fn answer(value: &serde_json::Value) -> Output {
    to_raw_value(value).map_err(|error| Failure::new("Unprintable", error.to_string()))
}

fn sha256(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use functions_shared::Diagnostic;

    #[test]
    fn only_an_object_that_asks_for_something_is_an_order() {
        for event in ["[\"fail\"]", "\"do\"", "{}", r#"{"do":"something else"}"#, r#"{"do":"grow"}"#] {
            assert!(order(event).is_none(), "{event}");
        }
        assert!(matches!(order(r#"{"do":"exit"}"#), Some(Order::Exit { code: 1 })));
    }

    #[test]
    fn tells_length_and_hash_of_a_text() {
        let output = obey(Order::Length { text: "é".to_owned() }).expect("an answer");
        let expected = r#"{"bytes":2,"sha256":"4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"}"#;
        assert_eq!(output.get(), expected);
    }

    #[test]
    fn fails_with_a_name() {
        let failure = obey(Order::Fail).expect_err("asked to fail");
        assert_eq!(Diagnostic::from(failure).error_type, "AskedToFail");
    }
}
