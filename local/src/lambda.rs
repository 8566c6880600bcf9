//! [`LambdaLocal`]: the table, the functions, Step Functions, the engine and the endpoint in front of them, started and ended together.

use crate::child_program::ChildProgram;
use crate::config::{Config, ConfigError, FunctionConfig};
use crate::definition::Definition;
use crate::deployed::Deployed;
use crate::endpoint::{Endpoint, Services, Upstream};
use crate::engine::{self, Engine, EngineError};
use crate::function::{Function, InvokeError, InvokeRequest, Invoked};
use crate::gateways::{self, GatewaysError};
use crate::host::{Host, Inherited};
use crate::http_server::HttpServer;
use crate::invoke_api::Functions;
use crate::log::Logs;
use crate::mark::Mark;
use crate::page::{Contents, Executions, Page, Regions, Things};
use crate::registration;
use crate::state_folder::{StateError, StateFolder};
use crate::step_functions::{self, StepFunctions, StepFunctionsError};
use crate::table::{ContentTable, TableError};
use bytes::Bytes;
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
    /// The folder of what survives cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The content table did not start.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The page cannot read the content table.
    #[error("content table: {0}")]
    Contents(#[from] SettingsError),
    /// The state machines' interpreter did not start.
    #[error(transparent)]
    StepFunctions(#[from] StepFunctionsError),
    /// The engine did not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The gateways did not start.
    #[error(transparent)]
    Gateways(#[from] GatewaysError),
    /// The port for the engine's invocations cannot be had.
    #[error("cannot listen for the engine's invocations: {0}")]
    Registration(std::io::Error),
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
    endpoint: Arc<Endpoint>,
    servers: Vec<HttpServer>,
    address: SocketAddr,
    region: String,
    table: ContentTable,
    step_functions: Option<StepFunctions>,
    engine: Option<Engine>,
    _state: Option<StateFolder>,
    gateways: Option<ChildProgram>,
    mark: Mark,
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
        let state = config.state.as_deref().map(StateFolder::open).transpose()?;
        config.table.file = state.as_ref().map(StateFolder::tables).or(config.table.file);
        let table = ContentTable::start(config.table.clone()).await?;
        let listen = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (closing, closed) = watch::channel(false);
        let mut host = host_of(&config, logs, &table, address, closed);
        let (region, mark) = (host.inherited.region.clone(), host.mark.clone());
        let deployed = Arc::new(Deployed::new(Arc::new(host.clone())));
        let (step_functions, engine, gateways) = tokio::try_join!(
            start_step_functions(&config, &host, url(address), state.as_ref()),
            start_engine(&config, &host, url(address), &deployed, state.as_ref()),
            start_gateways(&config, &host, url(address))
        )?;
        let interpreter = step_functions.as_ref().map(StepFunctions::endpoint);
        host.other_services = host.every_service.clone().or(interpreter.map(ToOwned::to_owned));
        let contents = Contents::of(&table, &region, signing_keys(&config.functions))?;
        let (executions, regions) = (Executions::at(interpreter), Regions::new(&region));
        let (engine, registration) = engine.unzip();
        let beside = engine.as_ref().map(|engine| (engine.client(), Arc::clone(&deployed)));
        let services = engine.as_ref().map(|engine| Services {
            engine: engine.client(),
            deployed,
            tables: Upstream::new(&table.endpoint()),
            table_clock: table.clock(),
            state_machines: interpreter.map(Upstream::new),
            gateways: gateways.as_ref().map(|gateways| Upstream::new(gateways.endpoint())),
        });
        if let (Some(services), Some(_)) = (&services, &state) {
            services.follow_clock().await.map_err(|error| EngineError::Refused(error.to_string()))?;
        }
        let journal = host.logs.journal.clone();
        let functions = functions(config.functions, &Arc::new(host));
        let things = Things { journal, tables: table.tables(), functions: Arc::clone(&functions), engine: beside };
        let page = Page { contents, executions, regions, things };
        let endpoint = Arc::new(Endpoint { functions, page, services });
        let server = serve(listener, &endpoint);
        let server = server.map_err(|source| StartError::Listen { address, source })?;
        let servers = [server].into_iter().chain(registration).collect();
        Ok(Self {
            endpoint,
            servers,
            address,
            region,
            table,
            step_functions,
            engine,
            gateways,
            _state: state,
            mark,
            closing,
        })
    }

    /// `http://127.0.0.1:port`, the value of `AWS_ENDPOINT_URL_LAMBDA`, and with an engine of `AWS_ENDPOINT_URL`.
    pub fn invoke_endpoint(&self) -> String {
        url(self.address)
    }

    /// Marks every process of this lambda-local: what a [`crate::Sweeper`] looks for.
    pub fn mark(&self) -> &Mark {
        &self.mark
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
        self.endpoint.functions.keys().map(String::as_str)
    }

    /// Invokes a function without HTTP, with an event that is handed over as it is.
    pub async fn invoke(&self, function: &str, payload: impl Into<Bytes>) -> Result<Invoked, InvokeError> {
        self.invoke_with(function, InvokeRequest { payload: payload.into(), ..InvokeRequest::default() }).await
    }

    /// The same with what else a caller may send.
    pub async fn invoke_with(&self, function: &str, request: InvokeRequest) -> Result<Invoked, InvokeError> {
        self.endpoint.functions.get(function).ok_or(InvokeError::NotFound)?.invoke(request).await
    }

    /// Invokes a function as an event: in the background, and again if it fails. The request id, the same for every attempt.
    pub fn invoke_event(&self, function: &str, payload: impl Into<Bytes>) -> Result<String, InvokeError> {
        let function = self.endpoint.functions.get(function).ok_or(InvokeError::NotFound)?;
        function.enqueue(InvokeRequest { payload: payload.into(), ..InvokeRequest::default() })
    }

    /// Ends everything: executions stop, invocations under way fail, sandboxes get their SHUTDOWN and two seconds.
    pub async fn shutdown(mut self) {
        self.closing.send_replace(true);
        if let Some(step_functions) = self.step_functions.take() {
            step_functions.end().await;
        }
        let mut ending: JoinSet<()> =
            self.every_function().map(|function| async move { function.close().await }).collect();
        while ending.join_next().await.is_some() {}
        if let Some(engine) = self.engine.take() {
            engine.end().await;
        }
        if let Some(gateways) = self.gateways.take()
            && let Err(error) = gateways.end().await
        {
            tracing::warn!(%error, "cannot end the gateways");
        }
        self.servers.clear();
    }

    fn every_function(&self) -> impl Iterator<Item = Arc<Function>> {
        let deployed = self.endpoint.services.iter().flat_map(|services| services.deployed.all());
        self.endpoint.functions.values().cloned().chain(deployed)
    }
}

impl Drop for LambdaLocal {
    fn drop(&mut self) {
        self.closing.send_replace(true);
        self.every_function().for_each(|function| function.kill());
    }
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn inherited(config: &Config) -> Inherited {
    let mut inherited = Inherited::read();
    if let Some(region) = &config.region {
        inherited.region.clone_from(region);
    }
    inherited
}

/// What sandboxes are started with, but for the services that are not there yet.
fn host_of(
    config: &Config,
    logs: Logs,
    table: &ContentTable,
    address: SocketAddr,
    closing: watch::Receiver<bool>,
) -> Host {
    Host {
        logs,
        inherited: inherited(config),
        table_endpoint: table.endpoint(),
        other_services: None,
        every_service: config.engine.is_some().then(|| url(address)),
        variables: config.variables.clone(),
        mark: Mark::new(),
        closing,
    }
}

async fn start_step_functions(
    config: &Config,
    host: &Host,
    address: String,
    state: Option<&StateFolder>,
) -> Result<Option<StepFunctions>, StartError> {
    let surroundings = step_functions::Surroundings {
        region: &host.inherited.region,
        invoke: address,
        functions: config.engine.is_none().then(|| config.functions.keys().cloned().collect()),
        table: host.table_endpoint.clone(),
        others: host.every_service.clone(),
        state: state.map(StateFolder::state_machines),
        mark: &host.mark,
    };
    Ok(StepFunctions::start(config.step_functions.as_ref(), &surroundings).await?)
}

/// Starts what is configured, and the port by which it invokes functions.
async fn start_engine(
    config: &Config,
    host: &Host,
    address: String,
    deployed: &Arc<Deployed>,
    state: Option<&StateFolder>,
) -> Result<Option<(Engine, HttpServer)>, StartError> {
    let Some(config) = &config.engine else { return Ok(None) };
    let registration = registration::serve(Arc::clone(deployed)).await.map_err(StartError::Registration)?;
    let surroundings = engine::Surroundings {
        region: &host.inherited.region,
        public: address,
        functions: url(registration.address()),
        state: state.map(StateFolder::engine),
        mark: &host.mark,
    };
    Ok(Some((Engine::start(config, &surroundings).await?, registration)))
}

/// Starts what is configured. It asks nothing of the other services before it is asked itself.
async fn start_gateways(config: &Config, host: &Host, services: String) -> Result<Option<ChildProgram>, StartError> {
    let Some(configured) = &config.gateways else { return Ok(None) };
    let (region, variables, mark) = (&host.inherited.region, &config.variables, &host.mark);
    let surroundings = gateways::Surroundings { region, services, variables, mark };
    Ok(Some(gateways::start(configured, &surroundings).await?))
}

fn functions(configured: BTreeMap<String, FunctionConfig>, host: &Arc<Host>) -> Functions {
    let function = |(name, config): (String, FunctionConfig)| {
        (name.clone(), Function::new(Definition::latest(name, config, Arc::clone(host))))
    };
    Arc::new(configured.into_iter().map(function).collect())
}

fn serve(listener: TcpListener, endpoint: &Arc<Endpoint>) -> std::io::Result<HttpServer> {
    let endpoint = Arc::clone(endpoint);
    HttpServer::serve(listener, move || {
        let endpoint = Arc::clone(&endpoint);
        move |request| {
            let endpoint = Arc::clone(&endpoint);
            async move { endpoint.answer(request).await }
        }
    })
}

/// The keys that functions here sign references with. One that cannot be used fails the function that has it, which says so.
fn signing_keys(functions: &BTreeMap<String, FunctionConfig>) -> Keyring {
    let texts = functions.values().filter_map(|function| function.environment.get("LRAP_SIGNING_KEY"));
    let rings = texts.filter_map(|text| text.parse().ok());
    rings.fold(Keyring::default(), |all: Keyring, ring: Keyring| all.followed_by(&ring))
}
