//! An agent that answers a question about a document of megabytes: the state machine, the functions and the layer as on AWS.
//!
//! `make agent` runs it. The tools and the agent are registered by the registries' own functions; the document is a web page on
//! this machine that a tool fetches, so that megabytes pass from one tool to the next and the model sees two kilobytes of them. What
//! stands in for AWS is `lambda_local`, and for the model a script, unless there is a key for a real one or the URL of a server.

mod agent;
mod arguments;
mod clients;
mod figures;
mod functions;
mod model;
mod page;
mod references;
mod registration;
mod run;
mod site;
mod stand_in;
mod steps;

use agent::Agent;
use anyhow::{Context, Result, ensure};
use arguments::Arguments;
use clap::Parser;
use clients::Clients;
use demo::{Demonstration, Document, print, tell};
use figures::{DocumentFigures, Figures, TableFigures};
use lambda_local::{LambdaLocal, Logs};
use model::Model;
use run::Run;
use site::Site;
use stand_in::StandIn;
use std::fs;
use std::process::ExitCode;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

/// The URL that represents our own server.
const STAND_IN: &str = "stand-in";
/// Of the default document: the tool that fetches pages takes 8 MiB at most.
const DEFAULT_BYTES: usize = 5 << 20;
/// Of a page, as the tool that fetches it has it.
const MOST_BYTES: usize = 8 << 20;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let demonstration = Demonstration {
        name: "agent",
        document: arguments.document.as_deref(),
        python: &arguments.interpreter,
        output: &arguments.output,
        problems: Figures::problems,
        page: page::summary,
    };
    demonstration.run(async |document, logs| measure(&arguments, document, logs).await).await
}

/// Starts everything, registers the agent, asks it, and ends everything.
async fn measure(arguments: &Arguments, document: &Document, logs: Logs) -> Result<Figures> {
    let (page, agent) = (page_of(arguments, document)?, Agent::of(arguments.agent.as_deref())?);
    if arguments.url.is_none() {
        Model::chosen(arguments, &agent, None)?; // Before anything is started.
    }
    let bytes = page.len();
    let site = Site::start(page).await?;
    let config = functions::config(arguments, &agent, &site)?;
    let lambda = LambdaLocal::start_with_logs(config, logs).await.context("cannot start Lambda on this machine")?;
    let stand_in = if arguments.url.as_deref() == Some(STAND_IN) { Some(StandIn::start().await?) } else { None };
    let url = stand_in.as_ref().map(StandIn::url).or(arguments.url.as_deref());
    let model = Model::chosen(arguments, &agent, url)?;
    let until =
        if arguments.page { "while it runs and afterwards" } else { "while it runs (with PAGE=1 also afterwards)" };
    tell(&format!("The run, state by state, {until}: {}\n\n", lambda.page()));
    let figures = asked(arguments, (&agent, &model), DocumentFigures::of(document, bytes), &lambda).await;
    if arguments.page {
        tell("\nEnter ends the page.\n");
        enter().await?;
    }
    lambda.shutdown().await;
    figures
}

async fn enter() -> Result<()> {
    let mut line = String::new();
    BufReader::new(stdin()).read_line(&mut line).await.context("cannot wait for Enter")?;
    Ok(())
}

/// The default is cut to what the tool takes at most, with room to spare.
fn page_of(arguments: &Arguments, document: &Document) -> Result<Vec<u8>> {
    let mut page = fs::read(document.folder.join(&document.name)).context("cannot read the document")?;
    if arguments.document.is_none() {
        page.truncate(DEFAULT_BYTES);
        page.truncate(page.iter().rposition(|byte| *byte == b'\n').map_or(page.len(), |end| end + 1));
    }
    ensure!(!page.is_empty(), "{} is empty: the agent has nothing to read", document.origin);
    ensure!(
        page.len() <= MOST_BYTES,
        "{} has {} bytes; the agent reads {MOST_BYTES} at most",
        document.origin,
        page.len()
    );
    let is_text = std::str::from_utf8(&page).is_ok() && !page.contains(&0);
    ensure!(is_text, "{} is not a text in UTF-8: the agent reads text only", document.origin);
    Ok(page)
}

async fn asked(
    arguments: &Arguments,
    (agent, model): (&Agent, &Model),
    document: DocumentFigures,
    lambda: &LambdaLocal,
) -> Result<Figures> {
    let clients = Clients::of(lambda)?;
    registration::register(&clients, arguments, agent, model).await?;
    if !arguments.output.json {
        print(&introduction(arguments, &document, model))?;
    }
    let (started, before) = (Instant::now(), lambda.table().meter());
    let show = |step: &steps::Step| {
        if !arguments.output.json {
            // A pager that was closed early is no reason to stop.
            drop(print(&page::line(step)));
        }
    };
    let run = run::ask(&clients, &arguments.question, show).await.context("the execution cannot be followed")?;
    let table = TableFigures::of(&lambda.table().meter().since(&before));
    Ok(figures(arguments, document, model, run, (table, started)))
}

fn introduction(arguments: &Arguments, document: &DocumentFigures, model: &Model) -> String {
    let DocumentFigures { origin, bytes, .. } = document;
    let layer = if arguments.detached { "without the layer" } else { "behind the layer" };
    format!(
        "Asking {} {}{}, {layer}:\n  {}\nabout {bytes} bytes: {origin}.\n\n{}",
        model.provider,
        model.id,
        model.note,
        arguments.question,
        page::heading()
    )
}

fn figures(
    arguments: &Arguments,
    document: DocumentFigures,
    model: &Model,
    run: Run,
    (table, started): (TableFigures, Instant),
) -> Figures {
    let Run { record, end } = run;
    Figures {
        question: arguments.question.clone(),
        document,
        detached: arguments.detached,
        model: format!("{} {}", model.provider, model.id),
        status: end.status,
        error: end.error,
        cause: end.cause,
        output: end.output.and_then(|output| serde_json::from_str(&output).ok()),
        states: record.states(),
        turns: record.turns,
        tools: record.tools,
        too_long: record.too_long,
        table,
        seconds: started.elapsed().as_secs_f64(),
    }
}
