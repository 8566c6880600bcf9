//! The platform of messages on this machine: the stacks that run on AWS, deployed by the same command, and stand-ins for everything outside.
//!
//! `make platform` runs it. A notification, a web action, a schedule, a failure and a conversation go their ways; each call that the
//! functions make is shown in its order. The exit status says whether all ended as they should.

mod api;
mod arguments;
mod conversation;
mod machine;
mod scenes;
mod secrets;
mod story;

use anyhow::{Context, Result};
use arguments::Arguments;
use clap::Parser;
use demo::{print, tell};
use machine::Machine;
use std::process::ExitCode;
use std::time::Instant;
use story::Story;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

/// As a shell has it for what SIGINT ended.
const EXIT_INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tokio::select! {
        outcome = run(&arguments) => outcome.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS),
        // The functions' processes have been killed with the future that held them.
        _ = tokio::signal::ctrl_c() => ExitCode::from(EXIT_INTERRUPTED),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    tell(&format!("platform: {error:#}\n"));
    ExitCode::FAILURE
}

/// Starts and deploys everything, lets the scenes happen, and ends everything.
async fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let machine = Machine::start(arguments).await?;
    let happened = played(arguments, &machine, started).await;
    if happened.is_err() {
        tell(&machine.log());
    }
    machine.end().await;
    happened
}

async fn played(arguments: &Arguments, machine: &Machine, started: Instant) -> Result<()> {
    let url = machine.deploy(arguments).await?;
    let story = Story::new(machine, &url)?;
    print(&format!("Deployed in {:.0} s. The API is {url}.\n", started.elapsed().as_secs_f64()))?;
    scenes::all(&story, arguments).await?;
    print(&format!("\nAll checks passed after {:.0} s.\n", started.elapsed().as_secs_f64()))?;
    if arguments.page {
        print(&invitation(machine, &url))?;
        enter().await?;
    }
    Ok(())
}

fn invitation(machine: &Machine, url: &str) -> String {
    format!(
        "\nIt stays open:\n  AWS on this machine  {}\n  what ntfy was sent   {}\n  the API              {url}/api/health\nEnter ends it.\n",
        machine.endpoint(),
        machine.phone(),
    )
}

async fn enter() -> Result<()> {
    let mut line = String::new();
    BufReader::new(stdin()).read_line(&mut line).await.context("cannot wait for Enter")?;
    Ok(())
}
