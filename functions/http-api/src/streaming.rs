//! Responses that are sent piece by piece, over a function URL whose `InvokeMode` is `RESPONSE_STREAM`.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html>

use bytes::Bytes;
use functions_shared::{Diagnostic, Failure, LambdaEvent, Returned, Variables, run_responding};
use futures_core::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_runtime::{FunctionResponse, MetadataPrelude, StreamResponse};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a handler gives back that may stream.
#[derive(Debug)]
pub enum Answer {
    /// JSON, as other functions give it.
    Whole(Value),
    /// A response of HTTP, of which the body is sent piece by piece.
    Streamed(Streamed),
}

/// A response of HTTP whose body comes piece by piece.
#[derive(Debug)]
pub struct Streamed {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub pieces: Pieces,
}

/// The pieces of a body, in order. The body ends when nobody has a [`Sender`] any more.
#[derive(Debug)]
pub struct Pieces(UnboundedReceiver<Bytes>);

/// Sends pieces of a body. What is sent when nobody reads any more is lost, which is no error: the work is done all the same.
#[derive(Debug, Clone)]
pub struct Sender(UnboundedSender<Bytes>);

impl Pieces {
    /// A body, and what sends its pieces.
    pub fn channel() -> (Sender, Self) {
        let (sender, receiver) = unbounded_channel();
        (Sender(sender), Self(receiver))
    }

    /// The next piece.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.0.recv().await
    }
}

impl Sender {
    /// Sends a piece.
    pub fn send(&self, piece: Bytes) {
        let _ = self.0.send(piece);
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|piece| piece.map(Ok))
    }
}

/// Whether an event has come by a function URL, by its `requestContext.domainName`: only that passes on what comes piece by piece.
pub fn is_function_url(domain: &str) -> bool {
    domain.contains(".lambda-url.")
}

/// Like [`functions_shared::run_with`], for a handler whose responses may come piece by piece.
pub fn run_with<S, I, E, F>(
    init: impl AsyncFnOnce(Variables) -> Result<S, Failure>,
    handler: impl Fn(Arc<S>, LambdaEvent<I>) -> F + Send + Sync + 'static,
) -> ExitCode
where
    S: Send + Sync + 'static,
    I: DeserializeOwned + Send + 'static,
    E: Into<Diagnostic> + 'static,
    F: Future<Output = Result<Answer, E>> + Send + 'static,
{
    run_responding(init, handler, response)
}

fn response(returned: Returned<Answer>) -> FunctionResponse<Returned<Value>, Pieces> {
    match returned {
        Returned::Warmup(event) => FunctionResponse::BufferedResponse(Returned::Warmup(event)),
        Returned::Output(Answer::Whole(value)) => FunctionResponse::BufferedResponse(Returned::Output(value)),
        Returned::Output(Answer::Streamed(Streamed { status, headers, pieces })) => {
            let status_code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let metadata_prelude = MetadataPrelude { status_code, headers, cookies: Vec::new() };
            FunctionResponse::StreamingResponse(StreamResponse { metadata_prelude, stream: pieces })
        }
    }
}

/// Headers by their texts. One that HTTP does not allow is left out.
pub fn headers(headers: Vec<(&'static str, String)>) -> HeaderMap {
    let headers = headers.into_iter();
    headers
        .filter_map(|(name, value)| Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?)))
        .collect()
}
