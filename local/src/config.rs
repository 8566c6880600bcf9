//! The functions and the table, from one TOML file or built in code.
//!
//! Mistakes are reported together, each with the name of its key. Relative paths are relative to the TOML file, so that it does not
//! matter where `lambda-local` is started.

use crate::step_functions::StepFunctionsConfig;
use crate::table::TableConfig;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything `lambda-local` serves.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the Invoke API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The region that functions and ARNs name; without, that of this process's environment, or `us-east-1`.
    pub region: Option<String>,
    /// The content table.
    pub table: TableConfig,
    /// The functions by name.
    pub functions: BTreeMap<String, FunctionConfig>,
    /// State machines over the functions, if there are any.
    pub step_functions: Option<StepFunctionsConfig>,
    /// Every other AWS service, if wanted; `listen` is then the one endpoint of all services.
    pub engine: Option<EngineConfig>,
    /// The folder of what survives a restart, tables included; without, nothing does but a table in a file.
    pub state: Option<PathBuf>,
    /// AgentCore's gateways, if wanted; only with an engine.
    pub gateways: Option<GatewaysConfig>,
    /// Variables that every function gets because it runs on this machine. A function's own win.
    pub variables: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            region: None,
            table: TableConfig::default(),
            functions: BTreeMap::new(),
            step_functions: None,
            engine: None,
            state: None,
            gateways: None,
            variables: BTreeMap::new(),
        }
    }
}

/// What runs a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// An OS-only runtime (`provided.al2023`): `bootstrap` in the function's directory. Ignores `AWS_LAMBDA_EXEC_WRAPPER`.
    #[default]
    Provided,
    /// Python with the official client: `python -m awslambdaric HANDLER`, by `.venv/bin/python` of the directory if there is one.
    Python,
    /// Node.js with the official client, `aws-lambda-ric` in the directory's `node_modules`.
    Node,
}

/// One function: `[functions.NAME]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FunctionConfig {
    /// What runs it.
    pub runtime: Runtime,
    /// The runtime's command line instead of the runtime's own; the handler, if there is one, is appended.
    pub command: Option<Vec<String>>,
    /// Whether the runtime is started through `AWS_LAMBDA_EXEC_WRAPPER`. By default so for Python and Node only.
    pub managed: Option<bool>,
    /// What the runtime calls, such as `app.handler`: `_HANDLER`.
    pub handler: Option<String>,
    /// The function's code: the working directory and `LAMBDA_TASK_ROOT`.
    pub directory: PathBuf,
    /// The folder that stands for `/opt`.
    pub layer: Option<PathBuf>,
    /// Environment variables. A value that begins with `/opt/` is translated to the layer's folder.
    pub environment: BTreeMap<String, String>,
    /// How long an invocation may take; in TOML in seconds.
    #[serde(deserialize_with = "seconds")]
    pub timeout: Duration,
    /// Megabytes, told to the function and in the report; not enforced.
    pub memory: u32,
    /// The most sandboxes at once; beyond it 429. No limit by default.
    pub concurrency: Option<usize>,
    /// Runs as on Lambda Managed Instances, with several invocations at once in a sandbox.
    pub managed_instances: Option<ManagedInstances>,
    /// Sends the client context and the Cognito identity of an invocation that has none as empty headers, as some versions of
    /// Lambda's emulator do.
    pub empty_headers: bool,
    /// How long an unused sandbox is kept; in TOML in seconds.
    #[serde(deserialize_with = "seconds")]
    pub idle_timeout: Duration,
    /// How often a failed asynchronous invocation is tried again.
    pub retries: u32,
    /// The pause before the first retry; the second waits twice as long. Lambda waits a minute. In TOML in seconds.
    #[serde(deserialize_with = "seconds")]
    pub retry_delay: Duration,
    /// Any number that is another one once the function has been built anew: sandboxes of the old build then take no more invocations.
    pub build: Option<u64>,
}

/// `managed_instances = { max_concurrency = 8 }`: as on Lambda Managed Instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManagedInstances {
    /// The most invocations at once in one sandbox, and the most polls of its runtime: `AWS_LAMBDA_MAX_CONCURRENCY`.
    pub max_concurrency: usize,
}

impl Default for FunctionConfig {
    fn default() -> Self {
        Self {
            runtime: Runtime::default(),
            command: None,
            managed: None,
            handler: None,
            directory: PathBuf::from("."),
            layer: None,
            environment: BTreeMap::new(),
            timeout: Duration::from_secs(3),
            memory: 128,
            concurrency: None,
            managed_instances: None,
            empty_headers: false,
            idle_timeout: Duration::from_mins(5),
            retries: 2,
            retry_delay: Duration::from_secs(1),
            build: None,
        }
    }
}

impl FunctionConfig {
    /// The most invocations at once in one sandbox, on managed instances.
    pub(crate) fn max_concurrency(&self) -> Option<usize> {
        self.managed_instances.map(|managed| managed.max_concurrency)
    }

    /// Whether Lambda would start this runtime through `AWS_LAMBDA_EXEC_WRAPPER`.
    pub fn is_managed(&self) -> bool {
        self.managed.unwrap_or(self.runtime != Runtime::Provided)
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not TOML, or a key that is unknown or of the wrong type.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// Values that cannot be; all of them, a line each.
    #[error("{}", .0.join("\n"))]
    Values(Vec<String>),
}

impl Config {
    /// Reads a TOML file.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(read)?;
        let absolute = std::path::absolute(path).map_err(read)?;
        Self::from_toml(&text, absolute.parent().unwrap_or(Path::new("/")))
    }

    /// Reads TOML whose relative paths are relative to `folder`.
    pub fn from_toml(text: &str, folder: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text)?;
        config.resolve_paths(folder);
        config.check()?;
        Ok(config)
    }

    /// Every value that cannot be, all at once.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let mistakes: Vec<_> = self.functions.iter().flat_map(|(name, function)| mistakes(name, function)).collect();
        if mistakes.is_empty() { Ok(()) } else { Err(ConfigError::Values(mistakes)) }
    }

    /// Paths built in code are relative to the current directory, those of a file to its folder.
    pub(crate) fn resolve_paths(&mut self, folder: &Path) {
        if let Some(file) = &mut self.table.file {
            *file = folder.join(&*file);
        }
        if let Some(state) = &mut self.state {
            *state = folder.join(&*state);
        }
        if let Some(step_functions) = &mut self.step_functions {
            step_functions.resolve_paths(folder);
        }
        if let Some(engine) = &mut self.engine {
            engine.resolve_paths(folder);
        }
        if let Some(gateways) = &mut self.gateways {
            gateways.program = folder.join(&gateways.program);
        }
        for function in self.functions.values_mut() {
            function.directory = clean(&folder.join(&function.directory));
            function.layer = function.layer.as_ref().map(|layer| clean(&folder.join(layer)));
            // A name without a slash is looked up in PATH.
            if let Some(program) = function.command.as_mut().and_then(|c| c.first_mut()).filter(|p| p.contains('/')) {
                *program = folder.join(&*program).to_string_lossy().into_owned();
            }
        }
    }
}

/// Without `.` in the middle: these paths are shown and compared.
fn clean(path: &Path) -> PathBuf {
    path.components().collect()
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| serde::de::Error::custom(format!("{seconds} is not a valid number of seconds")))
}

fn mistakes(name: &str, function: &FunctionConfig) -> Vec<String> {
    let valid_name =
        (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let layer_missing = function.layer.as_ref().filter(|layer| !layer.is_dir());
    let rules = [
        (!valid_name, "a function's name has 1 to 64 letters, digits, - and _".to_owned()),
        (
            function.timeout.is_zero() || function.timeout > Duration::from_mins(15),
            "timeout must be more than 0 and at most 900 seconds".to_owned(),
        ),
        (!(128..=10_240).contains(&function.memory), "memory must be 128 to 10240 (MB)".to_owned()),
        (function.concurrency == Some(0), "concurrency must be at least 1".to_owned()),
        (function.max_concurrency() == Some(0), "managed_instances.max_concurrency must be at least 1".to_owned()),
        (function.retries > 2, "retries must be 0 to 2".to_owned()),
        (function.command.as_ref().is_some_and(Vec::is_empty), "command must name a program".to_owned()),
        (
            function.handler.is_none() && function.command.is_none() && function.runtime != Runtime::Provided,
            "handler is missing; name one such as \"app.handler\"".to_owned(),
        ),
        (!function.directory.is_dir(), format!("directory: {} is not a folder", function.directory.display())),
        (
            layer_missing.is_some(),
            format!("layer: {} is not a folder", function.layer.as_deref().unwrap_or(Path::new("")).display()),
        ),
    ];
    rules.into_iter().filter(|(wrong, _)| *wrong).map(|(_, rule)| format!("functions.{name}: {rule}")).collect()
}

/// What the engine is run by: `[engine]` of the TOML file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    /// A Python that has ministack; a path, or a name that is looked up in `PATH`.
    pub python: PathBuf,
}

impl EngineConfig {
    /// The same in absolute paths. A Python's name without a slash stays one.
    pub(crate) fn resolve_paths(&mut self, folder: &Path) {
        if self.python.components().count() > 1 {
            self.python = folder.join(&self.python);
        }
    }
}

/// What serves AgentCore's gateways: `[gateways]` of the TOML file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaysConfig {
    /// The program `agentcore` of this workspace.
    pub program: PathBuf,
    /// What is in front of the gateways' ids in their URLs; the endpoint's own `/_agentcore` without.
    pub url: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::from_toml(text, &std::env::temp_dir())
    }

    #[test]
    fn defaults_are_lambdas() {
        let config = parse("[functions.f]").unwrap();
        let function = &config.functions["f"];
        assert_eq!((function.timeout, function.memory, function.retries), (Duration::from_secs(3), 128, 2));
        assert!(!function.is_managed());
        assert_eq!(config.table, TableConfig::default());
    }

    #[test]
    fn the_readmes_example_is_a_configuration() {
        let readme = include_str!("../README.md");
        let example = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for path in ["functions/document-reader", "target/release/layer"] {
            std::fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        let config = Config::from_toml(example, folder.path()).unwrap();
        assert!(config.functions["reader"].is_managed() && !config.functions["analyser"].is_managed());
        assert_eq!(config.functions["reader"].environment["AGENT_CONTEXT_TABLE"], config.table.name);
        let step_functions = config.step_functions.unwrap();
        assert_eq!(step_functions.state_machines["documents"].definition, folder.path().join("documents.asl.json"));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let nested = "[functions.f]\nmanaged_instances = { max_concurrency = 8, timeuot = 3 }";
        for text in ["[functions.f]\ntimeuot = 3", nested, "[table]\ntimeuot = 3", "timeuot = 3"] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("timeuot"), "{error}");
        }
    }

    #[test]
    fn wrong_values_are_reported_together() {
        let text = "[functions.f]\ntimeout = 901\nmemory = 64\n[functions.g]\nruntime = \"python\"\nlayer = \"no-such-folder\"\nmanaged_instances = { max_concurrency = 0 }";
        let error = parse(text).unwrap_err().to_string();
        for part in [
            "functions.f: timeout",
            "functions.f: memory",
            "functions.g: handler",
            "functions.g: layer",
            "functions.g: managed_instances.max_concurrency",
        ] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }

    #[test]
    fn a_managed_instance_says_how_many_invocations_it_takes_at_once() {
        let config = parse("[functions.f]\nmanaged_instances = { max_concurrency = 8 }\n[functions.g]").unwrap();
        assert_eq!(config.functions["f"].max_concurrency(), Some(8));
        assert_eq!(config.functions["g"].max_concurrency(), None);
    }

    #[test]
    fn relative_paths_begin_at_the_file() {
        let folder = std::env::temp_dir();
        let config =
            parse("[functions.f]\ncommand = [\"bin/run\", \"-x\"]\n[functions.g]\ncommand = [\"python3\"]").unwrap();
        assert_eq!(config.functions["f"].command.as_ref().unwrap()[0], folder.join("bin/run").to_str().unwrap());
        assert_eq!(config.functions["g"].command.as_ref().unwrap()[0], "python3");
        assert_eq!(config.functions["f"].directory, clean(&folder));
    }

    #[test]
    fn managed_follows_the_runtime_unless_said_otherwise() {
        let config =
            parse("[functions.f]\nruntime = \"node\"\nhandler = \"a.b\"\n[functions.g]\nmanaged = true").unwrap();
        assert!(config.functions["f"].is_managed() && config.functions["g"].is_managed());
    }
}
