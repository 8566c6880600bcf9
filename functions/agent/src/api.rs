//! The paths under `/agent`.

use crate::agent::Agent;
use crate::error::TurnError;
use crate::events::Watchers;
use crate::history;
use crate::invocation::Invoking;
use crate::model_call::Answering;
use crate::question::{Question, check_session_id};
use crate::reply::Reply;
use crate::workflow::Workflow;
use functions_shared::Refusal;
use http_api::Request;
use std::time::Instant;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The chat page. It holds no user's data, so it is served to everyone.
    Page,
    /// An answer.
    Answer(Box<Question>),
    /// Something that is there.
    Other(Resource),
}

/// Something that is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// What the agent can do.
    Card,
    /// The day's numbers.
    Usage,
    /// A conversation.
    Session(String),
    /// A conversation that is not needed any more.
    Forgotten(String),
    /// What became of a question that went to the state machine.
    Execution(String),
    /// A part of a long result of a tool in a conversation.
    LongResult { session_id: String, handle: String, from: usize },
}

/// What a request asks for, or what it gets without anybody asking further.
pub(crate) fn wanted(request: &Request) -> Result<Result<Wanted, Reply>, TurnError> {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let session = |id: &str| check_session_id(id).map(|()| id.to_owned());
    Ok(Ok(match (request.method.as_str(), path.as_slice()) {
        ("POST", ["agent"]) => Wanted::Answer(Box::new(Question::of_body(request.json()?)?)),
        ("GET", ["agent", "ui"]) => Wanted::Page,
        ("GET", ["agent", "card"] | ["agent", ".well-known", "agent-card"]) => Wanted::Other(Resource::Card),
        ("GET", ["agent", "usage"]) => Wanted::Other(Resource::Usage),
        ("GET", ["agent", "executions", name]) => Wanted::Other(Resource::Execution((*name).to_owned())),
        ("GET", ["agent", "sessions", id]) => Wanted::Other(Resource::Session(session(id)?)),
        ("DELETE", ["agent", "sessions", id]) => Wanted::Other(Resource::Forgotten(session(id)?)),
        ("GET", ["agent", "sessions", id, "result"]) => Wanted::Other(long_result(session(id)?, request)?),
        (_, ["agent"]) => return Ok(Err(other_methods("POST"))),
        (_, ["agent", "sessions", _]) => return Ok(Err(other_methods("DELETE, GET"))),
        (
            _,
            ["agent", "ui" | "card" | "usage"]
            | ["agent", ".well-known", "agent-card"]
            | ["agent", "executions", _]
            | ["agent", "sessions", _, "result"],
        ) => {
            return Ok(Err(other_methods("GET")));
        }
        _ => return Ok(Err(Reply::error(404, "there is nothing at this path"))),
    }))
}

fn long_result(session_id: String, request: &Request) -> Result<Resource, Refusal> {
    let handle = request.parameter("handle").ok_or_else(|| Refusal::invalid("handle", "is missing"))?.to_owned();
    let from = request.parameter("from").unwrap_or("0").parse();
    let from = from.map_err(|_| Refusal::invalid("from", "must be a whole number"))?;
    Ok(Resource::LongResult { session_id, handle, from })
}

fn other_methods(allowed: &str) -> Reply {
    Reply::error(405, format!("this path takes {allowed}")).with("allow", allowed)
}

impl<M: Answering, F: Invoking> Agent<M, F> {
    /// What a caller gets of what is there. `host`: the name by which the agent was asked.
    pub(crate) async fn found(
        &self,
        caller: &str,
        resource: Resource,
        host: Option<&str>,
        until: Instant,
    ) -> Result<Reply, TurnError> {
        match resource {
            Resource::Card => self.card(host).await,
            Resource::Execution(name) => self.executed()?.found(caller, &name).await,
            Resource::Usage => Ok(Reply::json_of(200, self.usage().await?)),
            Resource::Session(id) => {
                Ok(Reply::json_of(200, history::shown(&self.sessions.read(caller, &id, until).await?)))
            }
            Resource::Forgotten(id) => self.sessions.delete(caller, &id).await.map(|()| Reply::no_content()),
            Resource::LongResult { session_id, handle, from } => {
                let conversation = self.sessions.read(caller, &session_id, until).await?;
                let text = self.results.long(&conversation.messages, &handle, until).await?;
                Ok(Reply::json_of(200, history::part(&text, from)))
            }
        }
    }

    /// The state machine, where there is one: without it there is no execution.
    fn executed(&self) -> Result<&Workflow, Refusal> {
        self.workflow.as_ref().ok_or_else(|| Refusal::NotFound("this agent has no state machine".to_owned()))
    }

    /// The answer to a caller's question, or why there is none.
    pub(crate) async fn answered(
        &self,
        caller: &str,
        question: Question,
        watchers: &Watchers,
        until: Instant,
    ) -> Reply {
        self.ask(caller, question, watchers, until).await.unwrap_or_else(|error| error.reply())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(method: &str, path: &str) -> Request {
        let event = json!({
            "rawPath": path, "body": "{}", "isBase64Encoded": false,
            "requestContext": { "stage": "$default", "http": { "method": method } },
        });
        Request::read(event).expect("an event").expect("a request")
    }

    #[test]
    fn paths_take_the_methods_that_they_have() {
        for (method, path, status) in [
            ("GET", "/agent", 405),
            ("POST", "/agent/ui", 405),
            ("PUT", "/agent/sessions/a", 405),
            ("POST", "/agent/.well-known/agent-card", 405),
            ("DELETE", "/agent/executions/a", 405),
            ("GET", "/agents", 404),
            ("GET", "/agent/sessions", 404),
            ("GET", "/", 404),
        ] {
            let reply = wanted(&request(method, path)).expect("no error").expect_err("a reply");
            assert_eq!(reply.status, status, "{method} {path}");
        }
        let found = |path| wanted(&request("GET", path)).expect("no error").expect("something");
        assert_eq!(found("/agent/.well-known/agent-card"), Wanted::Other(Resource::Card));
        assert_eq!(found("/agent/sessions/a-1"), Wanted::Other(Resource::Session("a-1".to_owned())));
        assert_eq!(found("/agent/ui"), Wanted::Page);
    }
}
