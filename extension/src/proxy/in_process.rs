//! The whole path of an event in one process, for tests and fuzzers: the event is hydrated, a function returns what it got,
//! this response is offloaded, and it becomes the event of another function. The proxy's own code does this, with a store in
//! memory and without connections.

use std::time::{Duration, Instant};

use bytes::Bytes;
use long_content::hydrate;
use long_content::reference::{Content, ContentRef, Scope, Ttl};
use long_content::signing::SigningKeys;
use long_content::store::ContentStore;
use long_content::store::memory::MemoryStore;
use serde::Deserializer;
use serde::de::{IgnoredAny, Visitor};

use super::Proxy;
use super::hydration::{Body, Ready};
use crate::config::{Config, Mode};
use crate::error::{Failure, FailureKind};
use crate::invocations::Invocation;

/// Variables of every function here. Their limits are small.
const VARIABLES: &[(&str, &str)] = &[
    ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
    ("AWS_REGION", "eu-central-1"),
    ("AGENT_CONTEXT_TABLE", "content"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "example-secret"),
    ("MAX_CONTENT_SIZE", "40"),
    ("MAX_PAYLOAD_SIZE", "1500"),
    ("LRAP_MAX_EVENT_SIZE", "4194304"),
    ("LRAP_METRICS", "off"),
];

/// Bytes that a response may have according to the variables.
const MAX_PAYLOAD_SIZE: usize = 1_500;

/// Settings of functions: whether events are hydrated and responses offloaded, and whether references are signed.
const FUNCTIONS: &[&[(&str, &str)]] = &[
    &[],
    &[("LRAP_HYDRATE", "always"), ("LRAP_OFFLOAD", "always")],
    &[("LRAP_HYDRATE", "always"), ("LRAP_OFFLOAD", "always"), ("LRAP_ON_MISSING", "keep"), ("LRAP_KEEP", "/a /b/**")],
    &[("LRAP_HYDRATE", "always"), ("LRAP_OFFLOAD", "always"), ("LRAP_SIGNING_KEY", "a-signing-key-of-24-bytes")],
    &[("LRAP_HYDRATE", "never"), ("LRAP_OFFLOAD", "always")],
];

/// Sends an event through functions with each of the settings. Bytes of the event from 1 to 6, which JSON never contains,
/// are replaced by references: five to contents that are stored, one to a content that is not.
pub fn echo(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("BUG: a runtime without a reactor");
    for function in FUNCTIONS {
        runtime.block_on(echo_by(function, data));
    }
}

async fn echo_by(function: &[(&str, &str)], data: &[u8]) {
    let variables = VARIABLES.iter().chain(function).map(|(name, value)| (name.into(), value.into()));
    let config = Config::from_vars(variables).expect("BUG: the variables are right");
    let (signing, store) = (config.signing.clone(), MemoryStore::new());
    let references = stored(&store, &Scope::new("content").signed_by(signing.keys.clone())).await;
    let event = with_references(data, &references);
    let signing = SigningKeys::new(signing).expect("BUG: no secret to be asked");
    let proxy = Proxy::new(config, store, signing);

    let mut invocation = Invocation::default();
    let Ok(ready) = proxy.hydrate(event.clone(), None, &mut invocation).await else { return };
    let handed = ready.into_bytes();
    assert!(is_json(&handed) == is_json(&event), "hydrating keeps JSON what it is");
    proxy.check_error(&handed, &invocation).await;
    if invocation.is_left_alone {
        return;
    }
    let sent = match proxy.offload(handed.clone(), &mut invocation).await {
        Ok(sent) => sent,
        Err(Failure { kind, .. }) => return assert_eq!(kind, FailureKind::PayloadTooLarge),
    };
    assert!(sent == handed || sent.len() <= MAX_PAYLOAD_SIZE, "{} bytes leave", sent.len());
    if invocation.kept.is_empty() && !function.is_empty() {
        proxy.comes_back(sent, &handed).await;
    }
}

impl Ready<'_> {
    /// What the runtime gets. The event's room is free again.
    fn into_bytes(self) -> Bytes {
        match self.body {
            Body::Whole(payload) => payload.whole(),
            Body::InChunks(hydrated) => hydrated.into_bytes(),
        }
    }
}

impl Proxy<MemoryStore> {
    /// The next function gets what the one before it returned.
    async fn comes_back(&self, sent: Bytes, returned: &Bytes) {
        if self.config.hydrate == Mode::Never {
            return;
        }
        let mut invocation = Invocation::default();
        match self.hydrate(sent, None, &mut invocation).await {
            Ok(ready) => {
                let back = ready.into_bytes();
                assert!(same_document(&back, returned), "{back:?} came back for {returned:?}");
            }
            Err(failure) => panic!("what left cannot be hydrated: {failure}"),
        }
    }

    /// Checks an error that consists of what the runtime got: the next function's layer must not take anything in it for a
    /// reference. If its texts are stored, the error comes back unchanged; otherwise it differs only by spaces.
    async fn check_error(&self, error: &Bytes, invocation: &Invocation) {
        let mut known = Invocation { kept: invocation.kept.clone(), ..Invocation::default() };
        let stored = self.disarm("in-process", error.clone(), true, &mut known).await;
        if known.kept.is_empty() && known.work.broken_markers == 0 && self.config.hydrate == Mode::Always {
            self.comes_back(stored, error).await;
        }
        let mut unknown = Invocation::default();
        let broken = self.disarm("in-process", error.clone(), false, &mut unknown).await;
        let plan = hydrate::plan(&broken);
        assert!(plan.references().is_empty() && plan.malformed().is_empty(), "{broken:?} is taken for a reference");
    }
}

/// Stores contents of every kind, and returns their references and one to a content that is not stored.
async fn stored(store: &MemoryStore, scope: &Scope) -> [ContentRef; 6] {
    let named = |content: &Content| scope.reference(Ttl::seconds(86_400), content);
    let text = Content::string("a text of more than \"forty\" bytes, with an escape\n");
    let look_alike = Content::string(r#"["@content:1:dynamodb:s:none:x:1"]"#);
    let surrogate = Content::json(r#""@content:\ud800""#);
    let verbatim = Content::verbatim(r#"{"a":["@content:1:x", "\u0040content:"]}"#);
    let holder = Content::json(format!(r#"{{"a":"{}" , "b":["{}",1e400]}}"#, named(&text), named(&verbatim)));
    let contents = [text, look_alike, surrogate, verbatim, holder];
    let all: Vec<_> = contents.iter().map(|content| (named(content), content.bytes.clone())).collect();
    let until = Instant::now() + Duration::from_mins(1);
    store.put(scope, &all, until).await.expect("BUG: memory takes everything");
    let absent = Content::string("never stored");
    let mut named = contents.iter().chain([&absent]).map(named);
    std::array::from_fn(|_| named.next().expect("BUG: six of them"))
}

fn with_references(data: &[u8], references: &[ContentRef; 6]) -> Bytes {
    let mut event = vec![];
    for &byte in data {
        match references.get(usize::from(byte.wrapping_sub(1))) {
            Some(reference) => event.extend_from_slice(reference.to_string().as_bytes()),
            None => event.push(byte),
        }
    }
    event.into()
}

fn is_json(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok() && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Whether two documents are equal: the same bytes outside of strings, and strings with the same values.
fn same_document(one: &[u8], other: &[u8]) -> bool {
    one == other || is_json(one) && is_json(other) && tokens(one) == tokens(other)
}

fn tokens(mut text: &[u8]) -> Vec<Vec<u8>> {
    let mut tokens = vec![];
    while let Some(quote) = text.iter().position(|&byte| byte == b'"') {
        tokens.push(text[..quote].to_vec());
        let mut end = quote + 1;
        while text[end] != b'"' {
            end += if text[end] == b'\\' { 2 } else { 1 };
        }
        tokens.push(said(&text[quote..=end]));
        text = &text[end + 1..];
    }
    tokens.push(text.to_vec());
    tokens
}

fn said(string: &[u8]) -> Vec<u8> {
    struct Said;
    impl Visitor<'_> for Said {
        type Value = Vec<u8>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string")
        }
        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    serde_json::Deserializer::from_slice(string).deserialize_bytes(Said).expect("BUG: a string of valid JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use test_kit::corpus::inputs;

    /// The corpora of the library's fuzzers, with references in place of the marker.
    #[test]
    fn every_input_of_the_fuzzers_takes_the_whole_path() {
        for corpus in ["hydrate", "offload", "event_path"] {
            for input in inputs(corpus, 5) {
                echo(&input);
            }
        }
    }

    fn document() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            3 => "[\u{1}-\u{6}]",
            2 => Just("@content:".to_owned()),
            1 => Just("\\u0040content:1:x".to_owned()),
            3 => "[a-zé ]{0,60}",
            1 => Just("\\ud800\\n\\\"".to_owned()),
            1 => Just(r#"{\"a\":[\"@content:\"]}"#.to_owned()),
            1 => Just("[\\\"\u{1}\\\",\\\"\u{5}\\\"]".to_owned()),
        ];
        let string = proptest::collection::vec(piece, 0..3).prop_map(|pieces| format!("\"{}\"", pieces.concat()));
        let leaf = prop_oneof![4 => string, 1 => Just("1e400".to_owned())];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let name = prop_oneof![Just("a"), Just("b"), Just("Records"), Just("eventSource"), Just("@content:")];
            let member = (name, inner.clone()).prop_map(|(name, value)| format!("\"{name}\": {value}"));
            prop_oneof![
                proptest::collection::vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
                proptest::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_a_function_echoes_comes_back(document in document()) {
            echo(document.as_bytes());
        }

        #[test]
        fn any_bytes_take_the_path_without_a_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            echo(&data);
        }
    }
}
