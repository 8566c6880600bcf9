//! The two flows: events in, responses out. The only place where content meets store meets wire.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRAILER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, request, response};
use http_body::Body as _;
use http_body_util::{BodyExt, Either};
use hyper::body::Incoming;
use long_content::envelope::Envelope;
use long_content::hydrate::{self, HydratePlan, Hydration};
use long_content::keys::Keyring;
use long_content::outgoing::{Outgoing, Terms};
use long_content::reference::{ContentRef, Refusal, Scope};
use long_content::store::tally::Tally;
use long_content::store::{ContentStore, GetError, MAX_CONTENT_LEN, PutError, Stored};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::{Config, MetricsMode};
use crate::error::{Failure, FailureKind, error_document, quoted};
use crate::invocations::{Invocation, Invocations};
use crate::keys::SigningKeys;
use crate::metrics::{Amount, Metrics, Sizes, Work};
use crate::route::{self, Route};
use crate::runtime_api::{Body, RuntimeApi, UpstreamError, full, remove_hop_by_hop};

const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
const CLIENT_CONTEXT: &str = "lambda-runtime-client-context";
const FUNCTION_ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// Lambda's own limit for a response, in bytes.
const LAMBDA_RESPONSE_LIMIT: usize = 6 * 1024 * 1024;

/// Bytes of payload above which work on it is handed to another thread.
const LARGE: u64 = 8 << 20;

/// How deep contents may refer to contents. Two is what responses that were made to fit hold; functions that pass
/// references on unread may wrap them again.
pub const MAX_ROUNDS: usize = 32;

/// Memory for hydrated events is counted in pages of this many bytes: permits are 32 bits.
const PAGE: u64 = 4096;

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
            memory: Semaphore::new(pages(config.max_event_size) as usize),
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
            let event = gather(body).await.map_err(ProxyError::Event)?;
            let envelope = Envelope::of(&event, client_context(&head.headers));
            tracing::trace!(request_id, bytes = event.len(), ?envelope, "event");
            match self.hydrate(event, envelope, &mut invocation).await {
                Ok(event) => {
                    invocation.work.log_event(&request_id);
                    self.invocations.begin(request_id, invocation);
                    return Ok(gathered(head, event));
                }
                Err(failure) => {
                    let told = self.fail(&request_id, &failure, &mut invocation.work).await;
                    self.metrics.report(&request_id, &invocation.work).await;
                    drop(told?);
                }
            }
        }
    }

    /// Offloads a response and forwards it. What cannot be stored fails the invocation instead.
    async fn respond(&self, id: &str, head: &request::Parts, body: Incoming) -> Result<Response<Body>, ProxyError> {
        let response = gather(body).await.map_err(ProxyError::Response)?;
        let mut invocation = self.invocations.get(id);
        tracing::trace!(request_id = id, bytes = response.len(), "response");
        let answer = match self.offload(response, &mut invocation).await {
            Ok(response) => {
                invocation.work.log_response(id);
                self.send(head, response).await
            }
            Err(failure) => self.fail(id, &failure, &mut invocation.work).await,
        };
        self.ending(id, Some(invocation.work), answer).await
    }

    async fn send(&self, head: &request::Parts, response: Bytes) -> Result<Response<Body>, ProxyError> {
        let mut head = head.clone();
        head.headers.remove(CONTENT_LENGTH);
        Ok(forwarded(self.upstream.send(Request::from_parts(head, full(response))).await?))
    }

    async fn hydrate(&self, event: Bytes, envelope: Envelope, invocation: &mut Invocation) -> Result<Bytes, Failure> {
        invocation.response_stays = !self.config.offload.applies(envelope == Envelope::Plain);
        let begun = Instant::now();
        let plan = hydrate::plan_with(&event, self.config.reads_legacy);
        invocation.work.planning += begun.elapsed();
        if !self.config.hydrate.applies(envelope != Envelope::Exposed) {
            invocation.kept = plan.references().to_vec();
            return Ok(event);
        }
        if plan.is_empty() {
            return Ok(event);
        }
        let keeps = self.config.on_missing.keeps(|| plan.is_batch());
        check_malformed(&plan, keeps, &mut invocation.work)?;
        let until = invocation.hydrate_until(self.config.store_timeout);
        let keys = self.keys.get(until).await.map_err(|error| Failure::no_keys(&error))?;
        let mut scope = self.scope_of(invocation, keys);
        let mut hydration = Hydration::new(plan);
        let (mut memory, mut read) = (None, Amount::default());
        for _ in 0..MAX_ROUNDS {
            let wanted = hydration.wanted();
            if wanted.is_empty() {
                break;
            }
            let (admitted, refused) = self.admit(&mut scope, wanted, until).await;
            for (reference, failure) in refused {
                refuse(failure, keeps, &mut invocation.work)?;
                invocation.kept.push(reference);
                hydration.add(reference, None);
            }
            drop(memory.take());
            memory = Some(self.reserve(hydration.size(), until, &mut invocation.work).await?);
            let contents = self.get(&scope, &admitted, until, &mut invocation.work).await;
            for (reference, content) in admitted.iter().zip(contents) {
                let content = arrived(reference, content, keeps, invocation)?;
                read.extend(&content);
                hydration.add(*reference, content);
            }
        }
        let (size, limit, before, begun) = (hydration.size(), self.config.max_event_size, event.len(), Instant::now());
        let hydrated = compute(size, move || hydration.finish(limit)).await;
        invocation.work.applying += begun.elapsed();
        let hydrated = hydrated.map_err(|size| Failure::event_too_large(size, limit))?;
        invocation.work.hydrated = read;
        invocation.work.event = Some(Sizes { before, after: hydrated.len() });
        Ok(hydrated)
    }

    /// Those of `wanted` that may be read, and those that may not. A reference by an unknown key may be by a new one.
    async fn admit(
        &self,
        scope: &mut Scope,
        wanted: Vec<ContentRef>,
        until: Instant,
    ) -> (Vec<ContentRef>, Vec<Refused>) {
        if wanted.iter().any(|reference| matches!(scope.admits(reference), Err(Refusal::UnknownKey(_)))) {
            *scope = scope.signed_by(self.keys.refetched(until).await);
        }
        let mut refused = vec![];
        let admits = |reference: &ContentRef| match scope.admits(reference) {
            Ok(()) if reference.size <= MAX_CONTENT_LEN => true,
            Ok(()) => {
                refused.push((*reference, Failure::get(reference, &GetError::Refused)));
                false
            }
            Err(refusal) => {
                refused.push((*reference, Failure::refused(reference, refusal)));
                false
            }
        };
        (wanted.into_iter().filter(admits).collect(), refused)
    }

    async fn offload(&self, response: Bytes, invocation: &mut Invocation) -> Result<Bytes, Failure> {
        if invocation.response_stays {
            return Ok(response);
        }
        let until = invocation.store_until(self.config.store_timeout);
        let keys = self.keys.known();
        let has_keys = keys.is_some();
        let outgoing = self.decide(&response, invocation, keys.unwrap_or_default()).await?;
        if outgoing.contents.is_empty() {
            return Ok(response);
        }
        let (before, has_look_alike) = (response.len(), outgoing.has_look_alike);
        let stored = if has_keys {
            self.store_all(outgoing, until, &mut invocation.work).await
        } else {
            self.store_when_keys_come(&response, invocation, until).await
        };
        let work = &mut invocation.work;
        match stored {
            Ok(stored) => {
                work.response = Some(Sizes { before, after: stored.len() });
                Ok(stored)
            }
            Err(error) if !has_look_alike && self.fits(&response) => {
                tracing::warn!(%error, bytes = before, "response sent without offloading");
                work.fallbacks += 1;
                work.response = Some(Sizes { before, after: before });
                Ok(response)
            }
            stored => stored,
        }
    }

    /// What leaves a response, with references signed by `keys`.
    async fn decide(&self, response: &Bytes, invocation: &mut Invocation, keys: Keyring) -> Result<Outgoing, Failure> {
        let (response, terms, begun) = (response.clone(), self.terms(invocation, keys), Instant::now());
        let outgoing = compute(response.len() as u64, move || Outgoing::of(&response, &terms)).await;
        invocation.work.planning += begun.elapsed();
        outgoing.map_err(|error| Failure::does_not_fit(&error))
    }

    /// Decides and stores a response for which init left no keys.
    async fn store_when_keys_come(
        &self,
        response: &Bytes,
        invocation: &mut Invocation,
        until: Instant,
    ) -> Result<Bytes, Failure> {
        let keys = self.keys.get(until).await.map_err(|error| Failure::no_keys(&error))?;
        let outgoing = self.decide(response, invocation, keys).await?;
        self.store_all(outgoing, until, &mut invocation.work).await
    }

    /// Stores what must be durable before a response leaves, and gives the response.
    async fn store_all(&self, outgoing: Outgoing, until: Instant, work: &mut Work) -> Result<Bytes, Failure> {
        self.put(&outgoing.scope, &outgoing.contents, until, work).await.map_err(|error| Failure::put(&error))?;
        work.offloaded.extend(outgoing.contents.iter().map(|(_, content)| content));
        Ok(outgoing.response)
    }

    /// Stores contents on an invocation's account.
    async fn put(
        &self,
        scope: &Scope,
        contents: &[(ContentRef, Bytes)],
        until: Instant,
        work: &mut Work,
    ) -> Result<(), PutError> {
        let (tally, begun) = (Tally::default(), Instant::now());
        let outcome = self.store.charging(&tally).put(scope, contents, until).await;
        work.used(tally.usage(), begun.elapsed());
        outcome.map(drop)
    }

    /// Reads contents on an invocation's account.
    async fn get(
        &self,
        scope: &Scope,
        references: &[ContentRef],
        until: Instant,
        work: &mut Work,
    ) -> Vec<Result<Stored, GetError>> {
        let (tally, begun) = (Tally::default(), Instant::now());
        let contents = self.store.charging(&tally).get(scope, references, until).await;
        work.used(tally.usage(), begun.elapsed());
        contents
    }

    fn terms(&self, invocation: &Invocation, keys: Keyring) -> Terms {
        Terms {
            max_content_size: self.config.max_content_size,
            max_payload_size: self.config.max_payload_size,
            keep: self.config.keep.clone(),
            scope: self.scope_of(invocation, keys),
            ttl: self.config.ttl,
            kept: invocation.kept.clone(),
        }
    }

    /// Whether a response fits its destination, and Lambda, as it is.
    fn fits(&self, response: &Bytes) -> bool {
        let limit = self.config.max_payload_size.unwrap_or(LAMBDA_RESPONSE_LIMIT).min(LAMBDA_RESPONSE_LIMIT);
        response.len() <= limit
    }

    /// Waits until the events being hydrated leave room for `bytes` more.
    async fn reserve(&self, bytes: u64, until: Instant, work: &mut Work) -> Result<SemaphorePermit<'_>, Failure> {
        let limit = self.config.max_event_size;
        if bytes > limit {
            return Err(Failure::event_too_large(bytes, limit));
        }
        let begun = Instant::now();
        let room = tokio::time::timeout_at(until.into(), self.memory.acquire_many(pages(bytes))).await;
        work.waiting += begun.elapsed();
        let room = room.map_err(|_| Failure::no_room(limit))?;
        Ok(room.expect("BUG: never closed"))
    }

    fn scope_of(&self, invocation: &Invocation, keys: Keyring) -> Scope {
        let scope = self.scope.signed_by(keys);
        invocation.tenant.as_ref().map_or_else(|| scope.clone(), |tenant| scope.for_tenant(tenant.as_str()))
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

/// An answer of upstream, streaming by.
fn forwarded(response: Response<Incoming>) -> Response<Body> {
    let mut response = response.map(Either::Right);
    remove_hop_by_hop(response.headers_mut());
    response
}

/// An event with its upstream's head. Its length and framing are ours.
fn gathered(mut head: response::Parts, event: Bytes) -> Response<Body> {
    remove_hop_by_hop(&mut head.headers);
    head.headers.remove(CONTENT_LENGTH);
    head.headers.remove(TRAILER);
    Response::from_parts(head, full(event))
}

/// The whole of a body; one that came in one piece is not copied.
async fn gather(mut body: Incoming) -> Result<Bytes, hyper::Error> {
    let Some(first) = next_data(&mut body).await? else { return Ok(Bytes::new()) };
    let Some(second) = next_data(&mut body).await? else { return Ok(first) };
    let expected = body.size_hint().lower() as usize;
    let mut whole = BytesMut::with_capacity(first.len() + second.len() + expected);
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(data) = next_data(&mut body).await? {
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

async fn next_data(body: &mut Incoming) -> Result<Option<Bytes>, hyper::Error> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// The outcome of `work` on about `bytes` bytes of payload. What takes long leaves the runtime's thread: there, other
/// invocations would wait for it. Anything that fits Lambda's own limits is done sooner than handed over.
async fn compute<T: Send + 'static>(bytes: u64, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes <= LARGE {
        return work();
    }
    tokio::task::spawn_blocking(work).await.expect("BUG: payload work neither panics nor is aborted")
}

/// A content as it arrived, or nothing where its reference may stay in its place.
fn arrived(
    reference: &ContentRef,
    content: Result<Stored, GetError>,
    keeps: bool,
    invocation: &mut Invocation,
) -> Result<Option<Bytes>, Failure> {
    match content {
        Ok(content) => Ok(Some(content.bytes)),
        Err(error @ GetError::Refused) => {
            refuse(Failure::get(reference, &error), keeps, &mut invocation.work)?;
            invocation.kept.push(*reference);
            Ok(None)
        }
        Err(error) if keeps && is_permanent(&error) => {
            tracing::warn!(%reference, %error, "reference kept");
            invocation.kept.push(*reference);
            invocation.work.kept(&error);
            Ok(None)
        }
        Err(error) => Err(Failure::get(reference, &error)),
    }
}

/// Whether reading again later could not help.
fn is_permanent(error: &GetError) -> bool {
    !matches!(error, GetError::Unavailable(_))
}

/// A reference that is refused, with the failure of its invocation if it may not stay.
type Refused = (ContentRef, Failure);

fn check_malformed(plan: &HydratePlan, keeps: bool, work: &mut Work) -> Result<(), Failure> {
    plan.malformed().iter().try_for_each(|(text, error)| {
        refuse(Failure::new(FailureKind::Refused, format!("{}: {error}", quoted(text))), keeps, work)
    })
}

/// Every reference that is refused comes by here, once: it may stay where it stands, or fails its invocation.
fn refuse(failure: Failure, keeps: bool, work: &mut Work) -> Result<(), Failure> {
    tracing::warn!(error = %failure, kept = keeps, "reference refused");
    if !keeps {
        return Err(failure);
    }
    work.kept_refused();
    Ok(())
}

fn pages(bytes: u64) -> u32 {
    let pages = bytes.div_ceil(PAGE).min(Semaphore::MAX_PERMITS as u64);
    u32::try_from(pages).unwrap_or(u32::MAX)
}
