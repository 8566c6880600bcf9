//! What was asked, in the order in which it came.

use crate::capacity::Units;
use crate::words::words;
use http::request::Parts;
use http::{HeaderMap, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// One request to a service.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// When it came, in seconds since 1970.
    pub at: f64,
    /// The service's name, such as `ntfy`, or `aws:sns` of what passes the relay.
    pub service: String,
    /// What was asked, for people and for the order of calls: `sns Publish rez-agent-notifications-local`, `ntfy POST /`.
    pub words: String,
    /// `GET`, `POST` …
    pub method: String,
    /// With its query.
    pub path: String,
    /// By names in lower case.
    pub headers: BTreeMap<String, String>,
    /// What is not UTF-8 is replaced.
    pub body: String,
    /// The answer's status; nothing while there is none, and when the connection was closed without one.
    pub status: Option<u16>,
    /// Request units that DynamoDB charged, of what passes the relay.
    pub units: Option<f64>,
}

/// All calls so far. Clones share them.
#[derive(Clone, Debug)]
pub struct Record(Arc<watch::Sender<Vec<Call>>>);

impl Default for Record {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }
}

impl Record {
    /// Every call.
    pub fn calls(&self) -> Vec<Call> {
        self.0.borrow().clone()
    }

    /// Those of one service.
    pub fn of(&self, service: &str) -> Vec<Call> {
        self.0.borrow().iter().filter(|call| call.service == service).cloned().collect()
    }

    /// Waits until the calls are as `wanted`; for ever, if they never are.
    pub async fn until(&self, mut wanted: impl FnMut(&[Call]) -> bool) {
        // The sender is `self`: it is there.
        drop(self.0.subscribe().wait_for(|calls| wanted(calls)).await);
    }

    /// Forgets all of them.
    pub fn clear(&self) {
        self.0.send_modify(Vec::clear);
    }

    /// Takes a request down; its place in the record.
    pub(crate) fn add(&self, service: &str, head: &Parts, body: &[u8]) -> usize {
        let call = Call {
            at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64()),
            service: service.to_owned(),
            words: words(service, head, body),
            method: head.method.to_string(),
            path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            headers: texts(&head.headers),
            body: String::from_utf8_lossy(body).into_owned(),
            status: None,
            units: None,
        };
        let mut place = 0;
        self.0.send_modify(|calls| {
            place = calls.len();
            calls.push(call);
        });
        place
    }

    /// What it was answered. The record may have been cleared meanwhile.
    pub(crate) fn answered<B>(&self, place: usize, answer: &Response<B>) {
        self.0.send_modify(|calls| {
            if let Some(call) = calls.get_mut(place) {
                call.status = Some(answer.status().as_u16());
                call.units = answer.extensions().get().map(|Units(units)| *units);
            }
        });
    }
}

fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
