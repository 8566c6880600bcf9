//! An HTTP client that writes down what the function sends, and that can crash it between any two steps.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use serde_json::Value;
use std::future::pending;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Where the function crashes: before its n-th request is sent, or after that one was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    Before(usize),
    After(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    inner: SharedHttpClient,
    log: Arc<Mutex<Vec<String>>>,
    crash: Arc<Mutex<Option<Crash>>>,
    crashed: Arc<Notify>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        let inner = aws_smithy_http_client::Builder::new().build_http();
        Self { inner, log: Arc::default(), crash: Arc::default(), crashed: Arc::default() }
    }

    pub(crate) fn steps(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn forget(&self) {
        self.log.lock().unwrap().clear();
    }

    pub(crate) fn crash(&self, crash: Option<Crash>) {
        *self.crash.lock().unwrap() = crash;
    }

    /// Once the function has crashed, which is when it gets no further.
    pub(crate) async fn crashed(&self) {
        self.crashed.notified().await;
    }

    /// The request's number, from 1.
    fn note(&self, request: &HttpRequest) -> usize {
        let mut log = self.log.lock().unwrap();
        log.push(described(request));
        log.len()
    }

    async fn end(&self) {
        self.crashed.notify_one();
        pending::<()>().await;
    }
}

/// `PutItem Gateways-dev PENDING`, or method and path.
fn described(request: &HttpRequest) -> String {
    let body: Value = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    if let Some(target) = request.headers().get("x-amz-target") {
        let operation = target.rsplit('.').next().unwrap();
        let table = body["TableName"].as_str().unwrap_or_default();
        let status = body["Item"]["status"]["S"].as_str().unwrap_or_default();
        return format!("{operation} {table} {status}").trim_end().to_owned();
    }
    let path = request.uri().split("://").nth(1).and_then(|rest| rest.split_once('/')).map_or("", |(_, path)| path);
    format!("{} /{}", request.method(), path.split('?').next().unwrap())
}

impl HttpClient for Recorder {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, parts);
        SharedHttpConnector::new(Connector { inner, recorder: self.clone() })
    }
}

/// Beside the SDK's clients, what sends documents.
impl HttpConnector for Recorder {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = aws_smithy_http_client::Connector::builder().build_http();
        Connector { inner: SharedHttpConnector::new(connector), recorder: self.clone() }.call(request)
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    recorder: Recorder,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let number = self.recorder.note(&request);
        let crash = *self.recorder.crash.lock().unwrap();
        let (inner, recorder) = (self.inner.clone(), self.recorder.clone());
        HttpConnectorFuture::new(async move {
            if crash == Some(Crash::Before(number)) {
                recorder.end().await;
            }
            let answer = inner.call(request).await;
            if crash == Some(Crash::After(number)) {
                recorder.end().await;
            }
            answer
        })
    }
}
