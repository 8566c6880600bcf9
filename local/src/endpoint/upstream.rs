//! Requests handed on to a server on this machine, as they are.

use crate::answers::ApiResponse;
use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A request or response body of either kind: held whole, or passing.
pub(crate) type AnyBody = UnsyncBoxBody<Bytes, BoxError>;
pub(crate) type AnyResponse = Response<AnyBody>;

/// Shorter than the servers here keep an idle connection, so that none is used that is about to be closed.
const IDLE: Duration = Duration::from_secs(30);

/// A server on this machine, and the connections to it.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    /// `127.0.0.1:port`.
    authority: String,
    client: Client<HttpConnector, AnyBody>,
}

impl Upstream {
    /// `http://127.0.0.1:port`.
    pub(crate) fn new(endpoint: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            // Names in title case are as good, and every client here reads them.
            .build(connector);
        Self { authority: endpoint.trim_start_matches("http://").to_owned(), client }
    }

    /// Hands a request on; what cannot be reached answers with 502.
    pub(crate) async fn forward(&self, request: Request<Incoming>) -> AnyResponse {
        match self.send(request).await {
            Ok(answer) => answer.map(|body| body.map_err(Into::into).boxed_unsync()),
            Err(error) => unreachable(&error),
        }
    }

    /// Sends a request, whose `Host` stays the caller's: buckets, APIs and functions have names of their own there.
    pub(crate) async fn send<B>(&self, request: Request<B>) -> Result<Response<Incoming>, Error>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (mut head, body) = request.into_parts();
        let host = HeaderValue::from_str(&self.authority).expect("BUG: an address is a header's value");
        head.headers.entry(HOST).or_insert(host);
        head.headers.remove(CONNECTION);
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = format!("http://{}{path}", self.authority).parse::<Uri>().expect("BUG: the path was one before");
        head.version = http::Version::HTTP_11;
        self.client.request(Request::from_parts(head, body.map_err(Into::into).boxed_unsync())).await
    }
}

pub(super) fn unreachable(error: &dyn std::fmt::Display) -> AnyResponse {
    let mut answer = Response::new(Full::new(Bytes::from(format!("lambda-local: {error}"))));
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    whole(answer)
}

/// An answer that is there already.
pub(crate) fn whole(answer: ApiResponse) -> AnyResponse {
    answer.map(|body| body.map_err(|never| match never {}).boxed_unsync())
}
