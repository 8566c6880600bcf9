//! The engine: ministack, which serves every AWS service that lambda-local has none of its own for, in a separate process.
//!
//! `local/engine` says what is done to it. It keeps the configuration of deployed functions, and [`Engine::describe`] asks for it;
//! it invokes them through [`crate::registration`]. What must be there is a Python that has ministack, of exactly the version that
//! the Makefile pins.

use crate::account::ACCOUNT;
use crate::child_program::NotRunning;
use crate::config::EngineConfig;
use crate::definition::Definition;
use crate::deployed::Description;
use crate::endpoint::Upstream;
use crate::function::Invoked;
use crate::invoke_api::{Named, Refused};
use crate::mark::Mark;
use crate::python_program::{Files, PythonProgram, Unpacked};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The engine's files.
const FILES: &Files = &[
    ("__main__.py", include_str!("../engine/__main__.py")),
    ("alarm_messages.py", include_str!("../engine/alarm_messages.py")),
    ("alarms.py", include_str!("../engine/alarms.py")),
    ("api.py", include_str!("../engine/api.py")),
    ("clients.py", include_str!("../engine/clients.py")),
    ("clock.py", include_str!("../engine/clock.py")),
    ("events.py", include_str!("../engine/events.py")),
    ("expressions.py", include_str!("../engine/expressions.py")),
    ("functions.py", include_str!("../engine/functions.py")),
    ("http_apis.py", include_str!("../engine/http_apis.py")),
    ("http_events.py", include_str!("../engine/http_events.py")),
    ("http_logs.py", include_str!("../engine/http_logs.py")),
    ("http_tokens.py", include_str!("../engine/http_tokens.py")),
    ("keeping.py", include_str!("../engine/keeping.py")),
    ("mappings.py", include_str!("../engine/mappings.py")),
    ("messages.py", include_str!("../engine/messages.py")),
    ("metric_math.py", include_str!("../engine/metric_math.py")),
    ("packages.py", include_str!("../engine/packages.py")),
    ("page.py", include_str!("../engine/page.py")),
    ("queues.py", include_str!("../engine/queues.py")),
    ("resources.py", include_str!("../engine/resources.py")),
    ("schedules.py", include_str!("../engine/schedules.py")),
    ("settings.py", include_str!("../engine/settings.py")),
    ("stack_parameters.py", include_str!("../engine/stack_parameters.py")),
    ("state.py", include_str!("../engine/state.py")),
    ("state_machines.py", include_str!("../engine/state_machines.py")),
    ("streams.py", include_str!("../engine/streams.py")),
    ("tables.py", include_str!("../engine/tables.py")),
    ("targets.py", include_str!("../engine/targets.py")),
    ("topics.py", include_str!("../engine/topics.py")),
];

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Its process cannot be started.
    #[error("cannot start the engine by {}: {source}", python.display())]
    Start {
        /// The Python that was asked for.
        python: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ended before it served, having said why on standard error: ministack is missing, or it is another version.
    #[error("the engine exited at start; check that ministack is installed for {}", python.display())]
    Ended {
        /// The Python that was asked for.
        python: PathBuf,
    },
    /// It cannot do what it was told.
    #[error("the engine: {0}")]
    Refused(String),
}

impl EngineError {
    fn of(why: NotRunning, python: &Path) -> Self {
        let python = python.to_owned();
        match why {
            NotRunning::Start(source) => Self::Start { python, source },
            NotRunning::Ended => Self::Ended { python },
            NotRunning::Refused(error) => Self::Refused(error),
        }
    }
}

/// What the engine has around it.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) region: &'a str,
    /// The URL that clients know.
    pub(crate) public: String,
    /// The URL of [`crate::registration`].
    pub(crate) functions: String,
    /// The folder of what survives.
    pub(crate) state: Option<PathBuf>,
    pub(crate) mark: &'a Mark,
}

/// A running engine. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Engine(PythonProgram);

/// What the engine is asked.
#[derive(Clone, Debug)]
pub(crate) struct EngineClient(Upstream);

/// Lambda's exception and its words, as the engine says them.
#[derive(Deserialize)]
struct Refusal {
    exception: String,
    message: String,
}

impl Engine {
    pub(crate) async fn start(config: &EngineConfig, surroundings: &Surroundings<'_>) -> Result<Self, EngineError> {
        let not_running = |why| EngineError::of(why, &config.python);
        let program = Unpacked::new(FILES).map_err(not_running)?;
        let settings = json!({
            "region": surroundings.region,
            "account": ACCOUNT,
            "public": surroundings.public,
            "functions": surroundings.functions,
            "folder": program.folder(),
            "state": surroundings.state,
            "machine": if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" },
        });
        let (program, _) = program.start(&config.python, surroundings.mark, &settings).await.map_err(not_running)?;
        Ok(Self(program))
    }

    pub(crate) fn client(&self) -> EngineClient {
        EngineClient(Upstream::new(self.0.endpoint()))
    }

    /// Kills it and waits until it is gone.
    pub(crate) async fn end(self) {
        if let Err(error) = self.0.end().await {
            tracing::warn!(%error, "cannot end the engine");
        }
    }
}

impl EngineClient {
    /// Where requests for its services go.
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.0
    }

    /// Tells of an invocation that it did not see, in the background: it keeps the logs and metrics of all.
    pub(crate) fn report(&self, definition: &Definition, invoked: &Invoked) {
        let report = json!({
            "arn": definition.arn,
            "version": definition.version,
            "request_id": invoked.request_id,
            "milliseconds": invoked.report.duration.as_secs_f64() * 1000.0,
            "failed": invoked.function_error.is_some(),
            "log": String::from_utf8_lossy(&invoked.log_tail),
        });
        let upstream = self.0.clone();
        tokio::spawn(async move {
            let request = Request::post("/_lambda-local/invocation").body(Full::new(Bytes::from(report.to_string())));
            let request = request.expect("BUG: the path is one");
            if let Err(error) = upstream.send(request).await {
                tracing::warn!(%error, "an invocation's log does not reach the engine");
            }
        });
    }

    /// What the page shows of the engine's services: one of the parts of `page.py`, or a `message`.
    pub(crate) async fn page(&self, part: &str, query: &[(&str, &str)]) -> (StatusCode, Value) {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() =
            format!("/_lambda-local/page/{part}?{query}").parse().expect("BUG: a part and an encoded query are a path");
        let answer = match self.0.send(request).await {
            Ok(answer) => answer,
            Err(error) => return (StatusCode::BAD_GATEWAY, json!({ "message": format!("the engine: {error}") })),
        };
        let status = answer.status();
        let body = answer.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Looks a function up for the caller that signed a request with these headers.
    pub(crate) async fn describe(&self, caller: &HeaderMap, named: &Named) -> Result<Description, Refused> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("name", &named.reference)
            .extend_pairs(named.qualifier.iter().map(|qualifier| ("qualifier", qualifier)))
            .finish();
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = format!("/_lambda-local/function?{query}").parse().map_err(|error| unusable(&error))?;
        request.headers_mut().extend(caller.get(AUTHORIZATION).map(|signed| (AUTHORIZATION, signed.clone())));
        let answer = self.0.send(request).await.map_err(|error| unusable(&error))?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| unusable(&error))?.to_bytes();
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(|error| unusable(&error));
        }
        let refusal: Refusal = serde_json::from_slice(&body).map_err(|error| unusable(&error))?;
        Err(Refused::new(status, refusal.exception, refusal.message))
    }
}

fn unusable(error: &dyn std::fmt::Display) -> Refused {
    Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", format!("the engine: {error}"))
}
