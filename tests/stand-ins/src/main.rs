//! `stand-ins`: the services as a process, for tests in other languages.
//!
//! Prints one line of JSON: `url` (ntfy and the control interface), `relay` (to AWS on this machine), `variables` for functions that are built with `test-endpoints`,
//! and `golf`, the secret with which somebody signs in at the golf provider.
//! It ends with its standard input, or at Ctrl-C.

use anyhow::Result;
use serde_json::json;
use stand_ins::StandIns;
use stand_ins::oauth::{CLIENT, CLIENT_SECRET, PASSWORD, USERNAME, WEBSITE};
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, stdin};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let stand_ins = StandIns::start().await?;
    let variables: BTreeMap<_, _> = stand_ins.variables().into();
    let golf = json!({ "username": USERNAME, "password": PASSWORD, "client_id": CLIENT, "client_secret": CLIENT_SECRET, "website_id": WEBSITE });
    let (url, relay) = (stand_ins.url(), stand_ins.relay_url());
    println!("{}", json!({ "url": url, "relay": relay, "variables": variables, "golf": golf }));
    let mut ignored = Vec::new();
    let mut input = stdin();
    tokio::select! {
        _ = input.read_to_end(&mut ignored) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    drop(stand_ins);
    // The runtime would wait for the thread that reads standard input.
    std::process::exit(0)
}
