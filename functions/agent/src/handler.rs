//! One invocation: a request over HTTP, or messages of the queue.

use crate::agent::Agent;
use crate::api::{Wanted, wanted};
use crate::caller::Callers;
use crate::error::TurnError;
use crate::events::{Event, Watchers};
use crate::invocation::Invoking;
use crate::model_call::Answering;
use crate::page;
use crate::question::Question;
use crate::queue::Queue;
use crate::reply::Reply;
use functions_shared::{Failure, LambdaEvent};
use http_api::Request;
use http_api::streaming::{self, Answer, Pieces, Streamed, is_function_url};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Everything that answers.
#[derive(Debug)]
pub struct State<M, F> {
    pub(crate) agent: Arc<Agent<M, F>>,
    pub(crate) callers: Callers,
    /// Where messages are, if this function takes any.
    pub(crate) queue: Option<Queue>,
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
    if payload.get("Records").is_some() {
        return Box::pin(queued(&state, payload, until)).await;
    }
    let host = payload["requestContext"]["domainName"].as_str().map(str::to_owned);
    let request = Request::read(payload).map_err(|error| Failure::invalid_event(&error))?;
    let is_url = host.as_deref().is_some_and(is_function_url);
    let replied = match request.map_err(TurnError::from) {
        // Boxed: a future as deep as this one is too much for the compiler.
        Ok(request) => Box::pin(state.replied(&request, host.as_deref(), is_url, until)).await,
        Err(error) => Err(error),
    };
    Ok(match replied.unwrap_or_else(|error| Replied::Whole(error.reply())) {
        Replied::Watched(answer) => answer,
        Replied::Whole(reply) if is_url => whole(&reply),
        Replied::Whole(reply) => Answer::Whole(reply.into_event()),
    })
}

/// What a request got.
enum Replied {
    Whole(Reply),
    /// A turn that is watched.
    Watched(Answer),
}

impl<M: Answering, F: Invoking> State<M, F> {
    async fn replied(
        &self,
        request: &Request,
        host: Option<&str>,
        is_url: bool,
        until: Instant,
    ) -> Result<Replied, TurnError> {
        let wanted = match wanted(request)? {
            Ok(Wanted::Page) => return Ok(Replied::Whole(page::reply())),
            Ok(wanted) => wanted,
            Err(reply) => return Ok(Replied::Whole(reply)),
        };
        let caller = self.callers.of(request).await?;
        match wanted {
            Wanted::Answer(question) if is_url && (question.stream || accepts_events(request)) => {
                Ok(Replied::Watched(watched(&self.agent, caller, *question, until).await))
            }
            Wanted::Answer(question) => {
                Ok(Replied::Whole(self.agent.answered(&caller, *question, &Watchers::default(), until).await))
            }
            Wanted::Other(resource) => self.agent.found(&caller, resource, host, until).await.map(Replied::Whole),
            Wanted::Page => Ok(Replied::Whole(page::reply())),
        }
    }
}

async fn queued<M, F>(state: &State<M, F>, event: Value, until: Instant) -> Result<Answer, Failure>
where
    M: Answering,
    F: Invoking,
{
    let none = || Failure::new("NoQueue", "DYNAMODB_TABLE_NAME is not set: this function takes no messages");
    let queue = state.queue.as_ref().ok_or_else(none)?;
    let event = serde_json::from_value(event).map_err(|error| Failure::invalid_event(&error))?;
    Ok(Answer::Whole(json!(queue.serve(&state.agent, event, until).await)))
}

fn accepts_events(request: &Request) -> bool {
    request.header("accept").is_some_and(|types| types.contains("text/event-stream"))
}

/// A turn whose events are sent while it runs. It is a separate task: those who watch it may leave, and what was started is paid for
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
    Answer::Streamed(Streamed { status: 200, headers: streaming::headers(headers), pieces })
}

/// A reply for a function URL that streams: what it sends has a prelude instead of an envelope.
fn whole(reply: &Reply) -> Answer {
    let (sender, pieces) = Pieces::channel();
    sender.send(reply.text().into());
    Answer::Streamed(Streamed { status: reply.status, headers: streaming::headers(reply.headers.clone()), pieces })
}

/// A deadline on the clock that timers use, less what answering takes. One that has passed already says nothing: stand-ins for
/// the Runtime API make one up.
fn deadline(deadline: SystemTime) -> Instant {
    let left = deadline.duration_since(SystemTime::now()).unwrap_or(WITHOUT_DEADLINE);
    Instant::now() + left.saturating_sub(RESERVE)
}
