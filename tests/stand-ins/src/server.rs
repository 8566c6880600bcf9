//! Listens on the loopback, in the clear or with TLS.

use crate::service::Dropped;
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A listening server. Dropping it ends it; requests that it has taken are answered.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

/// What answers requests.
pub(crate) trait Answer: Clone + Send + Sync + 'static {
    /// Answers one.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Result<Response<Body>, Dropped>> + Send;
}

impl Server {
    /// Takes a free port. With `tls` it speaks that only.
    pub(crate) async fn start(answer: impl Answer, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, tls.clone(), answer.clone()));
            }
        });
        Ok(Self { address, task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, answer: impl Answer) {
    match tls {
        None => serve(stream, answer).await,
        // A client that leaves, or that does not trust the certificate, sees that it does.
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, answer).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, answer: impl Answer) {
    let answer = Arc::new(answer);
    let service = service_fn(move |request| {
        let answer = Arc::clone(&answer);
        async move { answer.answer(request).await }
    });
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}
