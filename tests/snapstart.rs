//! SnapStart, as far as the extension sees it before a snapshot: no credentials in the environment, but an endpoint that has them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use lambda_local::table::{Fault, Faults};
use serde_json::json;
use tokio::net::TcpListener;

use crate::kit::World;
use crate::kit::json::{quote, text};

const PATH: &str = "/2021-04-23/credentials";
const TOKEN: &str = "token-of-the-sandbox";
const ACCESS_KEY: &str = "ASIACONTAINER";

/// Serves credentials as Lambda does under SnapStart.
async fn credentials_endpoint() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), service_fn(credentials)));
        }
    });
    address
}

async fn credentials(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let known = request.uri().path() == PATH && request.headers().get("authorization").is_some_and(|is| is == TOKEN);
    let document = json!({
        "AccessKeyId": ACCESS_KEY,
        "SecretAccessKey": "secret",
        "Token": "session",
        "Expiration": "2099-01-01T00:00:00Z",
    });
    let (status, body) = if known { (200, document.to_string()) } else { (403, String::new()) };
    Ok(Response::builder().status(status).body(Full::from(body)).unwrap())
}

#[tokio::test]
async fn p5_credentials_come_from_a_container_endpoint_by_name_or_by_address() {
    for host in ["127.0.0.1", "localhost"] {
        let endpoint = format!("http://{host}:{}{PATH}", credentials_endpoint().await.port());
        let mut world = World::start()
            .without("AWS_ACCESS_KEY_ID")
            .without("AWS_SECRET_ACCESS_KEY")
            .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint)
            .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN)
            .with_table()
            .await;
        let signers = record_signers(&world);
        let sent = world.respond(quote(&text(6000))).await.text();
        assert!(sent.starts_with("\"@content:"), "{host}: {sent}");
        let signers = signers.lock().unwrap();
        assert!(!signers.is_empty() && signers.iter().all(|signer| signer == ACCESS_KEY), "{host}: {signers:?}");
    }
}

/// Who signs the requests to the table from now on.
fn record_signers(world: &World) -> Arc<Mutex<Vec<String>>> {
    let signers = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&signers);
    world.table().faults(Faults::by(move |request| {
        seen.lock().unwrap().push(request.access_key_id.to_owned());
        Fault::Pass
    }));
    signers
}
