//! Secrets Manager, as far as one secret goes: it answers `GetSecretValue`, rotates, can deny itself, and has outages.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const SECRET_ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:lrap/signing-a1b2c3";

/// A secret with its versions, the current one last.
#[derive(Debug)]
pub(crate) struct Secret {
    pub(crate) endpoint: String,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    versions: Mutex<Vec<String>>,
    asked: AtomicUsize,
    outage: Mutex<Option<Outage>>,
}

/// What does not answer; it says that the service failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outage {
    All,
    PreviousVersion,
}

impl Secret {
    /// One whose first version is `text`; without any it is denied to everybody.
    pub(crate) async fn start(text: Option<&str>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        shared.versions.lock().unwrap().extend(text.map(str::to_owned));
        tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { endpoint, shared }
    }

    /// Makes `text` the current version.
    pub(crate) fn rotate(&self, text: &str) {
        self.shared.versions.lock().unwrap().push(text.to_owned());
    }

    /// What does not answer from now on.
    pub(crate) fn fails(&self, outage: Option<Outage>) {
        *self.shared.outage.lock().unwrap() = outage;
    }

    /// How often its current version was asked for.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, secret: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let secret = Arc::clone(&secret);
        let service = service_fn(move |request| answer(request, Arc::clone(&secret)));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: Request<Incoming>, secret: Arc<Shared>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    assert_eq!(head.headers["x-amz-target"], "secretsmanager.GetSecretValue");
    assert!(head.headers["authorization"].to_str().unwrap().contains("/eu-central-1/secretsmanager/aws4_request"));
    let body: Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(body["SecretId"], SECRET_ARN);
    let is_current = body["VersionStage"] == "AWSCURRENT";
    secret.asked.fetch_add(usize::from(is_current), Ordering::SeqCst);
    let outage = *secret.outage.lock().unwrap();
    if outage == Some(Outage::All) || outage.is_some() && !is_current {
        let failure = json!({"__type": "InternalServiceError"}).to_string();
        return Ok(Response::builder().status(500).body(Full::from(failure)).unwrap());
    }
    let versions = secret.versions.lock().unwrap();
    let version = versions.iter().nth_back(usize::from(!is_current));
    let (status, body) = match version {
        Some(text) => (200, json!({"ARN": SECRET_ARN, "SecretString": text})),
        None if versions.is_empty() => (400, json!({"__type": "AccessDeniedException"})),
        None => (400, json!({"__type": "ResourceNotFoundException"})),
    };
    Ok(Response::builder().status(status).body(Full::from(body.to_string())).unwrap())
}
