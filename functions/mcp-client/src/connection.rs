//! How `rmcp` reaches a server: through the guard, with the credentials of one host, and without redirects.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use http_guard::{Call, FetchError, Guard, Pieces};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::{Sse, SseStream};

use crate::credentials::Credential;
use crate::error::CallError;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const ACCEPT: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const JSON: &str = "application/json";
const EVENT_STREAM: &str = "text/event-stream";

type Failed = StreamableHttpError<FetchError>;

/// One server. Clones share what has failed.
#[derive(Clone)]
pub(crate) struct Connection {
    guard: Guard,
    host: String,
    credential: Option<Credential>,
    failure: Arc<Mutex<Option<CallError>>>,
}

impl Connection {
    /// To the server at `host`, which alone gets the credential.
    pub(crate) fn new(guard: Guard, host: String, credential: Option<Credential>) -> Self {
        Self { guard, host, credential, failure: Arc::default() }
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

    fn call(&self, url: &str, body: Vec<u8>, session: Option<&str>, headers: HashMap<HeaderName, HeaderValue>) -> Call {
        let mut call = Call::post(url, JSON, body).header(header::ACCEPT, ACCEPT);
        for (name, value) in headers {
            call = call.header(name, value);
        }
        if let Some(session) = session.and_then(|session| HeaderValue::from_str(session).ok()) {
            call = call.header(SESSION, session);
        }
        match &self.credential {
            Some((name, value)) => call.secret(&self.host, name.clone(), value.clone()),
            None => call,
        }
    }

    /// What a response says, by its status and its type.
    async fn read(&self, response: Response<Pieces>, in_session: bool) -> Result<StreamableHttpPostResponse, Failed> {
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
                        Err(self.failed(CallError::Protocol("its response is no message".to_owned())))
                    }
                    _ => Err(self.failed(CallError::Status(status))),
                }
            }
        }
    }
}

impl StreamableHttpClient for Connection {
    type Error = FetchError;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        let call = self.call(&uri, serde_json::to_vec(&message)?, session_id.as_deref(), custom_headers);
        let response = self.guard.stream(&call).await.map_err(|error| self.failed(error.into()))?;
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

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
