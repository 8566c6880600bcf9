//! The listener: accepts the runtime's connections and answers their requests.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use long_content::store::ContentStore;
use tokio::net::{TcpListener, TcpStream};

use crate::error::error_document;
use crate::payload::Payload;
use crate::proxy::{Proxy, Unserved};
use crate::wire::{Connection, OutgoingHead, WireError};

/// The pause after a failed attempt to accept a connection. The cause, such as having no free file descriptor, does not go
/// away at once, and each attempt writes a log line.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the proxy still reads from a connection that it closes, so that the client can read the last answer (RFC 9112,
/// section 9.6).
const LINGER: Duration = Duration::from_secs(1);

/// Binds `127.0.0.1:port`. The extension calls this before it registers, so that no runtime finds the port closed.
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

/// Serves one connection of the runtime until it ends.
async fn connection<S>(stream: TcpStream, proxy: Arc<Proxy<S>>)
where
    S: ContentStore + Send + Sync + 'static,
{
    let mut runtime = Connection::new(stream);
    let served = answer_all(&mut runtime, &proxy).await;
    if let Err(error) = &served {
        tracing::debug!(%error, "the connection of the runtime failed");
    }
    if let Err(Unserved::Request(error)) = &served {
        refuse(&mut runtime, error).await;
    }
    if served.is_err() || !runtime.stays_open() {
        let _ = tokio::time::timeout(LINGER, runtime.linger()).await;
    }
}

async fn answer_all<S: ContentStore>(runtime: &mut Connection, proxy: &Proxy<S>) -> Result<(), Unserved> {
    while let Some(request) = runtime.request().await.map_err(Unserved::Request)? {
        proxy.handle(&request, runtime).await?;
        if !runtime.stays_open() {
            break;
        }
    }
    Ok(())
}

/// Answers a request that cannot be read, and says what is wrong with it.
async fn refuse(runtime: &mut Connection, error: &WireError) {
    let status = match error {
        WireError::Io(_) | WireError::Closed => return,
        WireError::NotHttp(_) | WireError::Malformed(_) | WireError::TooFarAhead => "400 Bad Request",
        WireError::HeadTooLarge => "431 Request Header Fields Too Large",
    };
    let body = Payload::from(error_document("LongContent.BadRequest", &error.to_string()));
    let head = OutgoingHead::own_response(status, "application/json", body.len(), false);
    // Who sends what is no request may not listen either.
    let _ = runtime.send(&head, &body).await;
}
