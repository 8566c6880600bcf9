//! One small HTTP/1 server for every API of this crate.
//!
//! The wire is kept as AWS writes it: header names in title case, `TCP_NODELAY` (a response of two segments would otherwise wait
//! 40 ms for a delayed acknowledgement), and nothing added but the date. Nor does a client wait that has not set `TCP_NODELAY`, such as
//! `lambda_runtime`: what it has sent is acknowledged before more is waited for. Dropping the [`HttpServer`] closes the listener and every
//! connection at once, which is what happens to a sandbox's APIs when the sandbox ends.

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf, join};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// How long to wait before accepting again when the machine has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running server; dropping it ends it.
#[derive(Debug)]
pub(crate) struct HttpServer {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl HttpServer {
    /// Serves `listener`. `connection` makes the handler of one connection, so that a handler may own what belongs to it.
    pub(crate) fn serve<C, H, F, B>(listener: TcpListener, connection: C) -> io::Result<Self>
    where
        C: Fn() -> H + Send + 'static,
        H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, move |stream| serve_connection(stream, connection())));
        Ok(Self { address, accepting })
    }

    /// `127.0.0.1:port`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A listener on a loopback port; 0 takes a free one.
pub(crate) async fn listen_on_loopback(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// The connections live in this task's set, so that they end with it.
async fn accept<S, F>(listener: TcpListener, serve: S)
where
    S: Fn(TcpStream) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve(stream));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_connection<H, F, B>(stream: TcpStream, handler: H)
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<B>>,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let service = service_fn(|request| {
        let answer = handler(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let (arriving, leaving) = stream.into_split();
    let stream = TokioIo::new(join(Acknowledging(arriving), leaving));
    let served =
        hyper::server::conn::http1::Builder::new().title_case_headers(true).serve_connection(stream, service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

/// What arrives on a connection, acknowledged before more is waited for.
struct Acknowledging(OwnedReadHalf);

impl AsyncRead for Acknowledging {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.0).poll_read(context, buffer);
        if read.is_pending() {
            // Where that fails, the kernel does it later.
            let _ = self.0.as_ref().set_quickack(true);
        }
        read
    }
}
