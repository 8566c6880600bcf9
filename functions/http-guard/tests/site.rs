//! Servers on this machine that are what their certificate says, from an authority that is made for one test.

#[path = "site/attacks.rs"] // Also where another crate's tests have this file.
pub mod attacks;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a site answers.
pub type Reply = Response<Full<Bytes>>;

/// Signs the sites' certificates; its own lies in a file.
pub struct Authority {
    file: NamedTempFile,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let mut file = NamedTempFile::new().expect("a file");
        file.write_all(params.self_signed(&key).expect("a certificate").pem().as_bytes()).expect("written");
        Self { file, issuer: Issuer::new(params, key) }
    }

    /// The value of `TEST_CA_FILE`.
    pub fn path(&self) -> String {
        self.file.path().to_str().expect("UTF-8").to_owned()
    }

    fn server(&self, name: &str, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_protocol_versions(versions).expect("versions").with_no_client_auth();
        config.with_single_cert(vec![certificate.der().clone()], key).expect("a certificate and its key")
    }
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// An HTTPS server for one name. Counts connections before it speaks to them.
pub struct Site {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Site {
    pub async fn start(
        authority: &Authority,
        name: &str,
        answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::speaking(authority, name, rustls::ALL_VERSIONS, answer).await
    }

    /// A site that knows these versions of TLS only.
    pub async fn speaking(
        authority: &Authority,
        name: &str,
        versions: &[&'static SupportedProtocolVersion],
        answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let site = Self { address, connections: Arc::default(), asked: Arc::default() };
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(name, versions)));
        let (connections, asked, answer) = (site.connections.clone(), site.asked.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(acceptor.clone(), stream, asked.clone(), answer.clone()));
            }
        });
        site
    }

    /// A site that sends these bytes to each client, and then neither sends more nor closes the connection.
    pub async fn saying(authority: &Authority, name: &str, bytes: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(name, rustls::ALL_VERSIONS)));
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a connection");
            let mut stream = acceptor.accept(stream).await.expect("a handshake");
            let _ = stream.write_all(&bytes).await; // A client may leave before the end.
            std::future::pending::<()>().await;
        });
        Self { address, connections: Arc::default(), asked: Arc::default() }
    }

    /// The entry of `TEST_ENDPOINTS` that leads `name` here.
    pub fn named(&self, name: &str) -> String {
        format!("{name}={}", self.address)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

async fn serve(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    asked: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<impl Fn(&Asked) -> Reply + Send + Sync + 'static>,
) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = service_fn(move |request: Request<Incoming>| {
        let (asked, answer) = (asked.clone(), answer.clone());
        async move {
            let (head, body) = request.into_parts();
            let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
            let body = body.collect().await?.to_bytes();
            let request = Asked { method: head.method, path, headers: head.headers, body };
            asked.lock().expect("not poisoned").push(request.clone());
            Ok::<_, hyper::Error>(answer(&request))
        }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await; // A client may leave.
}

/// `200 OK` with a body of this type.
pub fn page(content_type: &str, body: impl Into<Bytes>) -> Reply {
    let reply = Response::builder().header("content-type", content_type);
    reply.body(Full::new(body.into())).expect("a response")
}

/// A redirect.
pub fn elsewhere(status: u16, location: &str) -> Reply {
    let reply = Response::builder().status(status).header("location", location);
    reply.body(Full::default()).expect("a response")
}

/// Only a status, and no body.
pub fn status(status: u16) -> Reply {
    Response::builder().status(status).body(Full::default()).expect("a response")
}
