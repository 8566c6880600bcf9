//! `agentcore`: the stand-in as a process of `lambda-local up`.
//!
//! Reads one line of JSON from standard input, and prints one, `{"endpoint": …}` or `{"error": …}`. It ends when its standard input does.

use agentcore::{AgentCore, Outside};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, stdin};
use tokio::net::TcpListener;

/// What `lambda-local` says.
#[derive(Deserialize)]
struct Settings {
    region: String,
    /// Where S3 and functions are: `http://127.0.0.1:4566`.
    services: String,
    /// What is in front of the gateways' ids in their URLs.
    gateways: String,
    /// Where names lead in tests.
    variables: BTreeMap<String, String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut input = BufReader::new(stdin());
    let mut line = String::new();
    input.read_line(&mut line).await?;
    match started(&line).await {
        Ok((agentcore, listener)) => {
            println!("{}", json!({ "endpoint": format!("http://{}", listener.local_addr()?) }));
            let mut rest = vec![];
            tokio::select! {
                served = agentcore::serve(agentcore, listener) => served?,
                _ = input.read_to_end(&mut rest) => {}
            }
        }
        Err(error) => println!("{}", json!({ "error": error.to_string() })),
    }
    // The runtime would wait for the thread that reads standard input.
    std::process::exit(0)
}

async fn started(settings: &str) -> anyhow::Result<(AgentCore, TcpListener)> {
    let Settings { region, services, gateways, variables } = serde_json::from_str(settings)?;
    let outside = Outside::new(&services, &region, |name| variables.get(name).cloned())?;
    let agentcore = AgentCore::reaching(outside, gateways, &region);
    Ok((agentcore, TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?))
}
