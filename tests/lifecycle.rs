//! Section 1 and A7: binding, registering, starting that fails, and ending.

use std::time::{Duration, Instant};

use lambda_local::ReservedPort;
use tokio::net::{TcpListener, TcpStream};

use test_kit::{EXTENSION_INIT_ERROR, EXTENSION_NEXT, REGISTER};
use test_kit::{Event, FakeLambda, Reply, World, json, soon};

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
    assert_eq!(world.lambda.was_listening_at_register(), Some(true));
}

/// Which modes are in force decides what an event's shape may do: an operator can see them.
#[tokio::test]
async fn h6_the_modes_in_force_are_said_once_at_start() {
    let world = World::start().with("LRAP_LOG", "info").with("LRAP_HYDRATE", "always").with("LRAP_OFFLOAD", "never");
    let mut world = world.await;
    for _ in 0..2 {
        world.deliver("{}").await;
    }
    let lines = || -> Vec<String> {
        world.extension.said().lines().filter(|line| line.contains("modes in force")).map(str::to_owned).collect()
    };
    let said = async {
        while lines().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    soon("a line about modes", said).await;
    assert_eq!(lines().len(), 1);
    assert!(lines()[0].contains(r#""hydrate":"always","offload":"never""#), "{:?}", lines());
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
    world.runtime.begin(&test_kit::Request::response(&id, long)).await;
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
async fn s8_the_write_of_the_warm_up_is_not_logged() {
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

/// One failing invocation after the other, each with a line on standard error and one on standard output.
async fn fail_times(world: &mut World, times: usize) {
    for _ in 0..times {
        assert_eq!(world.fail(r#""@content:1:nowhere""#).await.error_type, "LongContent.Refused");
    }
}

#[tokio::test]
async fn s8_output_that_nobody_reads_holds_up_no_invocation_and_not_the_end() {
    let mut world = World::start().unread().await;
    fail_times(&mut world, 300).await;
    let started = Instant::now();
    world.lambda.shut_down();
    assert!(world.extension.exited().await.success());
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn s8_lines_that_are_read_need_no_thread() {
    let threads = |world: &World| -> Vec<String> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", world.extension.pid())).unwrap();
        threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("comm")).unwrap()).collect()
    };
    let mut world = World::start().await;
    fail_times(&mut world, 10).await;
    assert!(!threads(&world).contains(&"output\n".to_owned()));
    let mut world = World::start().unread().await;
    fail_times(&mut world, 300).await;
    assert!(threads(&world).contains(&"output\n".to_owned()), "{:?}", threads(&world));
}

#[tokio::test]
async fn s8_lines_that_nobody_read_are_counted_in_the_log() {
    const FAILURES: usize = 1_000;
    let mut world = World::start().with("LRAP_LOG", "error").unread().await;
    fail_times(&mut world, FAILURES).await;
    world.extension.read();
    world.extension.log_with("standard error").await;
    world.extension.log_with("standard output").await;
    world.lambda.shut_down();
    assert!(world.extension.exited().await.success());
    let dropped = |stream: &str| -> usize {
        let lines = world.extension.logged();
        let lines = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter(|line| line["stream"] == stream).map(|line| line["lines"].as_u64().unwrap() as usize).sum()
    };
    let failures = world.extension.logged().matches("invocation failed").count();
    assert_eq!((failures + dropped("standard error"), failures < FAILURES), (FAILURES, true));
    let metrics = world.extension.printed().lines().count();
    assert_eq!((metrics + dropped("standard output"), metrics < FAILURES), (FAILURES, true));
}

#[tokio::test]
async fn s8_an_address_that_cannot_be_one_is_named_at_start() {
    for variable in ["LRAP_RUNTIME_API_ENDPOINT", "LONG_CONTENT_RUNTIME_API_ENDPOINT"] {
        for address in ["127.0.0.1", "https://127.0.0.1:9002", "http://127.0.0.1:9002/path"] {
            let start = World::start().with(variable, address).with("AWS_ENDPOINT_URL_DYNAMODB", "localhost:8000");
            let error = init_error(&mut start.spawn().await).await;
            assert_eq!(error.error_type, "Extension.ConfigInvalid");
            for name in [variable, address, "AWS_ENDPOINT_URL_DYNAMODB"] {
                assert!(error.message.contains(name), "{name} in {}", error.message);
            }
        }
    }
}

#[tokio::test]
async fn s8_a_bundle_that_cannot_be_read_is_an_init_error_that_names_its_variable() {
    let start =
        World::start().with("AWS_CA_BUNDLE", "/no/such/bundle").with("AWS_ENDPOINT_URL_DYNAMODB", "https://a.b");
    let error = init_error(&mut start.spawn().await).await;
    assert_eq!(error.error_type, "Extension.ConfigInvalid");
    assert!(error.message.contains("AWS_CA_BUNDLE") && error.message.contains("/no/such/bundle"), "{}", error.message);
}

/// There is nowhere to report it to but the log.
#[tokio::test]
async fn s8_a_runtime_api_that_cannot_be_one_is_named_in_the_log() {
    for address in ["http://127.0.0.1:1/2018-06-01", "127.0.0.1", "https://127.0.0.1:1"] {
        let mut world = World::start().with("AWS_LAMBDA_RUNTIME_API", address).spawn().await;
        assert!(!world.extension.exited().await.success());
        let logged = world.extension.logged();
        assert!(logged.contains("AWS_LAMBDA_RUNTIME_API") && logged.contains(address), "{logged}");
    }
}

#[tokio::test]
async fn s8_an_http_proxy_is_one_warning_without_its_address() {
    let proxy = "http://user:key-of-the-proxy@proxy.example:3128";
    let mut world = World::start().with("HTTPS_PROXY", proxy).with("http_proxy", proxy).await;
    world.lambda.shut_down();
    world.extension.exited().await;
    let logged = world.extension.logged();
    assert_eq!(logged.lines().filter(|line| line.contains("HTTPS_PROXY http_proxy")).count(), 1, "{logged}");
    assert!(!logged.contains("proxy.example"), "{logged}");
}

#[tokio::test]
async fn lambdas_reason_for_a_refusal_is_in_the_log() {
    let refusal = r#"{"errorMessage":"the name is taken","errorType":"Extension.AlreadyRegistered"}"#;
    let mut world = World::start().spawn().await;
    world.lambda.reply(&post(REGISTER), Reply::new(403, refusal));
    assert!(!world.extension.exited().await.success());
    let logged = world.extension.logged();
    for part in ["403", REGISTER, "Extension.AlreadyRegistered", "the name is taken"] {
        assert!(logged.contains(part), "{part} in {logged}");
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
