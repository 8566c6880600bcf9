//! `stand-ins`: the services as a process, for tests in other languages.
//!
//! Prints one line of JSON: `url` (ntfy and the control interface), `relay` (to AWS on this machine), and `variables` for functions that are built with `test-endpoints`.
//! It ends with its standard input, or at Ctrl-C.

use anyhow::Result;
use serde_json::json;
use stand_ins::StandIns;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, stdin};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let stand_ins = StandIns::start().await?;
    let variables: BTreeMap<_, _> = stand_ins.variables().into();
    println!("{}", json!({ "url": stand_ins.url(), "relay": stand_ins.relay_url(), "variables": variables }));
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
