//! Handles each request of the runtime: [`hydration`] changes events, [`offloading`] changes responses, and everything else
//! is forwarded. Only this module uses the content rules, the store and the wire together.

mod compute;
mod error;
mod errors;
mod gathering;
mod hydration;
#[cfg(any(test, fuzzing))]
pub mod in_process;
mod left_alone;
mod notices;
mod offloading;
mod sandbox;

use std::io;

use long_content::encoded;
use long_content::envelope::{Envelope, Shape};
use long_content::screen::{EventScreen, ResponseScreen};
use long_content::store::ContentStore;

use self::error::ProxyError;
use self::gathering::Ungathered;
pub use self::hydration::MAX_ROUNDS;
use self::hydration::{Body, Ready};
pub use self::sandbox::Proxy;
use crate::error::{Failure, FailureKind, error_document};
use crate::invocations::{Attempt, INVOCATION_ID};
use crate::metrics::Work;
use crate::payload::Payload;
use crate::room::Part;
use crate::route::{self, Route};
use crate::runtime_api::{Reply, UpstreamError};
use crate::wire::{Broken, Connection, Fields, Framing, OutgoingHead, RequestHead, ResponseHead, WireError};

const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
const CLIENT_CONTEXT: &str = "lambda-runtime-client-context";
const USER_AGENT: &str = "user-agent";
const FUNCTION_ERROR_TYPE: &str = "Lambda-Runtime-Function-Error-Type";

impl<S: ContentStore> Proxy<S> {
    /// Answers one request of the runtime.
    pub async fn handle(&self, request: &RequestHead, runtime: &mut Connection) -> Result<(), Unserved> {
        let answer = match Route::of(request.method(), request.path()) {
            Route::Next => self.next(request, runtime).await,
            Route::Response(id) => self.respond(id, Outcome::Response, request, runtime).await,
            Route::Error(id) => self.respond(id, Outcome::Error, request, runtime).await,
            Route::RestoreNext => {
                let answer = self.forward(request, runtime).await;
                if answer.as_ref().is_ok_and(ToRuntime::is_success) {
                    self.restored();
                }
                answer
            }
            Route::Other => self.forward(request, runtime).await,
        };
        match answer {
            Ok(ToRuntime::Event(event)) => self.deliver(event, runtime).await.map_err(Unserved::Answer),
            Ok(ToRuntime::Upstream(reply)) => reply.answer(request, runtime).await.map_err(Unserved::from),
            Ok(ToRuntime::TooLarge(failure)) => too_large(&failure, runtime).await.map_err(Unserved::Answer),
            Err(ProxyError::Gone) => Err(Unserved::Gone),
            Err(ProxyError::Upstream(UpstreamError::Request(error))) => Err(Unserved::Request(error)),
            Err(error) => bad_gateway(&error, runtime).await.map_err(Unserved::Answer),
        }
    }

    /// Long-polls for the next event and hydrates it. If an event cannot be hydrated, its invocation fails and the poll goes
    /// on: the runtime never gets half an event.
    async fn next(&self, request: &RequestHead, runtime: &mut Connection) -> Result<ToRuntime<'_>, ProxyError> {
        // A poll has no body; what came as one must not be before the next request.
        while runtime.data().await.map_err(UpstreamError::Request)?.is_some() {}
        loop {
            let reply = self.poll(request, runtime).await?;
            if !reply.head.is_success() {
                return Ok(ToRuntime::Upstream(reply));
            }
            if Attempt::of_event(&reply.head.fields).is_none() {
                return Ok(ToRuntime::Upstream(reply));
            }
            self.config.store.access.connections.invoked();
            let mut invocation = self.invocations.arriving(&reply.head.fields);
            let mut screen = EventScreen::default();
            let (head, payload) = receive(reply, runtime, |piece| screen.push(piece)).await?;
            let attempt = Attempt::of_event(&head.fields).expect("BUG: it had one when its head came");
            let (request_id, is_raised) = (attempt.request_id, screen.is_raised());
            tracing::trace!(request_id, bytes = payload.len(), raised = is_raised, "event");
            let context = head.fields.get(CLIENT_CONTEXT);
            let ready = if is_raised {
                // In a box: what passes does not pay for the size of this future.
                Box::pin(self.hydrate(payload.whole(), context, &mut invocation)).await
            } else {
                invocation.is_left_alone = self.leaves_alone(Envelope::of_caller(context));
                Ok(payload.into())
            };
            match ready {
                Ok(Ready { body, room }) => {
                    invocation.work.log_event(request_id);
                    let may_be_exposed = !is_raised && self.may_be_left_alone(&invocation);
                    self.invocations.begin(attempt, invocation);
                    return Ok(ToRuntime::Event(Event { head, body, room, may_be_exposed, was_searched: is_raised }));
                }
                Err(failure) => {
                    let fields = fields_of_event(&head.fields, &request.fields);
                    let told = Box::pin(self.fail(request_id, fields, &failure, &mut invocation.work)).await;
                    self.metrics.report(request_id, &invocation.work);
                    told?.drain().await;
                }
            }
        }
    }

    /// Sends an event to the runtime. Meanwhile, it determines who reads the response, if that is not known yet.
    async fn deliver(&self, event: Event<'_>, runtime: &mut Connection) -> io::Result<()> {
        let Event { head: event, body, room: _room, may_be_exposed, was_searched } = event;
        let payload = match body {
            Body::Whole(payload) => payload,
            Body::InChunks(hydrated) => {
                let head = OutgoingHead::response(&event, Framing::Length(hydrated.len()), runtime.stays_open());
                let mut chunks = hydrated.chunks();
                return runtime.send_written(&head, |chunk, len| chunks.write(chunk, len)).await;
            }
        };
        let head = OutgoingHead::response(&event, Framing::Length(payload.len() as u64), runtime.stays_open());
        let may_hold_records = || !was_searched && payload.parts().next().is_some_and(encoded::may_hold_records);
        let finding_out = async {
            if (may_be_exposed || may_hold_records())
                && let Some(shape) = Shape::of_parts(payload.parts())
                && let Some(attempt) = Attempt::of_event(&event.fields)
            {
                if may_be_exposed {
                    self.invocations.leave_alone(attempt, self.leaves_alone(shape.envelope));
                }
                if shape.is_encoded && encoded::holds_reference(payload.parts()) {
                    notices::encoded_references();
                    self.invocations.note_encoded(attempt);
                }
            }
        };
        // All tasks share one thread: none takes a response before both have begun, and the second waits for nothing.
        let (sent, ()) = tokio::join!(biased; runtime.send(&head, &payload), finding_out);
        sent
    }

    /// Offloads a response and forwards it. If the response's contents cannot be stored and it cannot be sent without that,
    /// the invocation fails. An error is always forwarded, without anything that could be taken for a reference.
    async fn respond(
        &self,
        id: &str,
        outcome: Outcome,
        request: &RequestHead,
        runtime: &mut Connection,
    ) -> Result<ToRuntime<'_>, ProxyError> {
        let attempt = Attempt::of_outcome(id, &request.fields);
        let known = self.invocations.get(attempt);
        if self.passes(outcome, &request.fields, known.as_ref()) {
            return self.pass_outcome(id, request, runtime).await;
        }
        let is_known = known.is_some();
        let mut invocation = known.unwrap_or_default();
        let mut screen = ResponseScreen::new(match outcome {
            Outcome::Response => self.config.max_content_size,
            Outcome::Error => usize::MAX,
        });
        let gathered = self.gather(request, runtime, &mut invocation, |piece| screen.push(piece)).await;
        let (response, _part) = match gathered {
            Ok((response, part)) => (Ok(response), Some(part)),
            Err(Ungathered::Failed(failure)) => (Err(failure), None),
            Err(Ungathered::BrokenOff(part, error)) => {
                return Err(Box::pin(self.break_off(request, &part, error)).await);
            }
            Err(Ungathered::Unreadable(error)) => return Err(UpstreamError::Request(error).into()),
        };
        let response = match response {
            Ok(response) => {
                let is_raised = screen.is_raised();
                tracing::trace!(request_id = id, bytes = response.len(), raised = is_raised, "response");
                match outcome {
                    Outcome::Error if is_raised => {
                        Ok(Box::pin(self.disarm(id, response.whole(), is_known, &mut invocation)).await.into())
                    }
                    Outcome::Error => Ok(response),
                    Outcome::Response if !is_raised && (!is_known || self.is_short(&response)) => Ok(response),
                    Outcome::Response if is_known => {
                        Box::pin(self.offload(response.whole(), &mut invocation)).await.map(Payload::from)
                    }
                    Outcome::Response => Self::leave_unknown(response),
                }
            }
            failed => failed,
        };
        let answer = match response {
            Ok(response) => {
                invocation.work.log_response(id);
                self.upstream.send(request, &response).await.map(ToRuntime::Upstream).map_err(ProxyError::from)
            }
            Err(failure) => Box::pin(self.refuse(id, request, failure, &mut invocation.work)).await,
        };
        self.ending(attempt, Some(invocation.work), answer)
    }

    /// Fails an invocation in place of sending its response. The runtime gets upstream's answer to that, unless the runtime
    /// has to stop sending.
    async fn refuse(
        &self,
        id: &str,
        request: &RequestHead,
        failure: Failure,
        work: &mut Work,
    ) -> Result<ToRuntime<'_>, ProxyError> {
        let told = self.fail(id, fields_of_runtime(&request.fields), &failure, work).await?;
        if failure.kind != FailureKind::ResponseTooLarge || !told.head.is_success() {
            return Ok(ToRuntime::Upstream(told));
        }
        told.drain().await;
        Ok(ToRuntime::TooLarge(failure))
    }

    /// Forwards the outcome of an invocation while the runtime sends it.
    async fn pass_outcome(
        &self,
        id: &str,
        request: &RequestHead,
        runtime: &mut Connection,
    ) -> Result<ToRuntime<'_>, ProxyError> {
        let answer = self.forward(request, runtime).await;
        self.ending(Attempt::of_outcome(id, &request.fields), None, answer)
    }

    /// Forgets an invocation whose outcome upstream has accepted, and reports its `work`, or the remembered work if `work`
    /// is `None`.
    fn ending<'a>(
        &self,
        attempt: Attempt<'_>,
        work: Option<Work>,
        answer: Result<ToRuntime<'a>, ProxyError>,
    ) -> Result<ToRuntime<'a>, ProxyError> {
        if answer.as_ref().is_ok_and(ToRuntime::is_success) {
            let ended = self.invocations.end(attempt);
            self.metrics.report(attempt.request_id, &work.or(ended).unwrap_or_default());
        } else if let Some(work) = work {
            self.invocations.worked(attempt, work);
        }
        answer
    }

    /// Fails an invocation upstream, and returns upstream's answer. `fields` are those that the runtime would have sent with
    /// an error.
    async fn fail(
        &self,
        id: &str,
        mut fields: Vec<(&[u8], &[u8])>,
        failure: &Failure,
        work: &mut Work,
    ) -> Result<Reply<'_>, ProxyError> {
        work.failed(failure.kind);
        tracing::error!(request_id = id, error = %failure, "invocation failed");
        if !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ProxyError::RequestId);
        }
        let error_type = failure.function_error_type();
        fields.push((b"Content-Type", b"application/vnd.aws.lambda.error+json"));
        fields.push((FUNCTION_ERROR_TYPE.as_bytes(), error_type.as_bytes()));
        Ok(self.upstream.call("POST", &route::error_path(id), &fields, &failure.document().into()).await?)
    }

    /// Forwards a request and its answer piece by piece, trailers included.
    async fn forward(&self, request: &RequestHead, runtime: &mut Connection) -> Result<ToRuntime<'_>, ProxyError> {
        let reply = match request.method() {
            "GET" if !request.has_body() => self.poll(request, runtime).await?,
            _ => self.upstream.stream(request, runtime).await?,
        };
        Ok(ToRuntime::Upstream(reply))
    }

    /// Forwards a request that may be answered late. If the runtime disconnects, or sends so much that the proxy could no
    /// longer notice that, the proxy drops the request to upstream: no event is consumed without a runtime to handle it.
    async fn poll(&self, request: &RequestHead, runtime: &mut Connection) -> Result<Reply<'_>, ProxyError> {
        tokio::select! {
            biased;
            closed = runtime.closed() => {
                closed.map_err(UpstreamError::Request)?;
                Err(ProxyError::Gone)
            }
            reply = self.upstream.pass(request) => Ok(reply?),
        }
    }
}

/// How an invocation ended in the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Response,
    Error,
}

/// The answer to a request of the runtime.
enum ToRuntime<'a> {
    Event(Event<'a>),
    Upstream(Reply<'a>),
    /// Our own answer: the response was not read to its end, and upstream has accepted a failure in its place.
    TooLarge(Failure),
}

impl ToRuntime<'_> {
    fn is_success(&self) -> bool {
        match self {
            Self::Event(event) => event.head.is_success(),
            Self::Upstream(reply) => reply.head.is_success(),
            Self::TooLarge(_) => true,
        }
    }
}

/// An event for the runtime.
struct Event<'a> {
    head: ResponseHead,
    body: Body,
    /// The memory that it takes until the runtime has it.
    room: Option<Part<'a>>,
    /// Whether it is still open if its response has to be left alone.
    may_be_exposed: bool,
    /// Whether it was searched for references.
    was_searched: bool,
}

/// Why a connection of the runtime cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub enum Unserved {
    /// A request cannot be read; it was not answered.
    #[error("a request cannot be read: {0}")]
    Request(WireError),
    /// The answer could not be sent to the runtime.
    #[error("an answer cannot be sent: {0}")]
    Answer(io::Error),
    /// Upstream's answer ended early, and so does ours.
    #[error("the response of the Runtime API ended early: {0}")]
    Upstream(WireError),
    /// The runtime disconnected during its poll.
    #[error("the runtime disconnected while it polled")]
    Gone,
}

impl From<Broken> for Unserved {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Source(error) => Self::Upstream(error),
            Broken::Sink(error) => Self::Answer(error),
        }
    }
}

/// Reads a whole event, and shows each piece to `look`. If the runtime disconnects meanwhile, it stops reading, because the
/// rest may never come.
async fn receive(
    reply: Reply<'_>,
    runtime: &mut Connection,
    look: impl FnMut(&[u8]) -> bool,
) -> Result<(ResponseHead, Payload), ProxyError> {
    tokio::select! {
        biased;
        received = reply.gather(look) => received.map_err(ProxyError::Event),
        closed = runtime.closed() => {
            closed.map_err(UpstreamError::Request)?;
            Err(ProxyError::Gone)
        }
    }
}

/// The fields of an error that replaces a runtime's response: all fields by which the runtime named itself and the
/// invocation (O9), and none that described the response.
fn fields_of_runtime(request: &Fields) -> Vec<(&[u8], &[u8])> {
    let begins = |name: &[u8], start: &str| {
        name.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start.as_bytes()))
    };
    let is_named = |name: &[u8]| {
        name.eq_ignore_ascii_case(USER_AGENT.as_bytes())
            || begins(name, "lambda-runtime-") && !begins(name, "lambda-runtime-function-")
    };
    request.iter().filter(|(name, value)| is_named(name) && !value.is_empty()).collect()
}

/// The fields of an error that replaces an event, which the runtime of this `poll` never got.
fn fields_of_event<'a>(event: &'a Fields, poll: &'a Fields) -> Vec<(&'a [u8], &'a [u8])> {
    let of = |fields: &'a Fields, wanted: &'static str| {
        fields.iter().filter(move |(name, value)| name.eq_ignore_ascii_case(wanted.as_bytes()) && !value.is_empty())
    };
    of(event, INVOCATION_ID).chain(of(poll, USER_AGENT)).collect()
}

/// Tells a runtime that its response is too large, and ends the connection, because the rest is not read.
async fn too_large(failure: &Failure, runtime: &mut Connection) -> io::Result<()> {
    let body = Payload::from(failure.document());
    runtime.close_behind();
    let head = OutgoingHead::own_response("413 Content Too Large", "application/json", body.len(), false);
    runtime.send(&head, &body).await
}

async fn bad_gateway(error: &ProxyError, runtime: &mut Connection) -> io::Result<()> {
    tracing::error!(%error, "no answer from upstream");
    let body = Payload::from(error_document("LongContent.UpstreamUnavailable", &error.to_string()));
    let head = OutgoingHead::own_response("502 Bad Gateway", "application/json", body.len(), runtime.stays_open());
    runtime.send(&head, &body).await
}

fn is_streaming(request: &Fields) -> bool {
    request.get(RESPONSE_MODE) == Some(b"streaming")
}
