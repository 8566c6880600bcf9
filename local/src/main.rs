//! The command line of `lambda-local`.

use anyhow::Context;
use clap::Parser;
use lambda_local::{Config, LambdaLocal};
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;

/// Lambda on one machine: invoke functions behind real layers with the AWS CLI and SDKs.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The functions, the layer and the content table.
    #[arg(long, default_value = "lambda-local.toml")]
    config: PathBuf,
    /// Where the Invoke API listens; overrides the file, whose default is 127.0.0.1:3001.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

/// The port that local Lambda endpoints commonly have.
const DEFAULT_PORT: u16 = 3001;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).with_writer(std::io::stderr).init();
    let config = configuration(&Arguments::parse())?;
    // Before anything starts, so that an early Ctrl-C leaves nothing behind either.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let lambda = LambdaLocal::start(config).await?;
    print_banner(&lambda);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    eprintln!("lambda-local: shutting down");
    lambda.shutdown().await;
    Ok(())
}

fn configuration(arguments: &Arguments) -> anyhow::Result<Config> {
    let mut config = Config::from_file(&arguments.config)
        .with_context(|| format!("the configuration {} cannot be used", arguments.config.display()))?;
    if config.listen.port() == 0 {
        config.listen.set_port(DEFAULT_PORT);
    }
    config.listen = arguments.listen.unwrap_or(config.listen);
    Ok(config)
}

fn print_banner(lambda: &LambdaLocal) {
    let functions: Vec<_> = lambda.functions().collect();
    println!("lambda-local serves {} (content table: {})", functions.join(", "), lambda.table().name());
    println!();
    println!("  export AWS_ENDPOINT_URL_LAMBDA={}", lambda.invoke_endpoint());
    println!("  export AWS_ENDPOINT_URL_DYNAMODB={}", lambda.table().endpoint());
    if let Some(endpoint) = lambda.step_functions_endpoint() {
        println!("  export AWS_ENDPOINT_URL_SFN={endpoint}");
        println!("  # executions: {}", lambda.page());
    }
    println!("  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local");
    println!("  export AWS_REGION={0} AWS_DEFAULT_REGION={0}", lambda.region());
    println!();
    if let Some(first) = functions.first() {
        println!("  aws lambda invoke --function-name {first} /dev/stdout");
        println!();
    }
    println!("Ctrl-C ends it.");
}
