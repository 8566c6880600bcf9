//! Notifications on their way to a server that takes them, is busy, fails, or loses its answer.

#![allow(clippy::unwrap_used)]

use ntfy::{Client, Notification, NtfyError, RetryPolicy, SequenceId};
use stand_ins::{Call, Fault, StandIns};
use std::time::Duration;
use tokio::time::Instant;

const TOPIC: &str = "my-secret-topic";
const NOTHING: Duration = Duration::ZERO;

struct Server {
    services: StandIns,
    client: Client,
}

impl Server {
    async fn start() -> Self {
        Self::with(RetryPolicy { pause: NOTHING, ..RetryPolicy::default() }).await
    }

    async fn with(policy: RetryPolicy) -> Self {
        let services = StandIns::start().await.unwrap();
        let topic = format!("{}/{TOPIC}", services.url()).parse().unwrap();
        Self { services, client: Client::new(topic, policy).unwrap() }
    }

    async fn send(&self, text: &str) -> Result<(), NtfyError> {
        let until = Instant::now() + Duration::from_secs(30);
        self.client.send(&Notification::new(text, "msg_1"), &SequenceId::of("msg_1"), until).await
    }

    fn calls(&self) -> Vec<Call> {
        self.services.record().of("ntfy")
    }

    fn shown(&self) -> Vec<String> {
        self.services.ntfy().shown(TOPIC).into_iter().map(|one| one.message).collect()
    }
}

#[tokio::test]
async fn a_notification_is_sent_as_json_with_its_id_and_no_other_header_of_ntfy() {
    let server = Server::start().await;
    let title = "Über\r\nX-Actions: view, a, https://evil.example";
    let notification = Notification::new("{{.secret}}", "msg_1").titled(title).tagged(["golf"]);
    let until = Instant::now() + Duration::from_secs(30);
    server.client.send(&notification, &SequenceId::of("msg_1"), until).await.unwrap();
    let (call, shown) = (&server.calls()[0], &server.services.ntfy().shown(TOPIC)[0]);
    assert_eq!((call.path.as_str(), call.headers["x-sequence-id"].as_str()), ("/", "msg_1"));
    for header in ["x-actions", "actions", "title", "tags", "template", "x-template"] {
        assert!(!call.headers.contains_key(header), "{header}");
    }
    assert_eq!(shown.title.as_deref(), Some("Über  X-Actions: view, a, https://evil.example"));
    assert_eq!((shown.message.as_str(), &shown.actions), ("{{.secret}}", &None));
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says() {
    let server = Server::with(RetryPolicy { pause: Duration::from_hours(1), ..RetryPolicy::default() }).await;
    server.services.script().plan("ntfy", Fault::Status { status: 429, retry_after: Some(0) }, 1);
    server.send("m").await.unwrap();
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn a_server_that_asks_to_wait_for_long_is_not_waited_for() {
    let server = Server::start().await;
    server.services.script().plan("ntfy", Fault::Status { status: 429, retry_after: Some(600) }, 1);
    let retry_after = Some(Duration::from_mins(10));
    assert_eq!(server.send("m").await, Err(NtfyError::RateLimited { retry_after }));
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn a_server_that_fails_three_times_has_failed() {
    let server = Server::start().await;
    server.services.script().always("ntfy", Fault::Status { status: 500, retry_after: None });
    assert_eq!(server.send("m").await, Err(NtfyError::Failed(500)));
    assert_eq!(server.calls().len(), 3);
}

#[tokio::test]
async fn a_notification_whose_answer_was_lost_is_sent_again_and_shown_once() {
    let server = Server::start().await;
    server.services.script().plan("ntfy", Fault::Lost, 1);
    server.services.script().plan("ntfy", Fault::Garbage, 1);
    server.send("m").await.unwrap();
    let ids: Vec<_> = server.calls().iter().map(|call| call.headers["x-sequence-id"].clone()).collect();
    assert_eq!((ids, server.shown()), (vec!["msg_1".to_owned(); 3], vec!["m".to_owned()]));
}

#[tokio::test]
async fn a_refusal_is_final() {
    let server = Server::start().await;
    for status in [302, 400, 403, 413] {
        server.services.script().plan("ntfy", Fault::Status { status, retry_after: None }, 1);
        assert_eq!(server.send("m").await, Err(NtfyError::Refused { status, code: None }));
    }
    assert_eq!(server.calls().len(), 4);
}

#[tokio::test]
async fn a_server_that_is_slow_or_down_is_given_up() {
    let answer = Duration::from_millis(50);
    let server = Server::with(RetryPolicy { attempts: 2, answer, pause: NOTHING, ..RetryPolicy::default() }).await;
    server.services.script().plan("ntfy", Fault::Slow { milliseconds: 10_000 }, 2);
    assert_eq!(server.send("m").await, Err(NtfyError::Late(answer)));
    server.services.script().plan("ntfy", Fault::Down, 2);
    assert_eq!(server.send("m").await, Err(NtfyError::Unreachable));
}

#[tokio::test]
async fn nothing_that_is_printed_shows_the_topic() {
    let server = Server::start().await;
    server.services.script().always("ntfy", Fault::Down);
    let error = server.send("m").await.unwrap_err();
    for text in [format!("{:?}", server.client), format!("{error:?}"), error.to_string()] {
        assert!(!text.contains(TOPIC), "{text}");
    }
}
