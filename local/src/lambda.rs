//! [`LambdaLocal`]: the table, the functions, the Invoke API, Step Functions and the page of executions, started and ended together.

use crate::answers::ApiResponse;
use crate::config::{Config, ConfigError, FunctionConfig};
use crate::function::{Function, InvokeError, InvokeRequest, Invoked};
use crate::host::{Host, Inherited};
use crate::http_server::HttpServer;
use crate::invoke_api::{self, Functions};
use crate::log::Logs;
use crate::page::{self, Contents, Executions, Page};
use crate::step_functions::{StepFunctions, StepFunctionsError, Surroundings};
use crate::table::{ContentTable, TableError};
use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use long_content::keys::Keyring;
use long_content::store::dynamodb::SettingsError;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Why lambda-local could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The content table did not start.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The page cannot read the content table.
    #[error("content table: {0}")]
    Contents(#[from] SettingsError),
    /// The state machines' interpreter did not start.
    #[error(transparent)]
    StepFunctions(#[from] StepFunctionsError),
    /// The Invoke API cannot listen.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Lambda on this machine. [`LambdaLocal::shutdown`] lets everything end; dropping it kills every process at once.
#[derive(Debug)]
pub struct LambdaLocal {
    functions: Functions,
    server: Option<HttpServer>,
    address: SocketAddr,
    region: String,
    table: ContentTable,
    step_functions: Option<StepFunctions>,
    closing: watch::Sender<bool>,
}

impl LambdaLocal {
    /// Starts, with the log on standard output. Sandboxes start with the first invocation.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with_logs(config, Logs::print()).await
    }

    /// Starts, with the log where `logs` says.
    pub async fn start_with_logs(mut config: Config, logs: Logs) -> Result<Self, StartError> {
        config.resolve_paths(&std::env::current_dir().unwrap_or_else(|_| Path::new("/").into()));
        config.check()?;
        let table = ContentTable::start(config.table).await?;
        let mut inherited = Inherited::read();
        if let Some(region) = config.region {
            inherited.region = region;
        }
        let region = inherited.region.clone();
        let listen = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let surroundings = Surroundings { region: &region, invoke: url(address), table: table.endpoint() };
        let step_functions = StepFunctions::start(config.step_functions.as_ref(), &surroundings).await?;
        let (closing, closed) = watch::channel(false);
        let host = Arc::new(Host {
            logs,
            inherited,
            table_endpoint: table.endpoint(),
            other_services: step_functions.as_ref().map(|started| started.endpoint().to_owned()),
            closing: closed,
        });
        let page = Arc::new(Page {
            contents: Contents::of(&table, &region, signing_keys(&config.functions))?,
            executions: Executions::at(step_functions.as_ref().map(StepFunctions::endpoint)),
        });
        let functions: BTreeMap<_, _> = config
            .functions
            .into_iter()
            .map(|(name, function)| (name.clone(), Function::new(name, function, Arc::clone(&host))))
            .collect();
        let functions: Functions = Arc::new(functions);
        let server = serve(listener, &functions, &page).map_err(listen)?;
        Ok(Self { functions, address, region, server: Some(server), table, step_functions, closing })
    }

    /// `http://127.0.0.1:port`, the value of `AWS_ENDPOINT_URL_LAMBDA`.
    pub fn invoke_endpoint(&self) -> String {
        url(self.address)
    }

    /// `http://127.0.0.1:port/page`: the executions of the state machines, for people to look at.
    pub fn page(&self) -> String {
        format!("{}/page", url(self.address))
    }

    /// `http://127.0.0.1:port`, the value of `AWS_ENDPOINT_URL_SFN`, if the configuration has `step_functions`.
    pub fn step_functions_endpoint(&self) -> Option<&str> {
        self.step_functions.as_ref().map(StepFunctions::endpoint)
    }

    /// Waits until the execution of a state machine here has ended, however it did; `DescribeExecution` then says how. One that has ended
    /// before is no wait, and one that never was is never over.
    ///
    /// The service has no such call: there, one has to ask again and again.
    ///
    /// # Errors
    ///
    /// [`StepFunctionsError::NotRunning`] if nothing runs executions, or no longer.
    pub async fn execution_ended(&self, arn: &str) -> Result<(), StepFunctionsError> {
        self.step_functions.as_ref().ok_or(StepFunctionsError::NotRunning)?.ended(arn).await
    }

    /// The content table.
    pub fn table(&self) -> &ContentTable {
        &self.table
    }

    /// The region that functions and ARNs name.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The functions' names.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }

    /// Invokes a function without HTTP, with an event that is handed over as it is.
    pub async fn invoke(&self, function: &str, payload: impl Into<Bytes>) -> Result<Invoked, InvokeError> {
        self.invoke_with(function, InvokeRequest { payload: payload.into(), ..InvokeRequest::default() }).await
    }

    /// The same with what else a caller may send.
    pub async fn invoke_with(&self, function: &str, request: InvokeRequest) -> Result<Invoked, InvokeError> {
        self.functions.get(function).ok_or(InvokeError::NotFound)?.invoke(request).await
    }

    /// Invokes a function as an event: in the background, and again if it fails. The request id, the same for every attempt.
    pub fn invoke_event(&self, function: &str, payload: impl Into<Bytes>) -> Result<String, InvokeError> {
        let function = self.functions.get(function).ok_or(InvokeError::NotFound)?;
        function.enqueue(InvokeRequest { payload: payload.into(), ..InvokeRequest::default() })
    }

    /// Ends everything: executions stop, invocations under way fail, sandboxes get their SHUTDOWN and two seconds.
    pub async fn shutdown(mut self) {
        self.closing.send_replace(true);
        if let Some(step_functions) = self.step_functions.take() {
            step_functions.end().await;
        }
        let functions = self.functions.values().cloned();
        let mut ending: JoinSet<()> = functions.map(|function| async move { function.close().await }).collect();
        while ending.join_next().await.is_some() {}
        self.server = None;
    }
}

impl Drop for LambdaLocal {
    fn drop(&mut self) {
        self.closing.send_replace(true);
        for function in self.functions.values() {
            function.kill();
        }
    }
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn serve(listener: TcpListener, functions: &Functions, page: &Arc<Page>) -> std::io::Result<HttpServer> {
    let (functions, page) = (Arc::clone(functions), Arc::clone(page));
    HttpServer::serve(listener, move || {
        let (functions, page) = (Arc::clone(&functions), Arc::clone(&page));
        move |request| answer(Arc::clone(&functions), Arc::clone(&page), request)
    })
}

async fn answer(functions: Functions, page: Arc<Page>, request: Request<Incoming>) -> ApiResponse {
    if page::has(request.uri().path()) {
        page.answer(request).await
    } else {
        invoke_api::answer(functions, request).await
    }
}

/// The keys that functions here sign references with. One that cannot be used fails the function that has it, which says so.
fn signing_keys(functions: &BTreeMap<String, FunctionConfig>) -> Keyring {
    let texts = functions.values().filter_map(|function| function.environment.get("LRAP_SIGNING_KEY"));
    let rings = texts.filter_map(|text| text.parse().ok());
    rings.fold(Keyring::default(), |all: Keyring, ring: Keyring| all.followed_by(&ring))
}
