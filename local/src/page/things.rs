//! What else the page shows: functions with their last invocations, the log, the tables, and what the engine keeps.

use crate::config::Runtime;
use crate::definition::Definition;
use crate::deployed::Deployed;
use crate::engine::EngineClient;
use crate::invoke_api::Functions;
use crate::journal::Journal;
use crate::table::{TableError, Tables};
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What there is on every machine, and what only an engine has.
const OWN: [&str; 3] = ["functions", "tables", "logs"];
const OF_ENGINE: [&str; 4] = ["queues", "topics", "schedules", "routes"];

/// Where these things are.
#[derive(Debug)]
pub(crate) struct Things {
    pub(crate) journal: Journal,
    pub(crate) tables: Tables,
    /// Those of the configuration file.
    pub(crate) functions: Functions,
    pub(crate) engine: Option<(EngineClient, Arc<Deployed>)>,
}

/// Why a thing cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ThingsError {
    /// A table is not there, or cannot be read.
    #[error("the tables cannot be read: {0}")]
    Tables(#[from] TableError),
    /// The engine refused, or is gone.
    #[error("{1}")]
    Engine(StatusCode, String),
    /// There is no engine, or no such part.
    #[error("there is no {0} here")]
    Nowhere(String),
}

impl ThingsError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Engine(status, _) => *status,
            Self::Tables(_) | Self::Nowhere(_) => StatusCode::NOT_FOUND,
        }
    }
}

impl Things {
    /// The document of `/page/PART?query`.
    pub(super) async fn part(&self, part: &str, query: &str) -> Result<Value, ThingsError> {
        let named = |wanted| {
            let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        match part {
            "parts" => Ok(json!({ "parts": self.parts() })),
            "functions" => Ok(json!({ "functions": self.functions().await? })),
            "tables" => Ok(json!({ "tables": self.tables.list().await? })),
            "rows" => Ok(json!({ "items": self.tables.rows(&named("table")).await? })),
            "logs" => Ok(json!({ "lines": self.journal.lines(&named("function")) })),
            "messages" => self.of_engine(part, &[("queue", &named("queue"))]).await,
            _ if OF_ENGINE.contains(&part) => self.of_engine(part, &[]).await,
            _ => Err(ThingsError::Nowhere(part.to_owned())),
        }
    }

    fn parts(&self) -> Vec<&str> {
        let here = if self.engine.is_some() { &OF_ENGINE[..] } else { &[] };
        OWN.iter().chain(here).copied().collect()
    }

    /// `{PART: list}`.
    async fn of_engine(&self, part: &str, query: &[(&str, &str)]) -> Result<Value, ThingsError> {
        let Some((engine, _)) = &self.engine else { return Err(ThingsError::Nowhere(part.to_owned())) };
        let (status, answer) = engine.page(part, query).await;
        match status {
            StatusCode::OK => Ok(json!({ part: answer })),
            _ => Err(ThingsError::Engine(status, answer["message"].as_str().unwrap_or_default().to_owned())),
        }
    }

    /// Each function once: of the file, of a stack, or only configured so far.
    async fn functions(&self) -> Result<Vec<Value>, ThingsError> {
        let mut found = BTreeMap::new();
        if self.engine.is_some() {
            let configured = self.of_engine("functions", &[]).await?;
            for function in configured["functions"].as_array().into_iter().flatten() {
                let arn = function["arn"].as_str().unwrap_or_default();
                found.insert(arn.to_owned(), function.clone());
            }
        }
        let deployed = self.engine.iter().flat_map(|(_, deployed)| deployed.all());
        for function in self.functions.values().cloned().chain(deployed) {
            let definition = &function.definition;
            found.entry(definition.arn.clone()).or_insert_with(|| described(definition));
        }
        for (arn, function) in &mut found {
            function["invocations"] = json!(self.journal.invocations(arn));
        }
        Ok(found.into_values().collect())
    }
}

fn described(definition: &Definition) -> Value {
    let config = &definition.config;
    let runtime = match config.runtime {
        Runtime::Provided => "provided",
        Runtime::Python => "python",
        Runtime::Node => "node",
    };
    json!({
        "name": definition.name,
        "region": definition.host.inherited.region,
        "arn": definition.arn,
        "runtime": runtime,
        "memory": config.memory,
        "timeout": config.timeout.as_secs(),
    })
}
