//! What a command runs in: the settings under the options, and the content table.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::time::Instant;

use bytes::Bytes;
use long_content::part::{Absent, Found, Index};
use long_content::reference::{ContentRef, PREFIX, ParseRefError, Reference, Scope};
use long_content::signing::SigningKeys;
use long_content::store::dynamodb::CredentialsSource;
use long_content::store::settings::{self, names as name};
use long_content::store::tiers::TieredStore;
use long_content::store::{ContentStore, GetError};
use lrap::config::{Config, LAMBDA_API, Mistake};
use lrap::error::Failure;

use crate::answer::ToolError;
use crate::options::{Common, Tenant};
use crate::profile;

/// Where a variable's value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
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
pub(crate) struct Context {
    /// Whether everything is said as one JSON document.
    pub(crate) as_json: bool,
    variables: Vec<Variable>,
}

/// What the store must be told, for commands that never ask it.
pub(crate) const WITHOUT_STORE: &[&str] = &[LAMBDA_API, name::TABLE, name::REGION];
/// Which profile of the files of the AWS CLI fills in what the environment lacks.
pub(crate) const PROFILE: &str = "AWS_PROFILE";

const WITHOUT_LAMBDA: &[&str] = &[LAMBDA_API];

const NO_CREDENTIALS: &str = "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, for example by \
    eval \"$(aws configure export-credentials --format env)\"";

impl Context {
    pub(crate) fn new(common: &Common, environment: Vec<(OsString, OsString)>) -> Self {
        let from_environment = |(name, value)| Variable { name, value, source: Source::Environment };
        let variables = environment.into_iter().map(from_environment).collect();
        let mut context = Self { as_json: common.json, variables };
        context.read_profile();
        context.read_options(common);
        context
    }

    /// Options overrule the environment.
    fn read_options(&mut self, common: &Common) {
        let overruling = [
            (&common.table, name::TABLE, "--table"),
            (&common.region, name::REGION, "--region"),
            (&common.endpoint_url, name::ENDPOINT_DYNAMODB, "--endpoint-url"),
        ];
        for (value, name, source) in overruling {
            if let Some(value) = value {
                self.set(name, value, Source::Option(source));
            }
        }
        if common.endpoint_url.is_some() {
            self.set(name::IGNORE_ENDPOINTS, "false", Source::Option("--endpoint-url"));
        }
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
    pub(crate) fn variable(&self, name: &str) -> Option<(&OsStr, &Source)> {
        let set = |variable: &&Variable| variable.name == name && !variable.value.is_empty();
        self.variables.iter().rev().find(set).map(|variable| (variable.value.as_os_str(), &variable.source))
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.variable(name).and_then(|(value, _)| value.to_str())
    }

    /// The settings, of which some may be missing.
    pub(crate) fn config_without(&self, optional: &[&str]) -> Result<Config, ToolError> {
        let variables = self.variables.iter().map(|variable| (variable.name.clone(), variable.value.clone()));
        Config::from_vars_without(variables, optional).map_err(|error| {
            let lines = error.0.iter().map(|mistake| format!("\n  {mistake}"));
            ToolError::Usage(format!("mistakes in the settings:{}", lines.collect::<String>()))
        })
    }

    /// The settings as far as they are right, and every mistake in them.
    pub(crate) fn settings(&self) -> (Config, Vec<Mistake>) {
        let variables = self.variables.iter().map(|variable| (variable.name.clone(), variable.value.clone()));
        Config::with_mistakes(variables, WITHOUT_LAMBDA)
    }

    /// Settings and content table.
    pub(crate) fn open(&self, tenant: &Tenant) -> Result<Table, ToolError> {
        let config = self.config_without(WITHOUT_LAMBDA)?;
        if matches!(&config.store.access.credentials, CredentialsSource::Static { access_key_id, .. } if access_key_id.is_empty())
        {
            return Err(ToolError::Unavailable(NO_CREDENTIALS.to_owned()));
        }
        let scope = with_secret_keys(&config, scope_of(&config, tenant))?;
        let store = TieredStore::new(config.store.clone(), config.bucket.clone());
        let store = store.map_err(|error| ToolError::Usage(error.to_string()))?;
        Ok(Table { config, store, scope })
    }
}

/// Who shares the contents that are asked for.
pub(crate) fn scope_of(config: &Config, tenant: &Tenant) -> Scope {
    let scope = settings::scope(&config.store, config.bucket.as_ref()).signed_by(config.signing.keys.clone());
    // The name's bytes, whether or not they are text.
    let tenant = tenant.id.as_deref().map(OsStr::as_encoded_bytes);
    tenant.map_or_else(|| scope.clone(), |tenant| scope.for_tenant(tenant))
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
pub(crate) struct Table {
    pub(crate) config: Config,
    pub(crate) store: TieredStore,
    pub(crate) scope: Scope,
}

impl Table {
    /// Contents in the order of their references; those that the scope does not admit are refused unread.
    pub(crate) async fn get(&self, references: &[ContentRef]) -> Vec<Result<Bytes, GetError>> {
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
    pub(crate) fn until(&self) -> Instant {
        Instant::now() + self.config.store_timeout
    }
}

/// The reference that a text is: ours, or the forerunner's: a user who types one wants it read.
pub(crate) fn reference(text: &str) -> Result<Reference, ParseRefError> {
    text.parse().or_else(|error| ContentRef::parse_legacy(text).map(Reference::from).ok_or(error))
}

/// The same, and of a handle too: what a person types who names one content, or a part of it.
pub(crate) fn named(text: &str) -> Result<Reference, ParseRefError> {
    let of_handle = |error| match ContentRef::parse_handle(text) {
        Some(reference) => reference.map(Reference::from),
        None => format!("{PREFIX}{text}").parse().map_err(|_| error),
    };
    reference(text).or_else(of_handle)
}

/// The part of a content that a reference names; all of it, if it names none.
pub(crate) fn narrowed(reference: &Reference, content: &Bytes) -> Result<Bytes, Absent> {
    let Some(part) = &reference.part else { return Ok(content.clone()) };
    let Found { span, is_slice } = Index::default().find(content, part)?;
    Ok(if is_slice { [b"[", &content[span], b"]"].concat().into() } else { content.slice(span) })
}

/// Waits for what a command asks of the table.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("BUG: no tokio runtime");
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}
