//! The web page that holds the document: HTTPS on the loopback, with a certificate from an authority that is made for this run.

use anyhow::{Context, Result};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The name that the certificate is for.
const HOST: &str = "documents.test";
/// Where the document is, for a program that can reach [`HOST`].
pub(crate) const URL: &str = "https://documents.test/document";

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Site {
    address: SocketAddr,
    folder: TempDir,
    server: JoinHandle<()>,
}

impl Site {
    /// Serves `page` at every path.
    pub(crate) async fn start(page: Vec<u8>) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for a certificate")?;
        let (authority, config) = certified()?;
        fs::write(folder.path().join("authority.pem"), authority)?;
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen on the loopback")?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), Bytes::from(page)));
        Ok(Self { address, folder, server })
    }

    /// `http-guard`'s variables for tests: the way to the page, and whom to trust.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        let authority: PathBuf = self.folder.path().join("authority.pem");
        [
            ("TEST_ENDPOINTS", format!("{HOST}={}", self.address)),
            ("TEST_CA_FILE", authority.to_string_lossy().into_owned()),
        ]
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The authority's certificate in PEM, and a server's configuration with one that it signed.
fn certified() -> Result<(String, ServerConfig)> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate()?;
    let pem = authority.self_signed(&authority_key)?.pem();
    let key = KeyPair::generate()?;
    let issuer = Issuer::new(authority, authority_key);
    let certificate = CertificateParams::new(vec![HOST.to_owned()])?.signed_by(&key, &issuer)?;
    Ok((pem, server_config(certificate.der().clone(), &key)?))
}

fn server_config(certificate: CertificateDer<'static>, key: &KeyPair) -> Result<ServerConfig> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions()?.with_no_client_auth();
    Ok(config.with_single_cert(vec![certificate], key)?)
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, page: Bytes) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, acceptor.clone(), page.clone()));
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, page: Bytes) {
    // A client that leaves, or that does not trust the certificate, sees that it does.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = service_fn(move |_: Request<Incoming>| {
        let response = Response::builder().header("content-type", "text/plain; charset=utf-8");
        let response = response.body(Full::new(page.clone())).expect("BUG: the header is one");
        async move { Ok::<_, Infallible>(response) }
    });
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}
