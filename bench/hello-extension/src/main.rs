//! The least that an extension can be with the crates that `lrap` is made of: it opens a port, registers, and polls.
//!
//! What `lrap` takes longer than this to start is its own doing, and not that of tokio, hyper or the kernel.

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::net::Ipv4Addr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::header::{HOST, HeaderValue};
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

const NAME: &str = "Lambda-Extension-Name";
const IDENTIFIER: &str = "Lambda-Extension-Identifier";

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run())
}

#[expect(clippy::disallowed_methods, reason = "two variables are all of its config")]
async fn run() -> Result<(), Failure> {
    let lambda = env::var("AWS_LAMBDA_RUNTIME_API")?;
    let port: u16 = env::var("LRAP_LISTENER_PORT")?.parse()?;
    tokio::spawn(greet(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?));
    let stream = TokioIo::new(TcpStream::connect(&lambda).await?);
    let (mut lambda_api, connection) = client::handshake(stream).await?;
    tokio::spawn(connection);
    let registered = lambda_api.send_request(registration(&lambda)?).await?;
    let identifier = registered.headers().get(IDENTIFIER).cloned().ok_or("no identifier")?;
    registered.into_body().collect().await?;
    lambda_api.ready().await?;
    // Answered when the sandbox ends.
    lambda_api.send_request(poll(&lambda, identifier)?).await?;
    Ok(())
}

fn registration(lambda: &str) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let request = Request::post("/2020-01-01/extension/register").header(HOST, lambda).header(NAME, "hello-extension");
    request.body(Full::from(r#"{"events":["SHUTDOWN"]}"#))
}

fn poll(lambda: &str, identifier: HeaderValue) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let request = Request::get("/2020-01-01/extension/event/next").header(HOST, lambda).header(IDENTIFIER, identifier);
    request.body(Full::default())
}

/// Says hello to each client that connects.
async fn greet(listener: TcpListener) {
    let hello = |_: Request<Incoming>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("hello\n"))) };
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(server::Builder::new().serve_connection(TokioIo::new(stream), service_fn(hello)));
    }
}
