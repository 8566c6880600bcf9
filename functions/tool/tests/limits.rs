//! What takes too long, what cannot be stored, and who may read what.

use std::io::Read;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use lambda_local::table::{Fault, Faults};
use lambda_runtime::Context;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::site::page;
use crate::world::{TABLE, World};

fn call(name: &str, input: &Value) -> Value {
    json!({"name": name, "id": "tu_1", "input": input})
}

#[tokio::test]
async fn a_tool_that_takes_too_long_answers_before_lambda_ends_it() {
    let world = World::new(|_| page("text/plain", "hello")).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoints = format!("silent.test={}", silent.local_addr().expect("an address"));
    let function = world.function_with([("TEST_ENDPOINTS", &endpoints)]);
    let mut context = Context::default();
    let deadline = SystemTime::now() + Duration::from_millis(1_200);
    let since_1970 = deadline.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    context.deadline = since_1970.as_millis().try_into().expect("a time of this age");
    let result = function.answer_in(context, call("http_get", &json!({"url": "https://silent.test/"}))).await;
    assert!(result.is_error && result.content.contains("`http_get` did not finish"), "{}", result.content);
    assert!(SystemTime::now() < deadline);
}

#[tokio::test]
async fn what_cannot_be_stored_or_read_is_an_error_in_words() {
    let world = World::new(|_| page("text/plain", "hello ".repeat(10_000))).await;
    let function = world.function();
    let whole = function.text("http_get", json!({"url": "https://documents.test/"})).await;
    let handle = whole.rsplit_once("handle: ").expect("a handle").1.trim_end_matches(']');

    world.table.faults().set(Faults::always(Fault::DenyCredentials));
    let hasty = [("AGENT_CONTEXT_TABLE", TABLE), ("LRAP_STORE_TIMEOUT", "1")];
    let error = world.function_with(hasty).error("http_get", json!({"url": "https://documents.test/"})).await;
    assert!(error.contains("could not be stored") && !error.contains("hello"), "{error}");
    let error = world.function_with(hasty).error("document_search", json!({"document": handle, "query": "a"})).await;
    assert_eq!(error, "`document`: the content table does not answer now; try again later");
}

#[tokio::test]
async fn a_tenants_handles_are_that_tenants() {
    let world = World::new(|_| page("text/plain", "hello ".repeat(10_000))).await;
    let of = |tenant: &str| {
        let mut context = Context::default();
        context.tenant_id = Some(tenant.to_owned());
        context
    };
    let fetched =
        world.function().answer_in(of("blue"), call("http_get", &json!({"url": "https://documents.test/"}))).await;
    let handle = fetched.content.rsplit_once("handle: ").expect("a handle").1.trim_end_matches(']');
    let search = call("document_search", &json!({"document": handle, "query": "hello"}));
    assert!(!world.function().answer_in(of("blue"), search.clone()).await.is_error);
    for stranger in [of("red"), Context::default()] {
        let refused = world.function().answer_in(stranger, search.clone()).await;
        assert!(
            refused.is_error && refused.content.contains("nothing is stored under this handle"),
            "{}",
            refused.content
        );
    }
}

/// 64 MiB of the letter `a`, by Node's zlib.
const BROTLI_BOMB: &[u8] = &[
    203, 255, 255, 63, 248, 37, 194, 226, 177, 64, 32, 247, 254, 143, 255, 255, 127, 240, 75, 0, 196, 97, 17, 128, 238,
    253, 31, 255, 255, 255, 224, 151, 0, 136, 195, 2, 0, 221, 251, 63, 254, 255, 255, 193, 47, 1, 16, 135, 5, 0, 186,
    247, 127, 252, 255, 255, 131, 95, 2, 32, 14, 11, 0, 116, 239, 255, 248, 255, 255, 7, 191, 4, 64, 28, 22, 0, 232,
    222, 255, 241, 255, 255, 15, 126, 9, 128, 56, 44, 0, 208, 189, 255, 203, 255, 255, 63, 252, 18, 0, 113, 88, 0, 160,
    123, 255, 7,
];

fn gzip_bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::best());
    std::io::copy(&mut std::io::repeat(b'a').take(64 << 20), &mut encoder).expect("compressed");
    encoder.finish().expect("compressed")
}

#[tokio::test]
async fn a_few_bytes_that_stand_for_megabytes_are_refused() {
    for (encoding, bomb) in [("gzip", gzip_bomb()), ("br", BROTLI_BOMB.to_vec())] {
        assert!(bomb.len() < 100_000, "{encoding}: {}", bomb.len());
        let world = World::new(move |_| {
            let mut reply = page("text/plain", bomb.clone());
            reply.headers_mut().insert("content-encoding", encoding.parse().expect("a value"));
            reply
        })
        .await;
        let error = world.function().error("http_get", json!({"url": "https://documents.test/"})).await;
        assert_eq!(error, "`url`: the answer has more than 20971520 bytes", "{encoding}");
    }
}

#[tokio::test]
async fn a_page_that_is_too_long_is_refused() {
    for (bytes, limit) in [((8 << 20) + 1, 8_388_608), ((20 << 20) + 1, 20_971_520)] {
        let world = World::new(move |_| page("text/plain", "a".repeat(bytes))).await;
        let error = world.function().error("http_get", json!({"url": "https://documents.test/"})).await;
        assert_eq!(error, format!("`url`: the answer has more than {limit} bytes"));
    }
}
