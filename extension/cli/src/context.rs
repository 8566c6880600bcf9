//! What a command runs in: its arguments, the settings under them, and the content table.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::time::Instant;

use bytes::Bytes;
use long_content::reference::{ContentRef, ParseRefError, Scope};
use long_content::signing::SigningKeys;
use long_content::store::dynamodb::{CredentialsSource, DynamoDbStore};
use long_content::store::settings::names as name;
use long_content::store::{ContentStore, GetError};

use super::answer::ToolError;
use super::arguments::Arguments;
use super::profile;
use lrap::config::{Config, LAMBDA_API};
use lrap::error::Failure;

/// Where a variable's value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Environment,
    Option(&'static str),
    File(PathBuf),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::Option(flag) => f.write_str(flag),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A variable with its source. Of several with one name, the last counts.
struct Variable {
    name: OsString,
    value: OsString,
    source: Source,
}

/// Everything that a command needs.
pub(super) struct Context {
    pub(super) arguments: Arguments,
    variables: Vec<Variable>,
}

/// What the store must be told, for commands that never ask it.
pub(super) const WITHOUT_STORE: &[&str] = &[LAMBDA_API, name::TABLE, name::REGION];
/// Which profile of the files of the AWS CLI fills in what the environment lacks.
pub(super) const PROFILE: &str = "AWS_PROFILE";

const WITHOUT_LAMBDA: &[&str] = &[LAMBDA_API];

const NO_CREDENTIALS: &str = "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, for example by \
    eval \"$(aws configure export-credentials --format env)\"";

impl Context {
    pub(super) fn new(arguments: Arguments, environment: Vec<(OsString, OsString)>) -> Result<Self, ToolError> {
        let from_environment = |(name, value)| Variable { name, value, source: Source::Environment };
        let variables = environment.into_iter().map(from_environment).collect();
        let mut context = Self { arguments, variables };
        context.read_profile();
        context.read_options()?;
        Ok(context)
    }

    /// Options overrule the environment.
    fn read_options(&mut self) -> Result<(), ToolError> {
        let overruling = [
            ("table", name::TABLE, "--table"),
            ("region", name::REGION, "--region"),
            ("endpoint-url", name::ENDPOINT_DYNAMODB, "--endpoint-url"),
        ];
        for (flag, name, source) in overruling {
            match self.arguments.text(flag)?.map(str::to_owned) {
                Some(value) if value.is_empty() => return Err(ToolError::Usage(format!("{source} is empty"))),
                Some(value) => self.set(name, &value, Source::Option(source)),
                None => {}
            }
        }
        if self.arguments.has("endpoint-url") {
            self.set(name::IGNORE_ENDPOINTS, "false", Source::Option("--endpoint-url"));
        }
        Ok(())
    }

    /// The profile's files fill in what the environment lacks.
    fn read_profile(&mut self) {
        let profile = self.value(PROFILE).unwrap_or("default").to_owned();
        let endpoints = [name::CREDENTIALS_RELATIVE_URI, name::CREDENTIALS_FULL_URI];
        if [name::ACCESS_KEY_ID].iter().chain(&endpoints).all(|name| self.value(name).is_none()) {
            let keys = [name::ACCESS_KEY_ID, name::SECRET_ACCESS_KEY, name::SESSION_TOKEN];
            self.read_section("AWS_SHARED_CREDENTIALS_FILE", "credentials", &profile, &keys.map(|key| (key, key)));
        }
        if [name::REGION, name::DEFAULT_REGION].iter().all(|name| self.value(name).is_none()) {
            self.read_section("AWS_CONFIG_FILE", "config", &profile, &[(name::REGION, "region")]);
        }
    }

    /// Takes variables from a section of a file. A file that cannot be read holds nothing.
    fn read_section(&mut self, variable: &str, usual: &str, profile: &str, wanted: &[(&str, &str)]) {
        let home = || Some(PathBuf::from(self.value("HOME")?).join(".aws").join(usual));
        let Some(path) = self.value(variable).map(PathBuf::from).or_else(home) else { return };
        let text = fs::read_to_string(&path).unwrap_or_default();
        for (name, key) in wanted {
            if let Some(value) = profile::value(&text, profile, key) {
                self.set(name, value, Source::File(path.clone()));
            }
        }
    }

    fn set(&mut self, name: &str, value: &str, source: Source) {
        self.variables.push(Variable { name: name.into(), value: value.into(), source });
    }

    /// A variable that is set and not empty, with its source.
    pub(super) fn variable(&self, name: &str) -> Option<(&OsStr, &Source)> {
        let set = |variable: &&Variable| variable.name == name && !variable.value.is_empty();
        self.variables.iter().rev().find(set).map(|variable| (variable.value.as_os_str(), &variable.source))
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.variable(name).and_then(|(value, _)| value.to_str())
    }

    /// The settings, of which some may be missing.
    pub(super) fn config_without(&self, optional: &[&str]) -> Result<Config, ToolError> {
        let variables = self.variables.iter().map(|variable| (variable.name.clone(), variable.value.clone()));
        Config::from_vars_without(variables, optional).map_err(|error| {
            let lines = error.0.iter().map(|mistake| format!("\n  {mistake}"));
            ToolError::Usage(format!("mistakes in the settings:{}", lines.collect::<String>()))
        })
    }

    /// Every mistake in the settings.
    pub(super) fn mistakes(&self) -> Vec<lrap::config::Mistake> {
        let variables = self.variables.iter().map(|variable| (variable.name.clone(), variable.value.clone()));
        Config::from_vars_without(variables, WITHOUT_LAMBDA).err().map_or_else(Vec::new, |error| error.0)
    }

    /// Settings and content table.
    pub(super) fn open(&self) -> Result<Table, ToolError> {
        let config = self.config_without(WITHOUT_LAMBDA)?;
        if matches!(&config.store.credentials, CredentialsSource::Static { access_key_id, .. } if access_key_id.is_empty())
        {
            return Err(ToolError::Unavailable(NO_CREDENTIALS.to_owned()));
        }
        let scope = with_secret_keys(&config, self.scope(&config))?;
        let store = DynamoDbStore::new(config.store.clone()).map_err(|error| ToolError::Usage(error.to_string()))?;
        Ok(Table { config, store, scope })
    }

    /// Who shares the contents that are asked for.
    pub(super) fn scope(&self, config: &Config) -> Scope {
        let scope = Scope::new(config.store.table.as_str()).signed_by(config.signing.keys.clone());
        // The name's bytes, whether or not they are text.
        let tenant = self.arguments.value("tenant").map(OsStr::as_encoded_bytes);
        tenant.map_or_else(|| scope.clone(), |tenant| scope.for_tenant(tenant))
    }
}

/// The scope with the keys of the signing secret, where they are in one.
fn with_secret_keys(config: &Config, scope: Scope) -> Result<Scope, ToolError> {
    if config.signing.secret.is_none() {
        return Ok(scope);
    }
    let keys = SigningKeys::new(config.signing.clone());
    let keys = keys.map_err(|error| ToolError::Usage(error.to_string()))?;
    let keys = wait(async { keys.get(Instant::now() + config.store_timeout).await });
    let keys = keys.map_err(|error| ToolError::Unavailable(Failure::no_keys(&error).message))?;
    Ok(scope.signed_by(keys))
}

/// A content table, and how to ask it.
pub(super) struct Table {
    pub(super) config: Config,
    pub(super) store: DynamoDbStore,
    pub(super) scope: Scope,
}

impl Table {
    /// Contents in the order of their references; those that the scope does not admit are refused unread.
    pub(super) async fn get(&self, references: &[ContentRef]) -> Vec<Result<Bytes, GetError>> {
        let admitted: Vec<_> =
            references.iter().filter(|reference| self.scope.admits(reference).is_ok()).copied().collect();
        let mut contents = self.store.get(&self.scope, &admitted, self.until()).await.into_iter();
        let content = |reference| match self.scope.admits(reference) {
            Ok(()) => contents.next().expect("BUG: stores answer for each reference").map(|stored| stored.bytes),
            Err(_) => Err(GetError::Refused),
        };
        references.iter().map(content).collect()
    }

    /// When to give up what begins now.
    pub(super) fn until(&self) -> Instant {
        Instant::now() + self.config.store_timeout
    }
}

/// The reference that a text is: ours, or the forerunner's, which whoever types one means to be read.
pub(super) fn reference(text: &str) -> Result<ContentRef, ParseRefError> {
    text.parse().or_else(|error| ContentRef::parse_legacy(text).ok_or(error))
}

/// Waits for what a command asks of the table.
pub(super) fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("BUG: no tokio runtime");
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}
