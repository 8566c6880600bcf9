//! The listener: accepts the runtime's connections and answers their requests.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use long_content::store::ContentStore;
use tokio::net::{TcpListener, TcpStream};

use crate::proxy::Proxy;
use crate::runtime_api::MAX_HEAD;

use crate::socket::Socket;

/// Between attempts to accept. What makes one fail, such as no file descriptor being left, outlasts an instant, and each attempt
/// is a line of the log.
const PAUSE: Duration = Duration::from_millis(100);

/// Binds `127.0.0.1:port`. Bound before the extension registers, so no runtime ever finds the port closed.
pub async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Serves every connection until the process ends.
pub async fn serve<S>(listener: TcpListener, proxy: Arc<Proxy<S>>)
where
    S: ContentStore + Send + Sync + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(&proxy)))),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// One connection of the runtime. When the runtime closes it, the pending request is dropped, and with it the poll
/// upstream: no event is taken for nobody.
async fn connection<S>(stream: TcpStream, proxy: Arc<Proxy<S>>)
where
    S: ContentStore + Send + Sync + 'static,
{
    let service = service_fn(|request| {
        let proxy = Arc::clone(&proxy);
        async move { Ok::<_, Infallible>(proxy.handle(request).await) }
    });
    let served = http1::Builder::new()
        .preserve_header_case(true)
        .title_case_headers(true)
        .auto_date_header(false)
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(Socket::new(stream)), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "the runtime's connection broke off");
    }
}
