//! The one endpoint: every request goes by its service to the functions, the tables, the state machines or the engine.
//!
//! Without an engine it is the Invoke API and the page alone.

mod clock;
mod dynamodb;
mod service;
mod upstream;

pub(crate) use upstream::{AnyResponse, BoxError, Upstream, whole};

use crate::deployed::Deployed;
use crate::engine::EngineClient;
use crate::function::Invoked;
use crate::invoke_api::{self, Functions, Named, Refused};
use crate::page::{self, Page};
use crate::table::TableClock;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use service::Service;
use std::sync::Arc;

const NO_INTERPRETER: &str = "no interpreter of state machines is configured: name one with --interpreter or in \
                              [step_functions] of the configuration file";

const NO_GATEWAYS: &str = "no gateways are configured: name the program with --gateways";

/// What answers requests.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Those of the configuration file.
    pub(crate) functions: Functions,
    pub(crate) page: Page,
    /// Everything else, if there is an engine.
    pub(crate) services: Option<Services>,
}

/// What is behind the endpoint beside the functions of the file.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) engine: EngineClient,
    pub(crate) deployed: Arc<Deployed>,
    pub(crate) tables: Upstream,
    pub(crate) table_clock: TableClock,
    pub(crate) state_machines: Option<Upstream>,
    pub(crate) gateways: Option<Upstream>,
}

impl Endpoint {
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> AnyResponse {
        if page::has(request.uri().path()) {
            return whole(self.page.answer(request).await);
        }
        if let Some(region) = service::region(&request) {
            self.page.regions.saw(&region);
        }
        match &self.services {
            Some(services) => services.answer(&self.functions, request).await,
            None => whole(invoke_api::answer(Arc::clone(&self.functions), request).await),
        }
    }
}

impl Services {
    /// Lets the tables go by the engine's clock.
    pub(crate) async fn follow_clock(&self) -> Result<(), BoxError> {
        clock::follow(self.engine.upstream(), &self.table_clock).await
    }

    async fn answer(&self, functions: &Functions, request: Request<Incoming>) -> AnyResponse {
        if request.uri().path() == clock::PATH {
            return clock::change(self.engine.upstream(), &self.table_clock, request).await;
        }
        match Service::of(&request) {
            Service::Functions(named) if functions.contains_key(&named.name) => {
                whole(invoke_api::answer(Arc::clone(functions), request).await)
            }
            // Retries, age and destinations of what is asynchronous are kept beside the function's other configuration.
            Service::Functions(_) if invoke_api::is_event(request.headers()) => {
                self.engine.upstream().forward(request).await
            }
            Service::Functions(named) => self.invoke(named, request).await,
            Service::DynamoDb => dynamodb::forward(&self.tables, request).await,
            Service::StepFunctions => forward(self.state_machines.as_ref(), NO_INTERPRETER, request).await,
            Service::AgentCore => forward(self.gateways.as_ref(), NO_GATEWAYS, request).await,
            Service::Other => self.engine.upstream().forward(request).await,
        }
    }

    async fn invoke(&self, named: Named, request: Request<Incoming>) -> AnyResponse {
        match self.engine.describe(request.headers(), &named).await {
            Ok(description) => {
                let (_, function) = self.deployed.take(description);
                let answer = invoke_api::invoke(&function, named.qualifier, request).await;
                if let Some(invoked) = answer.extensions().get::<Invoked>() {
                    self.engine.report(&function.definition, invoked);
                }
                whole(answer)
            }
            Err(refused) => whole(refused.answer()),
        }
    }
}

/// To what is optional; without it, the answer says what is missing.
async fn forward(upstream: Option<&Upstream>, missing: &str, request: Request<Incoming>) -> AnyResponse {
    match upstream {
        Some(upstream) => upstream.forward(request).await,
        None => whole(Refused::new(StatusCode::NOT_IMPLEMENTED, "ServiceUnavailable", missing).answer()),
    }
}
