//! One invocation: a request over HTTP, or messages of the queue.

use crate::agent::Agent;
use crate::api::{self, Wanted, wanted};
use crate::caller::Callers;
use crate::error::TurnError;
use crate::events::{Event, Watchers};
use crate::invocation::Invoking;
use crate::model_call::Answering;
use crate::question::Question;
use crate::reply::Reply;
use functions_shared::streaming::{Answer, Pieces, Streamed};
use functions_shared::{Failure, LambdaEvent};
use http_api::Request;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Everything that answers.
#[derive(Debug)]
pub struct State<M, F> {
    pub(crate) agent: Arc<Agent<M, F>>,
    pub(crate) callers: Callers,
}

/// Time for the reply, before Lambda ends the invocation.
const RESERVE: Duration = Duration::from_secs(1);
/// How long a turn may take when nobody says.
const WITHOUT_DEADLINE: Duration = Duration::from_mins(5);

/// Answers one event.
///
/// # Errors
/// `InvalidEvent`: it is neither a request nor a batch of messages.
pub async fn handle<M, F>(state: Arc<State<M, F>>, event: LambdaEvent<Value>) -> Result<Answer, Failure>
where
    M: Answering,
    F: Invoking,
{
    let LambdaEvent { payload, context } = event;
    let until = deadline(context.deadline());
    let is_url = is_function_url(&payload);
    let caller = state.callers.of(&payload).await;
    let host = payload["requestContext"]["domainName"].as_str().map(str::to_owned);
    let accepts_events = payload["headers"]["accept"].as_str().is_some_and(|types| types.contains("text/event-stream"));
    let request = Request::read(payload).map_err(|error| Failure::invalid_event(&error))?;
    let wanted = request.map_err(TurnError::from).and_then(|request| wanted(&request));
    let reply = match wanted {
        Err(error) => error.reply(),
        Ok(Err(reply)) => reply,
        Ok(Ok(Wanted::Page)) => api::page(),
        Ok(Ok(wanted)) => match (caller, wanted) {
            (Err(error), _) => error.reply(),
            (Ok(caller), Wanted::Other(resource)) => {
                let found = state.agent.found(&caller, resource, host.as_deref(), until).await;
                found.unwrap_or_else(|error| error.reply())
            }
            (Ok(caller), Wanted::Answer(question)) if is_url && (question.stream || accepts_events) => {
                return Ok(watched(&state.agent, caller, *question, until).await);
            }
            (Ok(caller), Wanted::Answer(question)) => {
                state.agent.answered(&caller, *question, &Watchers::default(), until).await
            }
            (Ok(_), Wanted::Page) => api::page(),
        },
    };
    Ok(if is_url { whole(&reply) } else { Answer::Whole(reply.into_event()) })
}

/// Only a function URL passes on what comes piece by piece.
fn is_function_url(event: &Value) -> bool {
    event["requestContext"]["domainName"].as_str().is_some_and(|name| name.contains(".lambda-url."))
}

/// A turn whose events are sent while it runs. It is a task of its own: those who watch it may leave, and what was begun is paid for
/// and written down all the same.
async fn watched<M, F>(agent: &Arc<Agent<M, F>>, caller: String, question: Question, until: Instant) -> Answer
where
    M: Answering,
    F: Invoking,
{
    let (sender, mut events) = unbounded_channel();
    let agent = Arc::clone(agent);
    tokio::spawn(async move {
        let watchers = Watchers::new(sender);
        let reply = agent.answered(&caller, question, &watchers, until).await;
        watchers.tell(Event::Done(reply));
    });
    let mut first = Vec::new();
    loop {
        match events.recv().await {
            // What was refused before anything was said has its own status.
            Some(Event::Done(reply)) => return whole_or_stream(first, reply),
            Some(event @ Event::Session(_)) => first.push(event),
            Some(event) => {
                first.push(event);
                return streamed(first, events);
            }
            None => return whole(&Reply::error(500, "the turn has ended without an answer")),
        }
    }
}

fn whole_or_stream(mut first: Vec<Event>, reply: Reply) -> Answer {
    if !reply.is_success() {
        return whole(&reply);
    }
    first.push(Event::Done(reply));
    streamed(first, unbounded_channel().1)
}

fn streamed(first: Vec<Event>, mut events: UnboundedReceiver<Event>) -> Answer {
    let (sender, pieces) = Pieces::channel();
    for event in first {
        sender.send(event.spelt());
    }
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            sender.send(event.spelt());
        }
    });
    let headers = vec![("content-type", "text/event-stream".to_owned()), ("cache-control", "no-store".to_owned())];
    Answer::Streamed(Streamed { status: 200, headers, pieces })
}

/// A reply for a function URL that streams: what it sends has a prelude instead of an envelope.
fn whole(reply: &Reply) -> Answer {
    let (sender, pieces) = Pieces::channel();
    sender.send(reply.text().into());
    Answer::Streamed(Streamed { status: reply.status, headers: reply.headers.clone(), pieces })
}

/// A deadline on the clock that timers use, less what answering takes. One that has passed already says nothing: stand-ins for
/// the Runtime API make one up.
fn deadline(deadline: SystemTime) -> Instant {
    let left = deadline.duration_since(SystemTime::now()).unwrap_or(WITHOUT_DEADLINE);
    Instant::now() + left.saturating_sub(RESERVE)
}
