//! What is logged, whatever goes wrong: ids and reasons, and nothing that is secret.

use std::cell::RefCell;
use std::io;

use serde_json::json;
use stand_ins::Fault;
use stand_ins::golf::RESERVE;
use stand_ins::oauth::{CLIENT_SECRET, PASSWORD, TOKENS};
use tracing::Level;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;

use crate::site::page;
use crate::world::World;

thread_local! {
    /// What this thread has logged. The subscriber is that of all tests: one that is only a thread's own misses what another thread has
    /// reached while nobody listened.
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_that_is_logged_is_secret() {
    let is_logged = filter_fn(|metadata| {
        *metadata.level() <= Level::INFO || metadata.file().is_some_and(|file| file.starts_with("functions/"))
    });
    let subscriber = tracing_subscriber::fmt().json().with_max_level(Level::TRACE);
    let subscriber = subscriber.with_writer(|| Log).finish().with(is_logged);
    tracing::subscriber::set_global_default(subscriber).expect("no other test has a subscriber");

    let book = json!({ "action": "golf", "courseID": 1, "teeSheetID": 1001 });
    for (service, fault) in [(TOKENS, Fault::Down), (TOKENS, Fault::Garbage), (RESERVE, Fault::Lost)] {
        let world = World::new().await;
        world.stand_ins.script().always(service, fault);
        let message = world.message(book.clone(), json!({ "operation": "book_tee_time" })).await;
        world.deliver_until_done(&message).await;
    }
    let forged = World::new().await;
    let oauth = forged.stand_ins.golf().oauth();
    oauth.give(&stand_ins::oauth::SigningKey::new("key-0", 1).sign(&oauth.claims("birdsfoot.cps.golf")));
    forged.done(book, json!({ "operation": "book_tee_time" })).await;
    let world = World::answering(|_| page("text/plain", "hush-answer".repeat(10_000))).await;
    world.contents.faults().set(lambda_local::table::Faults::always(lambda_local::table::Fault::DenyCredentials));
    let auth = json!({ "type": "api_key", "secret_name": "api/key" });
    let url = "https://api.example.test/?key=hush-query";
    world.done(json!({ "action": "http", "url": url, "body": "hush-order", "auth_config": auth }), json!({})).await;

    let text = LOGGED.with_borrow(|logged| String::from_utf8(logged.clone()).expect("UTF-8"));
    for said in ["a token was not verified", "a message failed", "only the beginning of a body is kept"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    for secret in [PASSWORD, CLIENT_SECRET, "hush", "Bearer", "eyJ", "golfer@example.com"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
