//! Step Functions: moto's interpreter of the Amazon States Language in a separate process, over the functions and the table here.
//!
//! `local/interpreter` says what is done to moto so that it behaves as the service does. What must be there is a Python that has
//! moto, of exactly the version that the Makefile pins.

mod endings;
mod tasks;

use crate::account::ACCOUNT;
use crate::child_program::NotRunning;
use crate::mark::Mark;
use crate::python_program::{PythonProgram, Unpacked};
use endings::{Endings, Silent};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The interpreter's files.
const INTERPRETER: [(&str, &str); 13] = [
    ("__main__.py", include_str!("../interpreter/__main__.py")),
    ("api.py", include_str!("../interpreter/api.py")),
    ("clients.py", include_str!("../interpreter/clients.py")),
    ("deferred.py", include_str!("../interpreter/deferred.py")),
    ("definitions.py", include_str!("../interpreter/definitions.py")),
    ("endings.py", include_str!("../interpreter/endings.py")),
    ("history.py", include_str!("../interpreter/history.py")),
    ("keeping.py", include_str!("../interpreter/keeping.py")),
    ("limits.py", include_str!("../interpreter/limits.py")),
    ("paths.py", include_str!("../interpreter/paths.py")),
    ("programs.py", include_str!("../interpreter/programs.py")),
    ("spelling.py", include_str!("../interpreter/spelling.py")),
    ("variables.py", include_str!("../interpreter/variables.py")),
];

/// State machines and what interprets them: `[step_functions]` of the TOML file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepFunctionsConfig {
    /// A Python that has moto; a path, or a name that is looked up in `PATH`.
    pub python: PathBuf,
    /// The loopback port of the API; 0 takes a free one.
    pub port: u16,
    /// The names of activities that exist from the start.
    pub activities: Vec<String>,
    /// The names of SNS topics that exist from the start.
    pub topics: Vec<String>,
    /// The state machines by name: `[step_functions.state_machines.NAME]`.
    pub state_machines: BTreeMap<String, StateMachineConfig>,
}

impl Default for StepFunctionsConfig {
    fn default() -> Self {
        let (activities, topics) = (Vec::new(), Vec::new());
        Self { python: PathBuf::from("python3"), port: 0, activities, topics, state_machines: BTreeMap::new() }
    }
}

/// One state machine, deployed as a template would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateMachineConfig {
    /// The file with its definition.
    pub definition: PathBuf,
    /// The value of each `${Name}` in it: a template's `DefinitionSubstitutions`.
    #[serde(default)]
    pub substitutions: BTreeMap<String, String>,
}

/// Why there are no state machines.
#[derive(Debug, thiserror::Error)]
pub enum StepFunctionsError {
    /// A definition cannot be read.
    #[error("state machine {name}: cannot read {}: {source}", path.display())]
    Definition {
        /// The state machine.
        name: String,
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A placeholder without a value.
    #[error("state machine {name}: no substitution for ${{{placeholder}}}")]
    Placeholder {
        /// The state machine.
        name: String,
        /// The placeholder's name.
        placeholder: String,
    },
    /// A task that invokes a function that is not there: a substitution names none of those that are.
    #[error("state machine {name}: the state {state} invokes {function}, and there is no such function")]
    Function {
        /// The state machine.
        name: String,
        /// The state.
        state: String,
        /// What it would invoke.
        function: String,
    },
    /// The interpreter's process cannot be started.
    #[error("cannot start the state machines' interpreter by {}: {source}", python.display())]
    Start {
        /// The Python that was asked for.
        python: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The interpreter ended before it served, having said why on standard error: moto is missing, or it is another version.
    #[error("the state machines' interpreter exited at start; check that moto is installed for {}", python.display())]
    Ended {
        /// The Python that was asked for.
        python: PathBuf,
    },
    /// Nothing runs executions: no state machines are configured, or the interpreter's process has ended.
    #[error("no state machines' interpreter is running")]
    NotRunning,
    /// The interpreter refused what it was given, such as a definition that is no Amazon States Language.
    #[error("step functions: {0}")]
    Refused(String),
}

impl StepFunctionsError {
    fn of(why: NotRunning, python: &Path) -> Self {
        let python = python.to_owned();
        match why {
            NotRunning::Start(source) => Self::Start { python, source },
            NotRunning::Ended => Self::Ended { python },
            NotRunning::Refused(error) => Self::Refused(error),
        }
    }
}

impl StepFunctionsConfig {
    /// The same in absolute paths. A Python's name without a slash stays one.
    pub(crate) fn resolve_paths(&mut self, folder: &Path) {
        if self.python.components().count() > 1 {
            self.python = folder.join(&self.python);
        }
        for machine in self.state_machines.values_mut() {
            machine.definition = folder.join(&machine.definition);
        }
    }
}

/// What the interpreter's tasks reach.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) region: &'a str,
    /// The URL of the Invoke API.
    pub(crate) invoke: String,
    /// The names of all functions; none if others may be deployed.
    pub(crate) functions: Option<Vec<String>>,
    /// The URL of the table.
    pub(crate) table: String,
    /// The URL of every other service; moto's own without.
    pub(crate) others: Option<String>,
    /// The file of what survives.
    pub(crate) state: Option<PathBuf>,
    pub(crate) mark: &'a Mark,
}

/// A running interpreter. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct StepFunctions {
    program: PythonProgram,
    endings: Endings,
}

impl StepFunctions {
    /// Starts what is configured, if anything is.
    pub(crate) async fn start(
        config: Option<&StepFunctionsConfig>,
        surroundings: &Surroundings<'_>,
    ) -> Result<Option<Self>, StepFunctionsError> {
        let Some(config) = config else { return Ok(None) };
        let settings = settings(config, surroundings)?;
        let not_running = |why| StepFunctionsError::of(why, &config.python);
        let program = Unpacked::new(&INTERPRETER).map_err(not_running)?;
        let (program, output) =
            program.start(&config.python, surroundings.mark, &settings).await.map_err(not_running)?;
        Ok(Some(Self { program, endings: Endings::told_by(output) }))
    }

    /// Kills it and waits until it is gone.
    pub(crate) async fn end(self) {
        if let Err(error) = self.program.end().await {
            tracing::warn!(%error, "cannot end the state machines' interpreter");
        }
    }

    /// Waits until an execution has ended.
    pub(crate) async fn ended(&self, execution: &str) -> Result<(), StepFunctionsError> {
        self.endings.of(execution).await.map_err(|Silent| StepFunctionsError::NotRunning)
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn endpoint(&self) -> &str {
        self.program.endpoint()
    }
}

/// What `__main__.py` takes.
fn settings(config: &StepFunctionsConfig, surroundings: &Surroundings<'_>) -> Result<Value, StepFunctionsError> {
    let mut machines = Vec::new();
    for (name, machine) in &config.state_machines {
        let definition = definition(name, machine)?;
        refuse_unknown_functions(name, &definition, surroundings.functions.as_deref())?;
        machines.push(json!({ "name": name, "definition": definition }));
    }
    Ok(json!({
        "region": surroundings.region,
        "account": ACCOUNT,
        "port": config.port,
        "endpoints": { "lambda": surroundings.invoke, "dynamodb": surroundings.table },
        "others": surroundings.others,
        "state": surroundings.state,
        "activities": config.activities,
        "topics": config.topics,
        "state_machines": machines,
    }))
}

fn refuse_unknown_functions(name: &str, definition: &str, known: Option<&[String]>) -> Result<(), StepFunctionsError> {
    match known.and_then(|known| tasks::invoking_unknown(definition, known)) {
        Some((state, function)) => Err(StepFunctionsError::Function { name: name.to_owned(), state, function }),
        None => Ok(()),
    }
}

fn definition(name: &str, machine: &StateMachineConfig) -> Result<String, StepFunctionsError> {
    let path = &machine.definition;
    let read = |source| StepFunctionsError::Definition { name: name.to_owned(), path: path.clone(), source };
    let text = std::fs::read_to_string(path).map_err(read)?;
    let unknown = |placeholder| StepFunctionsError::Placeholder { name: name.to_owned(), placeholder };
    substitute(&text, &machine.substitutions).map_err(unknown)
}

/// The text with every `${Name}` replaced, or the first name that has no value.
fn substitute(text: &str, substitutions: &BTreeMap<String, String>) -> Result<String, String> {
    let mut pieces = text.split("${");
    let mut substituted = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once('}').ok_or(piece)?;
        substituted += substitutions.get(name).ok_or(name)?;
        substituted += rest;
    }
    Ok(substituted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn substitutions() -> BTreeMap<String, String> {
        [("Llm", "arn:llm"), ("Table", "t")].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn every_placeholder_is_replaced() {
        let text = r#"{"a":"${Llm}","b":"${Table}-${Llm}","c":"$.d"}"#;
        let expected = r#"{"a":"arn:llm","b":"t-arn:llm","c":"$.d"}"#;
        assert_eq!(substitute(text, &substitutions()), Ok(expected.to_owned()));
    }

    #[test]
    fn a_placeholder_that_nothing_stands_for_is_named() {
        assert_eq!(substitute("${Llm} ${Lmm}", &substitutions()), Err("Lmm".to_owned()));
        assert_eq!(substitute("${Llm", &substitutions()), Err("Llm".to_owned()));
    }

    #[test]
    fn a_python_without_a_slash_is_looked_up() {
        let mut config = StepFunctionsConfig::default();
        config.resolve_paths(Path::new("/x"));
        assert_eq!(config.python, Path::new("python3"));
        config.python = PathBuf::from("venv/bin/python");
        config.resolve_paths(Path::new("/x"));
        assert_eq!(config.python, Path::new("/x/venv/bin/python"));
    }
}
