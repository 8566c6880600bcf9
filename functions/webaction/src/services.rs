//! What actions need besides the message: the web, and the secrets by which it is asked.

use std::sync::Arc;
use std::time::Duration;

use actions::golf::{Golf, report_tee_times};
use actions::{Arguments, Services, ToolError, WebAnswer, WebRequest, WebRequests};
use aws_sdk_secretsmanager::Client;
use functions_aws::SdkConfig;
use functions_shared::{Clock, Failure, Variables};
use http_guard::{Limits, Network};
use secrets::Secrets;
use serde_json::{Map, Value};

use crate::hosts::NamedHosts;
use crate::outcome::Outcome;
use crate::task::Task;

/// The server takes no more for a while.
const TOO_MANY: u16 = 429;

/// What web APIs may take: a body is held in memory as it came and as text.
const LIMITS: Limits = Limits { bytes: 8 << 20, time: Duration::from_secs(20), redirects: 3 };

/// The web, as far as `ALLOWED_HOSTS` goes.
#[derive(Debug)]
pub struct WebServices {
    pub(crate) tools: Services,
    pub(crate) requests: WebRequests,
}

impl WebServices {
    /// Reads the variables:
    /// - `ALLOWED_HOSTS`: the hosts that may be asked (`api.weather.gov, *.example.org`); none if it is not set.
    /// - `GOLF_SECRET_NAME`: the secret of the golf provider; without it there is no golf.
    ///
    /// # Errors
    /// A variable that is not what it should be, by name.
    pub fn new(variables: &Variables, aws: &SdkConfig) -> Result<Self, Failure> {
        Self::within(LIMITS.time, variables, aws)
    }

    /// The same with another limit for the time that an answer may take.
    ///
    /// # Errors
    /// A variable that is not what it should be, by name.
    pub fn within(time: Duration, variables: &Variables, aws: &SdkConfig) -> Result<Self, Failure> {
        let limits = Limits { time, ..LIMITS };
        let network = network(variables)?;
        let NamedHosts(allowed) = variables.parsed("ALLOWED_HOSTS")?.unwrap_or_default();
        let secrets = Arc::new(Secrets::new(Client::new(aws), Clock::system()));
        let mut tools = Services::restricted(&network, allowed.clone(), time);
        if let Some(secret) = variables.optional("GOLF_SECRET_NAME")? {
            let secrets = Arc::clone(&secrets);
            tools = tools.with_golf(Golf::new(&network, &allowed, limits, secrets, secret, Clock::system()));
        }
        let requests = WebRequests::new(&network, allowed, limits, secrets, Clock::system());
        Ok(Self { tools, requests })
    }
}

impl WebServices {
    /// Asks for something that may be asked for twice.
    pub(crate) async fn asked(&self, task: &Task) -> Result<Outcome, ToolError> {
        match task {
            Task::Forecast { url, days } => {
                let text = actions::forecast_at(&self.tools, url, *days).await?;
                Ok(Outcome::success(text, Some(url.clone())))
            }
            Task::Tool { name, input } => Ok(Outcome::success(self.called(name, input.clone()).await?, None)),
            Task::TeeTimes { search, .. } => {
                let tee_times = self.golf()?.search(search).await?;
                Ok(Outcome::success(report_tee_times(&tee_times), None))
            }
            Task::Request(request) => self.requested(request).await,
            Task::Book(_) => Err(ToolError::new("a booking is not asked for twice")),
        }
    }

    async fn called(&self, name: &str, input: Map<String, Value>) -> Result<String, ToolError> {
        let action = actions::named(name).ok_or_else(|| ToolError::new(format!("there is no tool `{name}`")))?;
        (action.run)(&self.tools, Arguments::of(action.parameters, input)?).await
    }

    /// What a web API answers. A status that is no success is an outcome, unless asking again may help and does no harm.
    pub(crate) async fn requested(&self, request: &WebRequest) -> Result<Outcome, ToolError> {
        let WebAnswer { url, status, body } = self.requests.send(request).await?;
        let is_read = request.body.is_none();
        if is_read && (status.is_server_error() || status.as_u16() == TOO_MANY) {
            return Err(ToolError::passing(format!("the server answered {status}")));
        }
        let error = (!status.is_success()).then(|| format!("the server answered {status}"));
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Outcome { url: Some(url), code: Some(status.as_u16()), body, error })
    }

    /// The golf provider, where there is a secret for it.
    pub(crate) fn golf(&self) -> Result<&Golf, ToolError> {
        self.tools.golf.as_ref().ok_or_else(|| ToolError::new("GOLF_SECRET_NAME is not set: no golf actions"))
    }
}

/// Only a build for tests asks for variables here.
fn network(variables: &Variables) -> Result<Network, Failure> {
    let text = |name| variables.optional(name).ok().flatten().map(str::to_owned);
    Network::from_variables(text).map_err(|error| Failure::new("InvalidVariable", error.to_string()))
}
