//! All services in one process.

use crate::authority::Certified;
use crate::aws::Aws;
use crate::control;
use crate::fault::Script;
use crate::golf::Golf;
use crate::issuer;
use crate::noaa;
use crate::ntfy::{NTFY, Ntfy};
use crate::oauth::OAuth;
use crate::record::Record;
use crate::reports;
use crate::server::{Answer, Server};
use crate::service::{Dropped, Service};
use anyhow::{Context, Result};
use axum::body::Body;
use http::header::HOST;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// The running services. Dropping it ends them.
pub struct StandIns {
    plain: Server,
    relay: Server,
    encrypted: Server,
    certified: Certified,
    services: Arc<Services>,
    ntfy: Ntfy,
    golf: Golf,
    aws: Aws,
}

/// What both servers answer with.
struct Services {
    all: Vec<Service>,
    record: Record,
    script: Script,
    control: Service,
}

impl StandIns {
    /// Starts all of them on free ports.
    ///
    /// # Errors
    /// When nothing can listen on the loopback, or no certificate can be made.
    pub async fn start() -> Result<Self> {
        let (ntfy, record, script) = (Ntfy::default(), Record::default(), Script::default());
        let golf = Golf::default();
        let aws = Aws::new()?;
        let issuer = OAuth::default();
        let of_aws = [aws.mcp(), aws.gateways(), aws.guest()];
        let all = [ntfy.service(), noaa::service(), reports::service(), issuer::service(&issuer)];
        let all = all.into_iter().chain(of_aws).chain(golf.services());
        let all: Vec<_> = all.collect();
        let hosts = hosts(&all).into_iter().map(str::to_owned).collect();
        let control = control::service(record.clone(), script.clone(), golf.oauth().clone(), issuer, aws.clone());
        let services = Arc::new(Services { all, record, script, control });
        let certified = Certified::of(hosts)?;
        let tls = TlsAcceptor::from(Arc::clone(&certified.config));
        let plain = Server::start(Plain(Arc::clone(&services)), None).await.context("cannot listen on the loopback")?;
        let relay = Relay(Arc::clone(&services), aws.clone());
        let relay = Server::start(relay, None).await.context("cannot listen on the loopback")?;
        let encrypted = Server::start(Encrypted(Arc::clone(&services)), Some(tls)).await;
        let encrypted = encrypted.context("cannot listen on the loopback")?;
        Ok(Self { plain, relay, encrypted, certified, services, ntfy, golf, aws })
    }

    /// `http://127.0.0.1:PORT`, where ntfy and the control interface are.
    pub fn url(&self) -> String {
        format!("http://{}", self.plain.address)
    }

    /// The value of `AWS_ENDPOINT_URL` for functions whose calls of AWS are to be recorded.
    pub fn relay_url(&self) -> String {
        format!("http://{}", self.relay.address)
    }

    /// Where the relay sends what it gets: an endpoint of `lambda-local up`.
    pub fn relay_to(&self, endpoint: &str) {
        self.aws.relay_to(endpoint);
    }

    /// What `https://mcp.example.com` leads to: the host name of a function URL of that `lambda-local`.
    pub fn mcp_is_at(&self, host: &str) {
        self.aws.mcp_is_at(host);
    }

    /// The variables `TEST_ENDPOINTS` and `TEST_CA_FILE`, by which functions that are built with `test-endpoints` find the services.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        let hosts = hosts(&self.services.all).into_iter();
        let endpoints: Vec<_> = hosts.map(|host| format!("{host}={}", self.encrypted.address)).collect();
        let authority = self.certified.authority().to_string_lossy().into_owned();
        [("TEST_ENDPOINTS", endpoints.join(",")), ("TEST_CA_FILE", authority)]
    }

    /// Every call so far.
    pub fn record(&self) -> &Record {
        &self.services.record
    }

    /// What the services are told to fail at.
    pub fn script(&self) -> &Script {
        &self.services.script
    }

    /// The golf provider, and who signs in there.
    pub fn golf(&self) -> &Golf {
        &self.golf
    }

    /// What ntfy was sent.
    pub fn ntfy(&self) -> &Ntfy {
        &self.ntfy
    }
}

/// Each host once.
fn hosts(services: &[Service]) -> BTreeSet<&'static str> {
    services.iter().flat_map(|service| service.hosts.iter().copied()).collect()
}

/// In the clear: one host name for all, so that only one service and the control interface are there.
#[derive(Clone)]
struct Plain(Arc<Services>);

/// Whatever is asked of AWS.
#[derive(Clone)]
struct Relay(Arc<Services>, Aws);

/// By host name.
#[derive(Clone)]
struct Encrypted(Arc<Services>);

impl Answer for Plain {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
        if request.uri().path().starts_with(control::PREFIX) {
            // Neither recorded nor failing.
            return self.0.control.answer(request, &Record::default(), &Script::default()).await;
        }
        self.0.answer(|service| service.name == NTFY, request).await
    }
}

impl Answer for Relay {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
        let service = self.1.service_of(&request);
        service.answer(request, &self.0.record, &self.0.script).await
    }
}

impl Answer for Encrypted {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
        let path = request.uri().path().to_owned();
        let is_meant = |service: &Service| service.hosts.contains(&host.as_str()) && path.starts_with(service.below);
        self.0.answer(is_meant, request).await
    }
}

impl Services {
    async fn answer(
        &self,
        is_meant: impl Fn(&Service) -> bool,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Dropped> {
        let Some(service) = self.all.iter().find(|service| is_meant(service)) else {
            let response = Response::builder().status(StatusCode::MISDIRECTED_REQUEST);
            return response.body(Body::empty()).map_err(|_| Dropped);
        };
        service.answer(request, &self.record, &self.script).await
    }
}
