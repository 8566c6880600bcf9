//! Lambda as one sandbox sees it: Runtime API and Extensions API on one address, every request on record, every reply by script.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::message::{Event, Reply, Standing, unix_millis};
use crate::peer::{Exchange, Habits, Log, Peer};

pub const REGISTER: &str = "/2020-01-01/extension/register";
pub const EXTENSION_NEXT: &str = "/2020-01-01/extension/event/next";
pub const EXTENSION_INIT_ERROR: &str = "/2020-01-01/extension/init/error";
pub const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// Exchanges that are kept for who measures: those of an invocation, and of the extension's start.
const FEW: usize = 8;

/// The number of the first invocation of a runtime that is called by its name.
const OTHERS: u64 = 1 << 40;

impl Log {
    /// The polls for an event that are waiting now, by their position in the log.
    pub fn waiting_polls(&self) -> Vec<usize> {
        let polls = self.exchanges.iter().enumerate();
        let waiting = polls.filter(|(_, exchange)| exchange.target == NEXT && exchange.is_waiting());
        waiting.map(|(index, _)| index).collect()
    }
}

/// What Lambda has for who asks.
#[derive(Debug, Default)]
struct Script {
    /// Events for the next poll, or for the poll at a position of the log.
    events: VecDeque<(Option<usize>, Event)>,
    /// What every poll gets that no event is queued for.
    standing: Option<Standing>,
    /// The same for polls with a field `User-Agent` of this value.
    standing_of: Option<(String, Standing)>,
    /// The error that ended the standing event.
    failure: Option<String>,
    shutdown: bool,
    probe: Option<SocketAddr>,
    was_listening: Option<bool>,
}

#[derive(Clone, Debug, Default)]
struct Lambda(Arc<Mutex<Script>>);

/// The fake. Its server ends with it.
#[derive(Debug)]
pub struct FakeLambda {
    peer: Peer,
    lambda: Lambda,
}

impl Deref for FakeLambda {
    type Target = Peer;

    fn deref(&self) -> &Peer {
        &self.peer
    }
}

impl FakeLambda {
    pub async fn start() -> Self {
        let lambda = Lambda::default();
        Self { peer: Peer::start(lambda.clone()).await, lambda }
    }

    /// One that keeps the last few exchanges only, and costs little: for who looks at the clock.
    pub async fn start_keeping_few() -> Self {
        Self::start_keeping(FEW).await
    }

    /// One that keeps so many exchanges.
    pub async fn start_keeping(kept: usize) -> Self {
        let lambda = Lambda::default();
        Self { peer: Peer::start_keeping(kept, lambda.clone()).await, lambda }
    }

    /// Queues an event for whichever poll comes first.
    pub fn push(&self, event: Event) {
        self.script(|script| script.events.push_back((None, event)));
    }

    /// Answers the waiting poll at position `poll` of the log.
    pub fn push_to(&self, poll: usize, event: Event) {
        self.script(|script| script.events.push_back((Some(poll), event)));
    }

    /// Answers every poll with `event` from now on, each time for another invocation, until one fails.
    pub fn push_always(&self, event: Event) {
        self.script(|script| script.standing = Some(event.standing()));
    }

    /// Answers every poll of a runtime that calls itself `user_agent` with `event` from now on.
    pub fn push_always_to(&self, user_agent: &str, event: Event) {
        let standing = event.standing().numbered_from(OTHERS);
        self.script(|script| script.standing_of = Some((user_agent.to_owned(), standing)));
    }

    /// The error of the invocation that ended the standing event.
    pub fn failure(&self) -> Option<String> {
        self.lambda.script(|script| script.failure.clone())
    }

    /// Tries to connect to `listener` at the moment when `register` arrives.
    pub fn probe_at_register(&self, listener: SocketAddr) {
        self.script(|script| script.probe = Some(listener));
    }

    /// Whether the probed port accepted a connection when `register` arrived.
    pub fn was_listening_at_register(&self) -> Option<bool> {
        self.lambda.script(|script| script.was_listening)
    }

    /// Answers the extension's poll with SHUTDOWN.
    pub fn shut_down(&self) {
        self.script(|script| script.shutdown = true);
    }

    /// The response of invocation `id`.
    pub async fn response(&self, id: &str) -> Exchange {
        self.recorded(&format!("POST /2018-06-01/runtime/invocation/{id}/response")).await
    }

    /// The error of invocation `id`.
    pub async fn error(&self, id: &str) -> Exchange {
        self.recorded(&format!("POST /2018-06-01/runtime/invocation/{id}/error")).await
    }

    fn script(&self, change: impl FnOnce(&mut Script)) {
        self.lambda.script(change);
        self.peer.changed();
    }
}

impl Lambda {
    fn script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Habits for Lambda {
    fn reply(&self, request: &Exchange, index: usize) -> Option<Reply> {
        self.script(|script| script.reply_to(request, index))
    }
}

impl Script {
    fn reply_to(&mut self, request: &Exchange, index: usize) -> Option<Reply> {
        match (request.method.as_str(), request.target.split('?').next()?) {
            ("GET", NEXT) => self.next_event(request.headers.get("user-agent"), index),
            ("GET", EXTENSION_NEXT) => self.shutdown.then(shutdown_event),
            ("POST", REGISTER) => {
                self.was_listening = self.probe.map(|listener| TcpStream::connect(listener).is_ok());
                Some(registered())
            }
            ("POST", EXTENSION_INIT_ERROR) => Some(Reply::accepted()),
            ("POST", path) if path.starts_with("/2018-06-01/runtime/") => {
                if self.standing.is_some() && path.ends_with("/error") {
                    self.failure = Some(request.text());
                }
                Some(Reply::accepted())
            }
            _ => Some(Reply::new(404, r#"{"errorMessage":"Not found","errorType":"InvalidRequest"}"#)),
        }
    }

    fn next_event(&mut self, user_agent: Option<&str>, poll: usize) -> Option<Reply> {
        if let Some((name, standing)) = &mut self.standing_of
            && user_agent == Some(name)
        {
            return Some(standing.next_reply());
        }
        let is_meant = |(target, _): &(Option<usize>, Event)| target.is_none_or(|target| target == poll);
        if let Some(at) = self.events.iter().position(is_meant) {
            return self.events.remove(at).map(|(_, event)| event.into_reply());
        }
        match (&self.failure, &mut self.standing) {
            // The poller is told, instead of failing again and again.
            (Some(_), _) => Some(Reply::new(410, "")),
            (None, standing) => standing.as_mut().map(Standing::next_reply),
        }
    }
}

fn registered() -> Reply {
    let body = r#"{"functionName":"under-test","functionVersion":"$LATEST","handler":"app.handler"}"#;
    Reply::new(200, body).header("Lambda-Extension-Identifier", "3b8a7c0e-5a0e-4c8e-9d8f-2f1f0a9b7c6d")
}

fn shutdown_event() -> Reply {
    let deadline = unix_millis(SystemTime::now() + Duration::from_secs(2));
    Reply::new(200, format!(r#"{{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":{deadline}}}"#))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Request;
    use crate::runtime::Runtime;

    #[tokio::test]
    async fn a_standing_event_comes_again_and_again_until_an_invocation_fails() {
        let lambda = FakeLambda::start_keeping_few().await;
        let mut runtime = Runtime::new(lambda.address);
        lambda.push_always(Event::new("", "[1]").chunked(2));
        let first = runtime.next().await;
        runtime.respond(first.id(), "2").await;
        let second = runtime.next().await;
        assert_eq!((first.text(), second.text()), ("[1]".to_owned(), "[1]".to_owned()));
        assert_ne!(first.id(), second.id());
        let error = format!("/2018-06-01/runtime/invocation/{}/error", second.id());
        assert_eq!(runtime.send(Request::post(&error, "\"why\"")).await.status, 202);
        assert_eq!((runtime.next().await.status, lambda.failure().as_deref()), (410, Some("\"why\"")));
    }

    #[tokio::test]
    async fn a_runtime_that_is_called_by_its_name_has_events_of_its_own() {
        let lambda = FakeLambda::start_keeping_few().await;
        let mut runtime = Runtime::new(lambda.address);
        lambda.push_always(Event::new("", "1"));
        lambda.push_always_to("other", Event::new("", "2"));
        let others = runtime.send(Request::get(NEXT).header("User-Agent", "other")).await;
        let own = runtime.next().await;
        assert_eq!((others.text(), own.text()), ("2".to_owned(), "1".to_owned()));
        assert_ne!(others.id(), own.id());
    }
}
