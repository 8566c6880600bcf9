//! The command line of `lambda-local`.

mod arguments;

use arguments::{Arguments, Command};
use clap::Parser;
use lambda_local::{LambdaLocal, Mark, Sweeper};
use std::time::Instant;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    if let Some(Command::Sweep { mark }) = &arguments.command {
        return Ok(Mark::of(mark).sweep_at_end_of_input()?);
    }
    // Before anything starts, so that an early Ctrl-C leaves nothing behind either.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let started = Instant::now();
    let lambda = LambdaLocal::start(arguments.configuration()?).await?;
    let sweeper = Sweeper::start(&std::env::current_exe()?, &[arguments::SWEEP], lambda.mark())?;
    match &arguments.command {
        None => print_functions(&lambda),
        Some(_) => print_endpoint(&lambda, started),
    }
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    eprintln!("lambda-local: shutting down");
    lambda.shutdown().await;
    Ok(sweeper.finish()?)
}

fn print_functions(lambda: &LambdaLocal) {
    let functions: Vec<_> = lambda.functions().collect();
    println!("lambda-local serves {} (content table: {})", functions.join(", "), lambda.table().name());
    println!();
    println!("  export AWS_ENDPOINT_URL_LAMBDA={}", lambda.invoke_endpoint());
    println!("  export AWS_ENDPOINT_URL_DYNAMODB={}", lambda.table().endpoint());
    if let Some(endpoint) = lambda.step_functions_endpoint() {
        println!("  export AWS_ENDPOINT_URL_SFN={endpoint}");
        println!("  # executions: {}", lambda.page());
    }
    print_account(lambda);
    if let Some(first) = functions.first() {
        println!("  aws lambda invoke --function-name {first} response.json && cat response.json");
        println!();
    }
    println!("Ctrl-C ends it.");
}

fn print_endpoint(lambda: &LambdaLocal, started: Instant) {
    println!("AWS on this machine, ready after {:.1} s (page: {})", started.elapsed().as_secs_f64(), lambda.page());
    println!();
    println!("  export AWS_ENDPOINT_URL={}", lambda.invoke_endpoint());
    print_account(lambda);
    println!("Ctrl-C ends it.");
}

fn print_account(lambda: &LambdaLocal) {
    println!("  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local");
    println!("  export AWS_REGION={0} AWS_DEFAULT_REGION={0}", lambda.region());
    println!();
}
