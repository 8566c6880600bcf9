//! What happens in a turn, as those who watch it are told: server-sent events.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use crate::reply::Reply;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// The turn has begun, in this session.
    Session(String),
    /// A piece of the model's text.
    Text(String),
    /// The model calls a tool.
    Call { id: String, name: String, input: Value },
    /// What the tool returned, as the model reads it.
    Result { id: String, name: String, content: Value, is_error: bool },
    /// The turn is over: what somebody gets who does not watch.
    Done(Reply),
}

impl Event {
    /// The event as it is sent. A reply that is no success is the event `error`.
    pub(crate) fn spelt(&self) -> Bytes {
        let (name, data) = match self {
            Self::Session(id) => ("session", json!({ "session_id": id })),
            Self::Text(text) => ("text", json!({ "text": text })),
            Self::Call { id, name, input } => ("tool_call", json!({ "id": id, "name": name, "input": input })),
            Self::Result { id, name, content, is_error } => {
                ("tool_result", json!({ "id": id, "name": name, "content": content, "is_error": is_error }))
            }
            Self::Done(reply) if reply.is_success() => ("done", reply.json()),
            Self::Done(reply) => ("error", json!({ "status": reply.status, "body": reply.json() })),
        };
        // JSON has no line breaks.
        Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
    }
}

/// Those who watch a turn, if anybody does. A turn goes on when they leave: it is paid for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watchers(Option<UnboundedSender<Event>>);

impl Watchers {
    pub(crate) fn new(sender: UnboundedSender<Event>) -> Self {
        Self(Some(sender))
    }

    /// Whether a model's words should come one by one.
    pub(crate) fn are_there(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn tell(&self, event: Event) {
        if let Some(sender) = &self.0 {
            let _ = sender.send(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_name_and_one_line_of_json() {
        let spelt = |event: Event| String::from_utf8(event.spelt().to_vec()).expect("text");
        assert_eq!(spelt(Event::Text("a\nb".into())), "event: text\ndata: {\"text\":\"a\\nb\"}\n\n");
        let refused = Event::Done(Reply::error(429, "slower"));
        assert_eq!(spelt(refused), "event: error\ndata: {\"status\":429,\"body\":{\"error\":\"slower\"}}\n\n");
    }
}
