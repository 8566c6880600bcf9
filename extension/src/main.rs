//! The extension's main program: read the configuration, build the store, bind, register, serve until SHUTDOWN.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use long_content::signing::SigningKeys;
use long_content::store::cache::CachedStore;
use long_content::store::tiers::TieredStore;
use lrap::config::{self, Config, Mistakes};
use lrap::lifecycle::{InitError, LifecycleError, Registration};
use lrap::proxy::Proxy;
use lrap::runtime_api::RuntimeApi;
use lrap::version::{VERSION, build};
use lrap::{heap, logging, output, server, warmup};
use tokio::net::TcpListener;

/// Threads for long work and for name lookups: more than a function has processors.
const BLOCKING_THREADS: usize = 8;

fn main() -> ExitCode {
    if config::arguments().len() > 1 {
        return started_by_hand("with arguments");
    }
    heap::share_one();
    heap::keep_freed_memory();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING_THREADS).build();
    let runtime = runtime.expect("BUG: no tokio runtime");
    let ended = runtime.block_on(run());
    runtime.shutdown_background();
    let code = match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(StartError::NotInLambda) => return started_by_hand("AWS_LAMBDA_RUNTIME_API is not set"),
        Err(error) => {
            logging::last_words(&error);
            ExitCode::FAILURE
        }
    };
    output::flush();
    code
}

/// What the extension prints when a person starts it by hand.
fn started_by_hand(how: &str) -> ExitCode {
    let said = "Lambda starts this extension; the tool for operators is the program lrap (docs/cli.md)";
    let _ = writeln!(io::stderr(), "lrap-extension {VERSION} ({}), started by hand, {how}: {said}", build());
    ExitCode::from(2)
}

async fn run() -> Result<(), StartError> {
    let lambda_api = RuntimeApi::new(&config::lambda_api()?.ok_or(StartError::NotInLambda)?);
    let (listener, proxy) = match start().await {
        Ok(started) => started,
        Err(error) => {
            Registration::new(&lambda_api).await?.init_error(&error).await?;
            return Err(StartError::Init(error));
        }
    };
    tokio::spawn(server::serve(listener, Arc::clone(&proxy)));
    let registration = Registration::new(&lambda_api).await?;
    warmup::begin(&proxy).await;
    // The runtime starts meanwhile; our own init ends with the first poll below.
    proxy.keys().warm().await;
    registration.shutdown().await;
    Ok(())
}

/// The part of the start that can fail. It comes before the extension registers, so that the extension can still report an
/// init error to Lambda.
async fn start() -> Result<(TcpListener, Arc<Proxy<CachedStore<TieredStore>>>), InitError> {
    let config = Config::from_env()?;
    logging::init(config.log);
    if !config.unknown.is_empty() {
        tracing::warn!(variables = config.unknown.join(" "), "unknown variables ignored; another proxy may use them");
    }
    if !config.http_proxies.is_empty() {
        let variables = config.http_proxies.join(" ");
        tracing::warn!(variables, "HTTP proxies are not used: the content table is reached directly");
    }
    let (hydrate, offload) = (config.hydrate.as_str(), config.offload.as_str());
    let signed = config.signing.signs();
    tracing::info!(hydrate, offload, signed, "modes in force: with auto, the shape of an event decides");
    let store = TieredStore::new(config.store.clone(), config.bucket.clone())?;
    let store = CachedStore::new(store, config.cache_size);
    let keys = SigningKeys::new(config.signing.clone())?;
    let listener = server::bind(config.port).await.map_err(|error| InitError::port(&config, &error))?;
    Ok((listener, Arc::new(Proxy::new(config, store, keys))))
}

#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("AWS_LAMBDA_RUNTIME_API is not set: this is a Lambda extension, started by Lambda")]
    NotInLambda,
    #[error(transparent)]
    LambdaApi(#[from] Mistakes),
    #[error(transparent)]
    Init(InitError),
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
}
