//! What happens to a request of the runtime: events come in by [`hydration`], responses leave by [`offloading`],
//! everything else passes. The only place where content meets store meets wire.

mod hydration;
mod offloading;
mod payload;

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRAILER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, request};
use http_body::Body as _;
use http_body_util::Either;
use hyper::body::Incoming;
use long_content::envelope::Envelope;
use long_content::keys::Keyring;
use long_content::reference::Scope;
use long_content::screen::{EventScreen, ResponseScreen};
use long_content::store::ContentStore;
use tokio::sync::Semaphore;

pub use self::hydration::MAX_ROUNDS;
use self::payload::{drain, forwarded, gather, gathered};
use crate::config::{Config, MetricsMode};
use crate::error::{Failure, error_document};
use crate::invocations::{Invocation, Invocations};
use crate::keys::SigningKeys;
use crate::metrics::{Metrics, Work};
use crate::payload::Payload;
use crate::route::{self, Route};
use crate::runtime_api::{Body, RuntimeApi, UpstreamError, full};

const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
const CLIENT_CONTEXT: &str = "lambda-runtime-client-context";
const FUNCTION_ERROR_TYPE: &str = "lambda-runtime-function-error-type";

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

    /// Where contents are kept.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What references are signed and verified with.
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// Answers one request of the runtime.
    pub async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let answer = match Route::of(&head.method, head.uri.path()) {
            Route::Next => self.next(&head).await,
            Route::Response(id) if !is_streaming(&head.headers) => self.respond(id, &head, body).await,
            Route::Response(id) | Route::Error(id) => {
                let answer = self.forward(head.clone(), body).await;
                self.ending(id, None, answer).await
            }
            Route::Other => self.forward(head, body).await,
        };
        answer.unwrap_or_else(|error| bad_gateway(&error))
    }

    /// Long-polls for the next event and hydrates it. An event that cannot be hydrated fails its invocation, and the
    /// poll goes on: the runtime never sees half an event.
    async fn next(&self, head: &request::Parts) -> Result<Response<Body>, ProxyError> {
        loop {
            let response = self.upstream.get(head).await?;
            if !response.status().is_success() {
                return Ok(forwarded(response));
            }
            let (head, body) = response.into_parts();
            let Some((request_id, mut invocation)) = Invocation::of(&head.headers) else {
                return Ok(forwarded(Response::from_parts(head, body)));
            };
            let mut screen = EventScreen::default();
            let event = gather(body, |piece| screen.push(piece)).await.map_err(ProxyError::Event)?;
            tracing::trace!(request_id, bytes = event.len(), raised = screen.is_raised(), "event");
            let context = client_context(&head.headers);
            let event = if screen.is_raised() {
                // In a box: what passes does not pay for the size of this future.
                Box::pin(self.hydrate(event.whole(), context, &mut invocation)).await.map(Payload::from)
            } else {
                self.arrive_in(Envelope::of_caller(context), &mut invocation);
                Ok(event)
            };
            match event {
                Ok(event) => {
                    invocation.work.log_event(&request_id);
                    self.invocations.begin(request_id, invocation);
                    return Ok(gathered(head, event));
                }
                Err(failure) => {
                    let told = Box::pin(self.fail(&request_id, &failure, &mut invocation.work)).await;
                    self.metrics.report(&request_id, &invocation.work).await;
                    drain(told?.into_body()).await;
                }
            }
        }
    }

    /// Offloads a response and forwards it. What cannot be stored fails the invocation instead.
    async fn respond(&self, id: &str, head: &request::Parts, body: Incoming) -> Result<Response<Body>, ProxyError> {
        let mut invocation = self.invocations.get(id);
        let mut screen = ResponseScreen::new(self.config.max_content_size);
        let response = gather(body, |piece| screen.push(piece)).await.map_err(ProxyError::Response)?;
        tracing::trace!(request_id = id, bytes = response.len(), raised = screen.is_raised(), "response");
        let leaves_as_it_is = invocation.response_stays || !screen.is_raised() && self.is_short(&response);
        let response = if leaves_as_it_is {
            Ok(response)
        } else {
            Box::pin(self.offload(response.whole(), &mut invocation)).await.map(Payload::from)
        };
        let answer = match response {
            Ok(response) => {
                invocation.work.log_response(id);
                self.send(head, response).await
            }
            Err(failure) => Box::pin(self.fail(id, &failure, &mut invocation.work)).await,
        };
        self.ending(id, Some(invocation.work), answer).await
    }

    /// Sends a gathered response under the head it came with. Its length and framing are ours.
    async fn send(&self, head: &request::Parts, response: Payload) -> Result<Response<Body>, ProxyError> {
        let mut head = head.clone();
        head.headers.remove(CONTENT_LENGTH);
        head.headers.remove(TRAILER);
        Ok(forwarded(self.upstream.send(Request::from_parts(head, Either::Left(response))).await?))
    }

    /// Forgets an invocation whose outcome upstream took, and reports its `work`, the remembered one if not given.
    async fn ending(
        &self,
        id: &str,
        work: Option<Work>,
        answer: Result<Response<Body>, ProxyError>,
    ) -> Result<Response<Body>, ProxyError> {
        if answer.as_ref().is_ok_and(|answer| answer.status().is_success()) {
            let ended = self.invocations.end(id).map(|invocation| invocation.work);
            self.metrics.report(id, &work.or(ended).unwrap_or_default()).await;
        } else if let Some(work) = work {
            self.invocations.worked(id, work);
        }
        answer
    }

    /// Fails an invocation upstream, and gives upstream's answer to that.
    async fn fail(&self, id: &str, failure: &Failure, work: &mut Work) -> Result<Response<Body>, ProxyError> {
        work.failed(failure.kind);
        tracing::error!(request_id = id, error = %failure, "invocation failed");
        let error_type = HeaderValue::try_from(failure.function_error_type()).expect("BUG: ASCII");
        let request = Request::post(route::error_path(id))
            .header(CONTENT_TYPE, "application/json")
            .header(FUNCTION_ERROR_TYPE, error_type)
            .body(full(failure.document()))
            .map_err(ProxyError::RequestId)?;
        Ok(forwarded(self.upstream.send(request).await?))
    }

    /// Forwards a request and its answer chunk by chunk, trailers included.
    async fn forward(&self, head: request::Parts, body: Incoming) -> Result<Response<Body>, ProxyError> {
        let answer = if head.method == Method::GET && body.is_end_stream() {
            self.upstream.get(&head).await?
        } else {
            self.upstream.send(Request::from_parts(head, Either::Right(body))).await?
        };
        Ok(forwarded(answer))
    }

    fn scope_of(&self, invocation: &Invocation, keys: Keyring) -> Scope {
        let scope = self.scope.signed_by(keys);
        invocation.tenant.as_ref().map_or_else(|| scope.clone(), |tenant| scope.for_tenant(tenant.as_str()))
    }
}

/// Why a request of the runtime has no answer from upstream.
#[derive(Debug, thiserror::Error)]
enum ProxyError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the event broke off: {0}")]
    Event(hyper::Error),
    #[error("the response broke off: {0}")]
    Response(hyper::Error),
    #[error("the request id cannot stand in a path: {0}")]
    RequestId(http::Error),
}

fn bad_gateway(error: &ProxyError) -> Response<Body> {
    tracing::error!(%error, "no answer from upstream");
    let mut response = Response::new(full(error_document("LongContent.UpstreamUnavailable", &error.to_string())));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn is_streaming(headers: &HeaderMap) -> bool {
    headers.get(RESPONSE_MODE).is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"streaming"))
}

fn client_context(headers: &HeaderMap) -> Option<&str> {
    headers.get(CLIENT_CONTEXT)?.to_str().ok()
}
