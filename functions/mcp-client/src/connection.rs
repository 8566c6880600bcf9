//! How `rmcp` reaches a server: one POST after another, by whatever sends them, and what a response says by its status and its type.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use http_guard::FetchError;
use rmcp::RoleClient;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt, RunningService, Service};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::NeverRetry;
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
    StreamableHttpPostResponse,
};
use sse_stream::{Sse, SseStream};

use crate::error::CallError;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const ACCEPT: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const JSON: &str = "application/json";
const EVENT_STREAM: &str = "text/event-stream";

type Failed = StreamableHttpError<FetchError>;

/// Sends requests to one server.
pub trait Posting: Clone + Send + Sync + 'static {
    /// A response's body as it arrives.
    type Body: BodyExt<Data = Bytes, Error = FetchError> + Send + Sync + Unpin + 'static;

    /// Sends a JSON body, once.
    fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> impl Future<Output = Result<Response<Self::Body>, FetchError>> + Send;
}

/// One server. Clones share what has failed.
#[derive(Debug, Clone)]
pub struct Connection<P> {
    posting: P,
    failure: Arc<Mutex<Option<CallError>>>,
}

impl<P: Posting> Connection<P> {
    /// To the server that these requests reach.
    pub fn new(posting: P) -> Self {
        Self { posting, failure: Arc::default() }
    }

    /// Agrees on a version of the protocol with the server at `url`. Events of a stream may have `longest_event` bytes; nothing is asked
    /// for a second time.
    ///
    /// # Errors
    /// The server does not answer, or not as one of MCP.
    pub async fn served<C: Service<RoleClient>>(
        &self,
        url: &str,
        client: C,
        mode: ClientLifecycleMode,
        longest_event: usize,
    ) -> Result<RunningService<RoleClient, C>, CallError> {
        let mut config = StreamableHttpClientTransportConfig::with_uri(url);
        config.max_sse_event_size = longest_event;
        config.retry_config = Arc::new(NeverRetry::default());
        let transport = StreamableHttpClientTransport::with_client(self.clone(), config);
        let running = client.serve_with_lifecycle(transport, mode).await;
        running.map_err(|error| self.failure().unwrap_or_else(|| CallError::Protocol(error.to_string())))
    }

    /// Why the last request failed: `rmcp` reports it as text somewhere in an error's chain.
    pub(crate) fn failure(&self) -> Option<CallError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn failed(&self, error: CallError) -> Failed {
        let text = error.to_string();
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        StreamableHttpError::UnexpectedServerResponse(text.into())
    }

    /// What a response says, by its status and its type.
    async fn read(&self, response: Response<P::Body>, in_session: bool) -> Result<StreamableHttpPostResponse, Failed> {
        let (head, body) = response.into_parts();
        let session = text(&head.headers, &SESSION).map(str::to_owned);
        let kind = text(&head.headers, &header::CONTENT_TYPE).unwrap_or_default();
        match head.status {
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => Ok(StreamableHttpPostResponse::Accepted),
            StatusCode::NOT_FOUND if in_session => Err(StreamableHttpError::SessionExpired),
            status if status.is_success() && kind.starts_with(EVENT_STREAM) => {
                Ok(StreamableHttpPostResponse::Sse(SseStream::new(body).boxed(), session))
            }
            status => {
                let body = body.collect().await.map_err(|error| self.failed(error.into()))?.to_bytes();
                match serde_json::from_slice::<ServerJsonRpcMessage>(&body) {
                    Ok(message) if kind.starts_with(JSON) => Ok(StreamableHttpPostResponse::Json(message, session)),
                    _ if status.is_success() && body.is_empty() => Ok(StreamableHttpPostResponse::Accepted),
                    _ if status.is_success() => {
                        Err(self.failed(CallError::Protocol("its response is not a message".to_owned())))
                    }
                    _ => Err(self.failed(CallError::Status(status))),
                }
            }
        }
    }
}

impl<P: Posting> StreamableHttpClient for Connection<P> {
    type Error = FetchError;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        let headers = headers(session_id.as_deref(), custom_headers);
        let response = self.posting.post(&uri, headers, serde_json::to_vec(&message)?).await;
        let response = response.map_err(|error| self.failed(error.into()))?;
        self.read(response, session_id.is_some()).await
    }

    /// A session ends by itself: servers forget it, and no call of ours comes back to one.
    async fn delete_session(
        &self,
        _: Arc<str>,
        _: Arc<str>,
        _: Option<String>,
        _: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failed> {
        Ok(())
    }

    /// Nothing is expected from a server but responses.
    async fn get_stream(
        &self,
        _: Arc<str>,
        _: Option<Arc<str>>,
        _: Option<String>,
        _: Option<String>,
        _: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failed> {
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    }
}

fn headers(session: Option<&str>, custom: HashMap<HeaderName, HeaderValue>) -> HeaderMap {
    let mut headers: HeaderMap = custom.into_iter().collect();
    headers.insert(header::ACCEPT, ACCEPT);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    if let Some(session) = session.and_then(|session| HeaderValue::from_str(session).ok()) {
        headers.insert(SESSION, session);
    }
    headers
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
