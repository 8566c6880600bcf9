//! SnapStart, as far as the extension sees it before a snapshot: no credentials in the environment, but an endpoint that has them.

use std::sync::{Arc, Mutex};

use lambda_local::table::{Fault, Faults};
use serde_json::json;
use test_kit::json::{quote, text};
use test_kit::{Exchange, Peer, Reply, World};

const PATH: &str = "/2021-04-23/credentials";
const TOKEN: &str = "token-of-the-sandbox";
const ACCESS_KEY: &str = "ASIACONTAINER";

/// Credentials as Lambda gives them under SnapStart.
fn credentials(request: &Exchange) -> Reply {
    if request.target != PATH || request.headers.get("authorization") != Some(TOKEN) {
        return Reply::new(403, "");
    }
    let document = json!({
        "AccessKeyId": ACCESS_KEY,
        "SecretAccessKey": "secret",
        "Token": "session",
        "Expiration": "2099-01-01T00:00:00Z",
    });
    Reply::new(200, document.to_string())
}

#[tokio::test]
async fn p5_credentials_come_from_a_container_endpoint_by_name_or_by_address() {
    for host in ["127.0.0.1", "localhost"] {
        let server = Peer::start(|request: &Exchange| Some(credentials(request))).await;
        let endpoint = format!("http://{host}:{}{PATH}", server.address.port());
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
