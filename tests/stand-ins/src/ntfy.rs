//! ntfy: takes notifications as JSON or as text with headers, and shows what a phone would show.
//!
//! The shapes are those of <https://docs.ntfy.sh/publish/> and <https://docs.ntfy.sh/subscribe/api/>.

use crate::service::Service;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Its name in records and scripts.
pub const NTFY: &str = "ntfy";
/// A longer message becomes an attachment.
const LONGEST_MESSAGE: usize = 4_096;

/// What is published.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Notification {
    /// The topic.
    pub topic: String,
    /// Its text.
    #[serde(default)]
    pub message: String,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Buttons: nothing of ours makes any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Value>,
    /// What a further one with the same replaces.
    #[serde(default)]
    pub sequence_id: String,
}

/// What was published so far. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Ntfy(Arc<Mutex<Vec<Notification>>>);

impl Ntfy {
    /// What a phone shows of a topic: of several with one sequence id the last, where the first was.
    pub fn shown(&self, topic: &str) -> Vec<Notification> {
        let mut shown: Vec<Notification> = Vec::new();
        for one in self.lock().iter().filter(|one| one.topic == topic) {
            match shown.iter_mut().find(|earlier| earlier.sequence_id == one.sequence_id) {
                Some(earlier) => *earlier = one.clone(),
                None => shown.push(one.clone()),
            }
        }
        shown
    }

    /// The service.
    pub(crate) fn service(&self) -> Service {
        let router = Router::new().route("/", post(publish_json)).route("/{topic}", post(publish_text));
        let router = router.route("/{topic}/json", get(poll)).with_state(self.clone());
        Service { name: NTFY.to_owned(), hosts: &["ntfy.sh"], below: "", router }
    }

    /// Takes one; ntfy's description of it.
    fn take(&self, mut published: Notification) -> Response {
        let mut all = self.lock();
        let id = format!("standin{:05}", all.len());
        if published.sequence_id.is_empty() {
            published.sequence_id.clone_from(&id);
        }
        let mut described = described(&id, &published);
        if published.message.len() > LONGEST_MESSAGE {
            described["attachment"] = json!({ "name": "attachment.txt", "size": published.message.len() });
        }
        all.push(published);
        Json(described).into_response()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Notification>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn described(id: &str, published: &Notification) -> Value {
    let mut described = json!(published);
    described["id"] = json!(id);
    described["time"] = json!(1_700_000_000);
    described["expires"] = json!(1_700_043_200);
    described["event"] = json!("message");
    described
}

async fn publish_json(State(ntfy): State<Ntfy>, headers: HeaderMap, body: String) -> Response {
    match serde_json::from_str::<Notification>(&body) {
        Ok(published) if is_topic(&published.topic) => ntfy.take(with_sequence(published, &headers)),
        _ => refused(40_024, "invalid request: request body must be valid JSON and have a topic"),
    }
}

async fn publish_text(
    State(ntfy): State<Ntfy>,
    Path(topic): Path<String>,
    headers: HeaderMap,
    message: String,
) -> Response {
    let tags = text(&headers, "tags").unwrap_or_default();
    let published = Notification {
        topic,
        message,
        title: text(&headers, "title"),
        tags: tags.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
        priority: text(&headers, "priority").and_then(|number| number.parse().ok()),
        actions: text(&headers, "actions").map(Value::String),
        sequence_id: String::new(),
    };
    if is_topic(&published.topic) {
        return ntfy.take(with_sequence(published, &headers));
    }
    refused(40_009, "invalid request: topic invalid")
}

/// As `GET /{topic}/json?poll=1` of ntfy: a line for each that is shown.
async fn poll(State(ntfy): State<Ntfy>, Path(topic): Path<String>) -> String {
    let lines = ntfy.shown(&topic).into_iter().map(|one| described(&one.sequence_id, &one).to_string() + "\n");
    lines.collect()
}

fn with_sequence(published: Notification, headers: &HeaderMap) -> Notification {
    let sequence_id = text(headers, "x-sequence-id").unwrap_or(published.sequence_id);
    Notification { sequence_id, ..published }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn is_topic(topic: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&topic.len()) && topic.bytes().all(allowed)
}

fn refused(code: u32, error: &str) -> Response {
    let body = json!({ "code": code, "http": 400, "error": error, "link": "https://ntfy.sh/docs/publish/" });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
