//! The relay to AWS on this machine: each of AWS's services is a service here, named by what a request is signed for. An MCP server that
//! is deployed there is a service by a public name, and so is a server of others that a test has started.

use crate::capacity;
use crate::service::Service;
use axum::Router;
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use std::sync::{Arc, Mutex, PoisonError};

/// The name of the MCP server's service.
const MCP: &str = "mcp";
/// Its public name: a domain that no one owns (RFC 2606).
const MCP_HOSTS: &[&str] = &["mcp.example.com"];
/// The name of the service of AgentCore's gateways.
const GATEWAYS: &str = "gateways";
const GATEWAYS_HOSTS: &[&str] = &["gateways.example.com"];
/// The name of a server of others.
const GUEST: &str = "guest";
const GUEST_HOSTS: &[&str] = &["guest.example.com"];

/// Where requests go. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Aws {
    upstream: Arc<Mutex<String>>,
    /// The host name of the MCP server's function URL.
    mcp_host: Arc<Mutex<String>>,
    /// The URL of a server of others.
    guest: Arc<Mutex<String>>,
    client: reqwest::Client,
}

impl Aws {
    pub(crate) fn new() -> reqwest::Result<Self> {
        // Only the first call in a process does something. reqwest brings no cryptography of its own.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // No proxy of this environment is on the way to this machine.
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { upstream: Arc::default(), mcp_host: Arc::default(), guest: Arc::default(), client })
    }

    /// An endpoint of `lambda-local up`.
    pub(crate) fn relay_to(&self, endpoint: &str) {
        endpoint.trim_end_matches('/').clone_into(&mut self.upstream.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The service that a request is for, such as `aws:dynamodb`.
    pub(crate) fn service_of<B>(&self, request: &Request<B>) -> Service {
        let name = format!("aws:{}", signed_for(request).unwrap_or("unknown"));
        let aws = self.clone();
        let router = Router::new().fallback(async move |request: Request<Body>| aws.relay(request).await);
        Service { name, hosts: &[], below: "", router }
    }

    /// Where the MCP server is: the host name of its function URL.
    pub(crate) fn mcp_is_at(&self, host: &str) {
        host.clone_into(&mut self.mcp_host.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The MCP server, as a client outside of AWS reaches it: by HTTPS.
    pub(crate) fn mcp(&self) -> Service {
        let aws = self.clone();
        let router = Router::new().fallback(async move |request: Request<Body>| aws.relay_to_mcp(request).await);
        Service { name: MCP.to_owned(), hosts: MCP_HOSTS, below: "", router }
    }

    /// AgentCore's gateways, as their clients reach them: by HTTPS. The paths are the endpoint's.
    pub(crate) fn gateways(&self) -> Service {
        let aws = self.clone();
        let router = Router::new().fallback(async move |request: Request<Body>| aws.relay(request).await);
        Service { name: GATEWAYS.to_owned(), hosts: GATEWAYS_HOSTS, below: "", router }
    }

    /// Where a server of others is, such as `http://127.0.0.1:8000`.
    pub(crate) fn guest_is_at(&self, url: &str) {
        url.trim_end_matches('/').clone_into(&mut self.guest.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A server of others, as it is reached from AWS: by HTTPS. It gets the name of this machine as its own.
    pub(crate) fn guest(&self) -> Service {
        let aws = self.clone();
        let router = Router::new().fallback(async move |mut request: Request<Body>| {
            request.headers_mut().remove(HOST);
            aws.relay_to_one(&aws.guest, request).await
        });
        Service { name: GUEST.to_owned(), hosts: GUEST_HOSTS, below: "", router }
    }

    async fn relay_to_mcp(&self, mut request: Request<Body>) -> Response<Body> {
        let host = self.mcp_host.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // What is no host name leads nowhere, and the answer says so.
        if let Ok(host) = HeaderValue::try_from(host) {
            request.headers_mut().insert(HOST, host);
        }
        self.relay(request).await
    }

    async fn relay(&self, request: Request<Body>) -> Response<Body> {
        self.relay_to_one(&self.upstream, request).await
    }

    async fn relay_to_one(&self, upstream: &Mutex<String>, request: Request<Body>) -> Response<Body> {
        let upstream = upstream.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.ask(upstream, request).await.unwrap_or_else(|error| {
            let mut response = Response::new(Body::from(error.to_string()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        })
    }

    async fn ask(&self, upstream: String, request: Request<Body>) -> anyhow::Result<Response<Body>> {
        let (mut head, body) = request.into_parts();
        let mut body = body.collect().await?.to_bytes();
        if let Some(asking) = capacity::asking(&head.headers, &body) {
            head.headers.remove(CONTENT_LENGTH);
            body = asking;
        }
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = upstream + path;
        let asked = self.client.request(head.method, url).headers(head.headers);
        let answered = asked.body(body).send().await?;
        let mut response = Response::builder().status(answered.status());
        for (name, value) in
            answered.headers().iter().filter(|(name, _)| ![CONTENT_LENGTH, TRANSFER_ENCODING].contains(name))
        {
            response = response.header(name, value);
        }
        let body = answered.bytes().await?;
        if let Some(units) = capacity::units(&body) {
            response = response.extension(units);
        }
        Ok(response.body(Body::from(body))?)
    }
}

/// `Credential=KEY/20260102/REGION/SERVICE/aws4_request`: the fourth part.
fn signed_for<B>(request: &Request<B>) -> Option<&str> {
    let signature = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    signature.split_once("Credential=")?.1.split(['/', ',']).nth(3)
}
