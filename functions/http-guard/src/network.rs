//! From a checked name to a connection: one lookup, every address checked, and a connection to nothing but those.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::addresses::is_public;
use crate::endpoints::Endpoints;
use crate::fetch_error::FetchError;
use crate::link::{Idle, Link};
use crate::network_error::NetworkError;
use crate::target::{Refusal, Target};

const HTTPS: u16 = 443;

/// An address that has not answered by then is given up for the next one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// The way to public hosts. Built once; clones share it.
#[derive(Clone)]
pub struct Network {
    tls: TlsConnector,
    endpoints: Arc<Endpoints>,
    idle: Arc<Idle>,
}

impl Network {
    /// Reads the system's certificate authorities, which takes some milliseconds. `variable` is asked for nothing unless
    /// the crate has the feature `test-endpoints`.
    pub fn from_variables(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, NetworkError> {
        let endpoints = Endpoints::from_variables(variable)?;
        let roots = endpoints.authorities().unwrap_or_else(system_authorities);
        let tls = TlsConnector::from(Arc::new(client_config(roots)));
        Ok(Self { tls, endpoints: Arc::new(endpoints), idle: Arc::default() })
    }

    /// An idle connection to the target's host, at one of these addresses.
    pub(crate) async fn idle(&self, target: &Target, addresses: &[SocketAddr]) -> Option<Link> {
        self.idle.take(target.host(), addresses).await
    }

    /// Keeps a connection for the next request to the target's host.
    pub(crate) fn keep(&self, target: &Target, link: Link) {
        self.idle.keep(target.host(), link);
    }

    /// A new connection to the target's host at one of these addresses, whose certificate is the host's.
    pub(crate) async fn connect(&self, target: &Target, addresses: &[SocketAddr]) -> Result<Link, FetchError> {
        let (stream, address) = self.dial(target.host(), addresses).await?;
        let stream = self.secured(target, stream).await?;
        let broken = |error: hyper::Error| FetchError::Tls(target.host().to_owned(), error.to_string());
        Link::new(stream, address).await.map_err(broken)
    }

    async fn secured(&self, target: &Target, stream: TcpStream) -> Result<TlsStream<TcpStream>, FetchError> {
        let name = ServerName::try_from(target.host().to_owned());
        let name = name.map_err(|error| Refusal::NotAUrl(error.to_string()))?;
        let untrusted = |error: std::io::Error| FetchError::Tls(target.host().to_owned(), error.to_string());
        self.tls.connect(name, stream).await.map_err(untrusted)
    }

    /// All that the name leads to. One address that is not public refuses them all: a name with both kinds is up to something.
    pub(crate) async fn public_addresses(&self, host: &str) -> Result<Vec<SocketAddr>, FetchError> {
        let addresses = self.look_up(host).await?;
        let is_allowed = |address: &SocketAddr| is_public(address.ip()) || self.endpoints.is_open(*address);
        if addresses.iter().all(is_allowed) { Ok(addresses) } else { Err(Refusal::Private(host.to_owned()).into()) }
    }

    async fn look_up(&self, host: &str) -> Result<Vec<SocketAddr>, FetchError> {
        if let Some(answer) = self.endpoints.answer(host) {
            return Ok(answer);
        }
        let addresses: Vec<_> = lookup_host((host, HTTPS)).await.map(Iterator::collect).unwrap_or_default();
        if addresses.is_empty() { Err(FetchError::Lookup(host.to_owned())) } else { Ok(addresses) }
    }

    async fn dial(&self, host: &str, addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), FetchError> {
        for address in addresses {
            let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(self.endpoints.way(*address))).await;
            if let Ok(Ok(stream)) = stream {
                return Ok((stream, *address));
            }
        }
        Err(FetchError::Connect(host.to_owned()))
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

/// One by one: bundles hold entries that rustls cannot use, and those must not keep it from the others.
fn system_authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// TLS 1.2 and 1.3, which is all that rustls has.
fn client_config(roots: RootCertStore) -> ClientConfig {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("BUG: ring has TLS 1.2 and 1.3");
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}
