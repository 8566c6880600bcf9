//! What happens to a request of the runtime: events come in by [`hydration`], responses leave by [`offloading`],
//! everything else passes. The only place where content meets store meets wire.

mod compute;
mod hydration;
mod notices;
mod offloading;

use std::io;

use long_content::encoded;
use long_content::envelope::{Envelope, Shape};
use long_content::keys::Keyring;
use long_content::reference::Scope;
use long_content::screen::{EventScreen, ResponseScreen};
use long_content::store::ContentStore;
use tokio::sync::Semaphore;

pub use self::hydration::MAX_ROUNDS;
use crate::config::{Config, MetricsMode, Mode};
use crate::error::{Failure, error_document};
use crate::invocations::{Invocation, Invocations};
use crate::keys::SigningKeys;
use crate::metrics::{Metrics, Work};
use crate::payload::Payload;
use crate::route::{self, Route};
use crate::runtime_api::{Reply, RuntimeApi, UpstreamError};
use crate::wire::{Broken, Connection, Fields, Framing, OutgoingHead, RequestHead, ResponseHead, WireError};

const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
const CLIENT_CONTEXT: &str = "lambda-runtime-client-context";
const FUNCTION_ERROR_TYPE: &str = "Lambda-Runtime-Function-Error-Type";

/// The proxy between one sandbox's runtime and the Runtime API.
#[derive(Debug)]
pub struct Proxy<S> {
    upstream: RuntimeApi,
    store: S,
    scope: Scope,
    keys: SigningKeys,
    config: Config,
    invocations: Invocations,
    memory: Semaphore,
    metrics: Metrics,
}

impl<S: ContentStore> Proxy<S> {
    /// A proxy that forwards to `config.upstream` and keeps contents in `store`, their references signed by `keys`.
    pub fn new(config: Config, store: S, keys: SigningKeys) -> Self {
        Self {
            upstream: RuntimeApi::new(&config.upstream),
            scope: Scope::new(config.store.table.as_str()),
            memory: hydration::room(config.max_event_size),
            invocations: Invocations::default(),
            metrics: match config.metrics {
                MetricsMode::Emf => Metrics::emf(config.function_name.clone()),
                MetricsMode::Off => Metrics::off(),
            },
            store,
            keys,
            config,
        }
    }

    /// The way to the real Runtime API.
    pub fn upstream(&self) -> &RuntimeApi {
        &self.upstream
    }

    /// Where contents are kept.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What references are signed and verified with.
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// Answers one request of the runtime.
    pub async fn handle(&self, request: &RequestHead, runtime: &mut Connection) -> Result<(), Unserved> {
        let answer = match Route::of(request.method(), request.path()) {
            Route::Next => self.next(request, runtime).await,
            Route::Response(id) if !is_streaming(&request.fields) => self.respond(id, request, runtime).await,
            Route::Response(id) | Route::Error(id) => {
                let answer = self.forward(request, runtime).await;
                self.ending(id, None, answer)
            }
            Route::Other => self.forward(request, runtime).await,
        };
        match answer {
            Ok(Answer::Event(event)) => self.deliver(event, runtime).await.map_err(Unserved::Answer),
            Ok(Answer::Upstream(reply)) => reply.answer(request, runtime).await.map_err(Unserved::from),
            Err(ProxyError::Gone) => Err(Unserved::Gone),
            Err(ProxyError::Upstream(UpstreamError::Request(error))) => Err(Unserved::Request(error)),
            Err(error) => bad_gateway(&error, runtime).await.map_err(Unserved::Answer),
        }
    }

    /// Long-polls for the next event and hydrates it. An event that cannot be hydrated fails its invocation, and the
    /// poll goes on: the runtime never sees half an event.
    async fn next(&self, request: &RequestHead, runtime: &mut Connection) -> Result<Answer<'_>, ProxyError> {
        // A poll has no body; what came as one must not stand before the next request.
        while runtime.data().await.map_err(UpstreamError::Request)?.is_some() {}
        loop {
            let reply = self.poll(request, runtime).await?;
            if !reply.head.is_success() {
                return Ok(Answer::Upstream(reply));
            }
            let Some((request_id, mut invocation)) = Invocation::of(&reply.head.fields) else {
                return Ok(Answer::Upstream(reply));
            };
            let mut screen = EventScreen::default();
            let (head, payload) = reply.gather(|piece| screen.push(piece)).await.map_err(ProxyError::Event)?;
            let is_raised = screen.is_raised();
            tracing::trace!(request_id, bytes = payload.len(), raised = is_raised, "event");
            let context = head.fields.get(CLIENT_CONTEXT);
            let payload = if is_raised {
                // In a box: what passes does not pay for the size of this future.
                Box::pin(self.hydrate(payload.whole(), context, &mut invocation)).await.map(Payload::from)
            } else {
                self.arrive_in(Envelope::of_caller(context), &mut invocation);
                Ok(payload)
            };
            match payload {
                Ok(payload) => {
                    invocation.work.log_event(&request_id);
                    let may_be_exposed = !is_raised && !invocation.response_stays && self.config.offload == Mode::Auto;
                    self.invocations.begin(request_id.clone(), invocation);
                    let event = Event { head, payload, request_id, may_be_exposed, was_searched: is_raised };
                    return Ok(Answer::Event(event));
                }
                Err(failure) => {
                    let told = Box::pin(self.fail(&request_id, &failure, &mut invocation.work)).await;
                    self.metrics.report(&request_id, &invocation.work);
                    told?.drain().await;
                }
            }
        }
    }

    /// Hands an event over. Whom its response goes to is found out meanwhile, if it was not before.
    async fn deliver(&self, event: Event, runtime: &mut Connection) -> io::Result<()> {
        let Event { head, payload, request_id, may_be_exposed, was_searched } = event;
        let head = OutgoingHead::response(&head, Framing::Length(payload.len() as u64), runtime.stays_open());
        let may_hold_records = || !was_searched && payload.parts().next().is_some_and(encoded::may_hold_records);
        let finding_out = async {
            if (may_be_exposed || may_hold_records())
                && let Some(shape) = Shape::of_parts(payload.parts())
            {
                if may_be_exposed {
                    self.invocations
                        .leave_response(&request_id, !self.config.offload.applies(shape.envelope == Envelope::Plain));
                }
                if shape.is_encoded && encoded::holds_reference(payload.parts()) {
                    notices::encoded_references();
                    self.invocations.note_encoded(&request_id);
                }
            }
        };
        // All tasks share one thread: none takes a response before both have begun, and the second waits for nothing.
        let (sent, ()) = tokio::join!(biased; runtime.send(&head, &payload), finding_out);
        sent
    }

    /// Offloads a response and forwards it. What cannot be stored fails the invocation instead.
    async fn respond(
        &self,
        id: &str,
        request: &RequestHead,
        runtime: &mut Connection,
    ) -> Result<Answer<'_>, ProxyError> {
        let mut screen = ResponseScreen::new(self.config.max_content_size);
        let response = runtime.gather(|piece| screen.push(piece)).await.map_err(UpstreamError::Request)?;
        tracing::trace!(request_id = id, bytes = response.len(), raised = screen.is_raised(), "response");
        let mut invocation = self.invocations.get(id);
        let leaves_as_it_is = invocation.response_stays || !screen.is_raised() && self.is_short(&response);
        let response = if leaves_as_it_is {
            Ok(response)
        } else {
            Box::pin(self.offload(response.whole(), &mut invocation)).await.map(Payload::from)
        };
        let answer = match response {
            Ok(response) => {
                invocation.work.log_response(id);
                self.upstream.send(request, &response).await.map_err(ProxyError::from)
            }
            Err(failure) => Box::pin(self.fail(id, &failure, &mut invocation.work)).await,
        };
        self.ending(id, Some(invocation.work), answer.map(Answer::Upstream))
    }

    /// Forgets an invocation whose outcome upstream took, and reports its `work`, the remembered one if not given.
    fn ending<'a>(
        &self,
        id: &str,
        work: Option<Work>,
        answer: Result<Answer<'a>, ProxyError>,
    ) -> Result<Answer<'a>, ProxyError> {
        if answer.as_ref().is_ok_and(Answer::is_success) {
            let ended = self.invocations.end(id).map(|invocation| invocation.work);
            self.metrics.report(id, &work.or(ended).unwrap_or_default());
        } else if let Some(work) = work {
            self.invocations.worked(id, work);
        }
        answer
    }

    /// Fails an invocation upstream, and gives upstream's answer to that.
    async fn fail(&self, id: &str, failure: &Failure, work: &mut Work) -> Result<Reply<'_>, ProxyError> {
        work.failed(failure.kind);
        tracing::error!(request_id = id, error = %failure, "invocation failed");
        if !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ProxyError::RequestId);
        }
        let fields = [
            ("Content-Type", "application/vnd.aws.lambda.error+json"),
            (FUNCTION_ERROR_TYPE, &failure.function_error_type()),
        ];
        Ok(self.upstream.call("POST", &route::error_path(id), &fields, &failure.document().into()).await?)
    }

    /// Forwards a request and its answer piece by piece, trailers included.
    async fn forward(&self, request: &RequestHead, runtime: &mut Connection) -> Result<Answer<'_>, ProxyError> {
        let reply = match request.method() {
            "GET" if !request.has_body() => self.poll(request, runtime).await?,
            _ => self.upstream.stream(request, runtime).await?,
        };
        Ok(Answer::Upstream(reply))
    }

    /// Forwards a request that may be answered late. When the runtime gives it up, or that could not be seen any more, it is
    /// given up upstream: no event is taken for nobody.
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

    fn scope_of(&self, invocation: &Invocation, keys: Keyring) -> Scope {
        let scope = self.scope.signed_by(keys);
        invocation.tenant.as_ref().map_or_else(|| scope.clone(), |tenant| scope.for_tenant(tenant.as_str()))
    }
}

/// What a request of the runtime is answered with.
enum Answer<'a> {
    Event(Event),
    Upstream(Reply<'a>),
}

impl Answer<'_> {
    fn is_success(&self) -> bool {
        match self {
            Self::Event(event) => event.head.is_success(),
            Self::Upstream(reply) => reply.head.is_success(),
        }
    }
}

/// An event to be handed over.
struct Event {
    head: ResponseHead,
    payload: Payload,
    request_id: String,
    /// Whether its response may yet have to be left alone.
    may_be_exposed: bool,
    /// Whether it was searched for references.
    was_searched: bool,
}

/// Why a request of the runtime has no answer from upstream.
#[derive(Debug, thiserror::Error)]
enum ProxyError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the event broke off: {0}")]
    Event(WireError),
    #[error("the request id cannot stand in a path")]
    RequestId,
    #[error("the runtime gave its poll up")]
    Gone,
}

/// Why a connection of the runtime is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum Unserved {
    /// A request cannot be read; it was not answered.
    #[error("a request cannot be read: {0}")]
    Request(WireError),
    /// The runtime does not take its answer.
    #[error("an answer cannot be sent: {0}")]
    Answer(io::Error),
    /// Upstream's answer broke off, and with it ours.
    #[error("an answer broke off: {0}")]
    Upstream(WireError),
    /// The runtime gave its poll up.
    #[error("a poll was given up")]
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

async fn bad_gateway(error: &ProxyError, runtime: &mut Connection) -> io::Result<()> {
    tracing::error!(%error, "no answer from upstream");
    let body = Payload::from(error_document("LongContent.UpstreamUnavailable", &error.to_string()));
    let head = OutgoingHead::own_response("502 Bad Gateway", "application/json", body.len(), runtime.stays_open());
    runtime.send(&head, &body).await
}

fn is_streaming(request: &Fields) -> bool {
    request.get(RESPONSE_MODE).is_some_and(|mode| mode.eq_ignore_ascii_case(b"streaming"))
}
