//! The other services of this machine, behind one endpoint: documents in S3, and functions.

use bytes::Bytes;
use data_encoding::BASE64;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::call_error::CallError;

/// An endpoint of `lambda-local up`.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    url: String,
    region: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// What a function returned.
pub(crate) struct Returned {
    pub(crate) payload: Bytes,
    pub(crate) is_error: bool,
}

impl Machine {
    pub(crate) fn new(url: &str, region: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { url: url.trim_end_matches('/').to_owned(), region: region.to_owned(), client }
    }

    /// The object at `s3://bucket/key`.
    pub(crate) async fn object(&self, uri: &str) -> Result<Bytes, CallError> {
        let path = uri.strip_prefix("s3://").ok_or_else(|| CallError::Target(format!("{uri} is not in S3")))?;
        let request = Request::get(format!("{}/{path}", self.url));
        let (is_success, _, body) = self.answer(request, "s3", Bytes::new()).await?;
        if is_success { Ok(body) } else { Err(CallError::Target(format!("{uri} cannot be read"))) }
    }

    /// Invokes a function as a gateway does: the event is the arguments, and the client context names the tool.
    pub(crate) async fn invoke(&self, arn: &str, custom: &Value, arguments: &Value) -> Result<Returned, CallError> {
        let context = BASE64.encode(json!({ "custom": custom }).to_string().as_bytes());
        let request = Request::post(format!("{}/2015-03-31/functions/{arn}/invocations", self.url));
        let request = request.header("x-amz-client-context", context);
        let (is_success, has_failed, payload) = self.answer(request, "lambda", arguments.to_string()).await?;
        if is_success {
            return Ok(Returned { payload, is_error: has_failed });
        }
        Err(CallError::Target(format!("{arn} cannot be invoked: {}", String::from_utf8_lossy(&payload))))
    }

    /// Whether the status is a success, whether a function failed, and the body. A signature is not checked here, but it names the service.
    async fn answer(
        &self,
        request: http::request::Builder,
        service: &str,
        body: impl Into<Bytes>,
    ) -> Result<(bool, bool, Bytes), CallError> {
        let scope = format!("local/20260101/{}/{service}/aws4_request", self.region);
        let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let request = request.header("authorization", signature).body(Full::new(body.into()));
        let request = request.map_err(|error| CallError::Target(error.to_string()))?;
        let failed = |error: &dyn std::fmt::Display| CallError::Target(format!("{service} does not answer: {error}"));
        let answer = self.client.request(request).await.map_err(|error| failed(&error))?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| failed(&error))?.to_bytes();
        Ok((head.status.is_success(), head.headers.contains_key("x-amz-function-error"), body))
    }
}
