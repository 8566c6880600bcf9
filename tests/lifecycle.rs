//! Section 1 and A7: binding, registering, starting that fails, and ending.

use std::time::{Duration, Instant};

use lambda_local::ReservedPort;
use tokio::net::{TcpListener, TcpStream};

use crate::kit::fake_lambda::{EXTENSION_INIT_ERROR, EXTENSION_NEXT, REGISTER};
use crate::kit::{Event, FakeLambda, World, json};

fn post(path: &str) -> String {
    format!("POST {path}")
}

/// A start that failed: what Lambda heard of it.
struct InitError {
    header: String,
    error_type: String,
    message: String,
}

/// Waits for the end of an extension that could not start.
async fn init_error(world: &mut World) -> InitError {
    let error = world.lambda.recorded(&post(EXTENSION_INIT_ERROR)).await;
    assert!(!world.extension.exited().await.success(), "a start that failed shows in the exit code");
    assert_eq!(world.lambda.names(), [post(REGISTER), post(EXTENSION_INIT_ERROR)], "nothing else was asked");
    let identifier = error.headers.get("Lambda-Extension-Identifier");
    assert_eq!(identifier, Some("3b8a7c0e-5a0e-4c8e-9d8f-2f1f0a9b7c6d"), "the one that register gave");
    let header = error.headers.get("Lambda-Extension-Function-Error-Type").expect("its header").to_owned();
    let field = |name: &str| error.json()[name].as_str().expect(name).to_owned();
    InitError { header, error_type: field("errorType"), message: field("errorMessage") }
}

#[tokio::test]
async fn a7_the_listener_is_bound_before_register_is_sent() {
    let world = World::start().await;
    assert_eq!(world.lambda.with_log(|log| log.listening_at_register), Some(true));
}

#[tokio::test]
async fn a7_it_registers_for_shutdown_only_under_its_file_name() {
    let world = World::start().await;
    let register = world.lambda.recorded(&post(REGISTER)).await;
    assert_eq!(register.headers.get("Lambda-Extension-Name"), Some("lrap"));
    assert_eq!(register.json(), serde_json::json!({"events": ["SHUTDOWN"]}));
}

#[tokio::test]
async fn a7_it_asks_for_the_next_event_once_and_with_its_identifier() {
    let mut world = World::start().await;
    world.deliver("{}").await;
    let polls =
        world.lambda.with_log(|log| log.all(&format!("GET {EXTENSION_NEXT}")).into_iter().cloned().collect::<Vec<_>>());
    assert_eq!(polls.len(), 1);
    assert_eq!(polls[0].headers.get("Lambda-Extension-Identifier"), Some("3b8a7c0e-5a0e-4c8e-9d8f-2f1f0a9b7c6d"));
}

#[tokio::test]
async fn a7_the_process_ends_within_100_ms_of_shutdown() {
    let mut world = World::start().await;
    world.deliver("{}").await;
    let started = Instant::now();
    world.lambda.shut_down();
    let status = world.extension.exited().await;
    assert!(started.elapsed() <= Duration::from_millis(100), "{:?}", started.elapsed());
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a7_a_poll_and_a_response_that_hang_do_not_delay_the_end() {
    let mut world = World::start().with_table().await;
    let id = world.invocation().await;
    world.table().hang();
    let long = json::quote(&json::text(6000));
    world.runtime.begin(&crate::kit::Request::response(&id, long)).await;
    let mut other = world.another_runtime();
    other.begin_next().await;
    world.lambda.until("the other poll", |log| (log.waiting_polls().len() == 1).then_some(())).await;
    let started = Instant::now();
    world.lambda.shut_down();
    assert!(world.extension.exited().await.success());
    assert!(started.elapsed() <= Duration::from_millis(100), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a7_a_taken_port_is_an_init_error_that_names_port_and_variable() {
    for variable in ["LRAP_LISTENER_PORT", "LONG_CONTENT_LISTENER_PORT"] {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let mut world = World::start().with(variable, &port).spawn().await;
        let error = init_error(&mut world).await;
        assert_eq!((error.header.as_str(), error.error_type.as_str()), ("Extension.PortTaken", "Extension.PortTaken"));
        assert!(error.message.contains(&port) && error.message.contains(variable), "{}", error.message);
    }
}

#[tokio::test]
async fn a7_the_port_of_long_content_takes_precedence() {
    let other = ReservedPort::new().unwrap();
    let builder = World::start().with("LONG_CONTENT_LISTENER_PORT", other.port());
    let shared = builder.listener();
    let _world = builder.await;
    assert!(TcpStream::connect(other.address()).await.is_ok());
    assert!(TcpStream::connect(shared).await.is_err(), "the port of other proxies stays free for them");
}

#[tokio::test]
async fn s1_only_the_loopback_interface_is_listened_at() {
    let world = World::start().await;
    let elsewhere = ("127.0.0.2", world.extension.listener.port());
    assert!(TcpStream::connect(elsewhere).await.is_err());
}

#[tokio::test]
async fn s8_every_wrong_variable_is_named_at_once() {
    let wrong = [
        ("MAX_CONTENT_SIZE", "5kB"),
        ("LRAP_CONTENT_TTL", "-1"),
        ("LRAP_STORE_TIMEOUT", "soon"),
        ("LRAP_ON_MISSING", "maybe"),
        ("LRAP_LISTENER_PORT", "70000"),
    ];
    let builder = wrong.iter().fold(World::start(), |builder, (name, value)| builder.with(name, value));
    let error = init_error(&mut builder.spawn().await).await;
    assert_eq!(
        (error.header.as_str(), error.error_type.as_str()),
        ("Extension.ConfigInvalid", "Extension.ConfigInvalid")
    );
    for (name, _) in wrong {
        assert!(error.message.contains(name), "{name} in {}", error.message);
    }
}

#[tokio::test]
async fn s8_a_misspelt_variable_is_an_error_that_names_it() {
    let error = init_error(&mut World::start().with("LRAP_STORE_TIMEOT", 5).spawn().await).await;
    assert_eq!(error.error_type, "Extension.ConfigInvalid");
    assert!(error.message.contains("LRAP_STORE_TIMEOT"), "{}", error.message);
}

#[tokio::test]
async fn s8_a_missing_table_is_an_error_that_names_its_variable() {
    let error = init_error(&mut World::start().without("AGENT_CONTEXT_TABLE").spawn().await).await;
    assert_eq!(error.error_type, "Extension.ConfigInvalid");
    assert!(error.message.contains("AGENT_CONTEXT_TABLE"), "{}", error.message);
}

#[tokio::test]
async fn s8_variables_of_other_proxies_are_one_warning() {
    let mut world = World::start().with("LRAP_DEBUG", "true").with("LRAP_SOMEBODY_ELSES", 1).await;
    world.lambda.shut_down();
    world.extension.exited().await;
    let said = world.extension.said();
    let lines: Vec<_> = said.lines().filter(|line| line.contains("LRAP_DEBUG")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].contains("LRAP_SOMEBODY_ELSES"), "{said}");
}

#[tokio::test]
async fn s8_a_quiet_sandbox_logs_nothing() {
    let mut world = World::start().with_table().await;
    world.deliver(r#"{"a":1}"#).await;
    world.respond(json::quote(&json::text(6000))).await;
    world.lambda.shut_down();
    world.extension.exited().await;
    assert_eq!(world.extension.logged(), "");
}

#[tokio::test]
async fn s8_a_write_that_is_only_rehearsed_is_not_logged() {
    let mut world = World::start().with("LRAP_LOG", "debug").with_table().await;
    world.deliver(r#"{"a":1}"#).await;
    world.lambda.shut_down();
    world.extension.exited().await;
    assert!(!world.extension.logged().contains("PutItem"), "{}", world.extension.logged());
}

#[tokio::test]
async fn s8_neither_content_nor_credentials_are_logged_at_any_level() {
    let mut world = World::start().with("LRAP_LOG", "trace").with("MAX_CONTENT_SIZE", 10).with_table().await;
    let id = world.fresh_id();
    world
        .lambda
        .push(Event::new(&id, r#"{"event":"plaintext-of-the-event"}"#).header("X-Secret", "header-of-the-event"));
    world.runtime.next().await;
    world.runtime.respond(&id, r#"["plaintext-of-the-response"]"#).await;
    let reference = world.lambda.response(&id).await.text();
    assert_eq!(world.deliver(reference).await.text(), r#"["plaintext-of-the-response"]"#);
    world.lambda.shut_down();
    world.extension.exited().await;
    let said = world.extension.said();
    assert!(!said.is_empty(), "the level was set");
    for secret in ["plaintext-of-", "header-of-the-event", "example-secret"] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}

#[tokio::test]
async fn p6_lambda_out_of_reach_at_start_ends_the_process_with_a_failure() {
    let gone = FakeLambda::start().await;
    let address = gone.address;
    gone.vanish().await;
    let mut world = World::start().with("AWS_LAMBDA_RUNTIME_API", address).spawn().await;
    assert!(!world.extension.exited().await.success());
}
