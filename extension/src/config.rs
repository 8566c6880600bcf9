//! The environment, read once into one typed [`Config`]. No other file of the extension reads it. `long-content` reads the
//! variables for the content store and for signing, because the functions and the tool need them, too.
//!
//! Every mistake is reported together, each with the variable's name, so that an operator fixes them in one go.

mod addresses;
mod upstream;

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::num::NonZeroU16;
use std::time::Duration;

use long_content::hydrate::Search;
use long_content::keep::{NotAPointer, Pointer};
use long_content::reference::Ttl;
use long_content::signing::settings::{SIGNING_KEY, SIGNING_SECRET, SigningSettings};
use long_content::store::dynamodb::Settings;
use long_content::store::s3::BucketSettings;
use long_content::store::settings::names::{
    CACHE_SIZE, CONTENT_BUCKET, CONTENT_TTL, S3_KMS_KEY, S3_MIN_SIZE, STORE_TIMEOUT, TABLE, TLS_ROOTS,
};
pub use long_content::store::settings::variables::{Mistake, Mistakes, Problem};
use long_content::store::settings::variables::{Variables, quoted};
use long_content::store::settings::{StoreSettings, memory};
use tracing::level_filters::LevelFilter;

/// A variable that operators set.
#[derive(Debug)]
pub struct Setting {
    /// The variable's name.
    pub name: &'static str,
    /// The value that applies when the variable is unset, as the README shows it.
    pub default: &'static str,
    /// What it does, in one sentence.
    pub help: &'static str,
    /// The value in force, as text for a person: empty if nothing is set, "set" for a key.
    pub in_force: fn(&Config) -> String,
}

macro_rules! settings {
    ($($(#[doc = $help:literal])+ $const:ident $(= $name:literal)?, $default:literal, $in_force:expr;)+) => {
        $($(#[doc = concat!("The variable `", $name, "`.")] pub const $const: &str = $name;)?)+

        /// Every variable of the extension, in the order of the README's table.
        pub const SETTINGS: &[Setting] =
            &[$(Setting { name: $const, default: $default, help: concat!($($help),+), in_force: $in_force }),+];
    };
}

settings! {
    /// Name of the DynamoDB content table.
    TABLE, "required", |config| config.store.table.clone();
    /// Strings of more bytes (of decoded UTF-8) than this are offloaded.
    MAX_CONTENT_SIZE = "MAX_CONTENT_SIZE", "5000", |config| config.max_content_size.to_string();
    /// Bytes that a response may have. If it is larger, further values are offloaded until it fits; 0 means no limit.
    MAX_PAYLOAD_SIZE = "MAX_PAYLOAD_SIZE", "245760", |config| config.max_payload_size.unwrap_or(0).to_string();
    /// JSON Pointers, separated by spaces, of values that stay inline whatever their size, for a Choice, a Map or a person to read; `*` matches any one member, `/**` at the end everything below.
    KEEP = "LRAP_KEEP", "none", |_| String::new();
    /// Name of an S3 bucket for long contents. Without a bucket, the table stores all contents.
    CONTENT_BUCKET, "none", |config| config.bucket.as_ref().map(|bucket| bucket.bucket.clone()).unwrap_or_default();
    /// Contents of more bytes than this, after compression, are stored in the bucket. A content of more than 8,032 bytes costs less in S3 than in the table.
    S3_MIN_SIZE, "8032", |config| config.bucket.as_ref().map(|bucket| bucket.min_size.to_string()).unwrap_or_default();
    /// ARN of a KMS key that encrypts what is stored in the bucket, in place of the bucket's default encryption.
    S3_KMS_KEY, "none", |config| config.bucket.as_ref().and_then(|bucket| bucket.kms_key.clone()).unwrap_or_default();
    /// Seconds that contents are kept; 0 keeps them for ever.
    CONTENT_TTL, "86400", |config| config.ttl.as_seconds().unwrap_or(0).to_string();
    /// Seconds that storing or reading contents may take, within the invocation's own deadline.
    STORE_TIMEOUT, "20", |config| config.store_timeout.as_secs().to_string();
    /// Bytes that all hydrated events of one sandbox may have together. An event counts from when its contents are read until the runtime has received it.
    MAX_EVENT_SIZE = "LRAP_MAX_EVENT_SIZE", "a quarter of the function's memory", |config| config.max_event_size.to_string();
    /// Distinct references that one event may name, including those inside its contents.
    MAX_REFERENCES = "LRAP_MAX_REFERENCES", "4096", |config| config.max_references.to_string();
    /// Bytes of contents that a sandbox remembers, so that it neither reads nor writes them again; 0 remembers nothing.
    CACHE_SIZE, "an eighth of the function's memory", |config| config.cache_size.to_string();
    /// Whether responses are offloaded: `auto` does not offload responses whose reader cannot hydrate, such as API Gateway. Set `always` or `never` where the callers are known.
    OFFLOAD = "LRAP_OFFLOAD", "auto (or always, never)", |config| config.offload.as_str().to_owned();
    /// Whether events are hydrated: `auto` does not hydrate events that outsiders write, such as API Gateway's. Set `always` or `never` where the callers are known.
    HYDRATE = "LRAP_HYDRATE", "auto (or always, never)", |config| config.hydrate.as_str().to_owned();
    /// What happens to an event whose content cannot be read: `fail` the invocation, or `keep` the reference.
    ON_MISSING = "LRAP_ON_MISSING", "keep in a batch of records, otherwise fail", |config| config.on_missing.as_str().to_owned();
    /// Signs references: at least 16 random bytes as text, the same for all who share contents. Further keys, after spaces, are accepted for verification (rotation).
    SIGNING_KEY, "none (or the secret below)", |config| if config.signing.keys.is_empty() { String::new() } else { "set".to_owned() };
    /// ARN of a Secrets Manager secret that holds the signing key instead.
    SIGNING_SECRET, "none", |config| config.signing.secret.as_ref().map(|secret| secret.arn.to_string()).unwrap_or_default();
    /// `true` reads the references of the public step-functions-agent too.
    READ_LEGACY = "LRAP_READ_LEGACY", "false", |config| config.reads_legacy.to_string();
    /// Port of 127.0.0.1 on which the extension listens, in place of Lambda's Runtime API.
    PORT = "LRAP_LISTENER_PORT", "9009", |config| config.port.to_string();
    /// The same port, for this extension alone: set it where several proxies are chained.
    OWN_PORT = "LONG_CONTENT_LISTENER_PORT", "LRAP_LISTENER_PORT", |config| config.port.to_string();
    /// `host:port` of the Runtime API to which the extension forwards requests.
    UPSTREAM = "LRAP_RUNTIME_API_ENDPOINT", "AWS_LAMBDA_RUNTIME_API", |config| config.upstream.clone();
    /// The same endpoint, for this extension alone: set it where several proxies are chained.
    OWN_UPSTREAM = "LONG_CONTENT_RUNTIME_API_ENDPOINT", "LRAP_RUNTIME_API_ENDPOINT", |config| config.upstream.clone();
    /// Trusted certificates for DynamoDB, S3 and Secrets Manager: `amazon` (embedded) or `system`. `AWS_CA_BUNDLE` names a file instead.
    TLS_ROOTS, "amazon (system for other endpoints)", |config| config.store.access.tls_roots.to_string();
    /// Metrics of invocations in which the extension had something to do, as lines on standard output: `emf` for CloudWatch, or `off`.
    METRICS = "LRAP_METRICS", "emf", |config| config.metrics.as_str().to_owned();
    /// Log level: `off`, `error`, `warn`, `info`, `debug` or `trace`.
    LOG = "LRAP_LOG", "warn", |config| config.log.to_string();
}

/// The wrapper's own variable.
const NEXT_WRAPPER: &str = "LRAP_NEXT_WRAPPER";

/// Prefixes of names that are ours, or may be misspelt names of ours.
const PREFIXES: [&str; 2] = ["LRAP_", "LONG_CONTENT_"];

/// Variables that name an HTTP proxy for other programs. The extension ignores them and connects directly.
const HTTP_PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// A misspelt name is at most this many letters away from the right one.
const MISSPELT: usize = 2;

/// What happens to an event whose content cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMissing {
    /// The invocation fails with a typed error.
    Fail,
    /// The runtime gets the event with the reference in it.
    Keep,
    /// Fails, except in a batch of records, where one bad record must not block the others.
    Auto,
}

impl OnMissing {
    /// The setting's value, as the README shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Keep => "keep",
            Self::Auto => "keep in a batch of records, otherwise fail",
        }
    }

    /// Whether a reference whose content cannot be read stays in the event. `is_batch` says whether the event is a batch of
    /// records.
    pub fn keeps(self, is_batch: impl FnOnce() -> bool) -> bool {
        match self {
            Self::Keep => true,
            Self::Fail => false,
            Self::Auto => is_batch(),
        }
    }
}

/// Where metrics go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsMode {
    /// To CloudWatch, in its embedded metric format on standard output.
    Emf,
    /// Nowhere.
    Off,
}

impl MetricsMode {
    /// The setting's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Emf => "emf",
            Self::Off => "off",
        }
    }
}

/// Whether payloads are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It depends on the event's envelope, which shows who sent the event.
    Auto,
    /// For any caller.
    Always,
    /// For no caller.
    Never,
}

impl Mode {
    /// The setting's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }

    /// Whether payloads are changed; `automatic` is the decision of `auto`.
    pub fn applies(self, automatic: bool) -> bool {
        match self {
            Self::Auto => automatic,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Everything that the environment decides.
#[derive(Debug)]
pub struct Config {
    /// `host:port` of the real Runtime API and Extensions API, where the extension registers.
    pub lambda_api: String,
    /// `host:port` that the proxy forwards to: the same address, or the next proxy's.
    pub upstream: String,
    /// Port of 127.0.0.1 to listen on.
    pub port: u16,
    /// The variable that decided the port, for error messages.
    pub port_variable: &'static str,
    /// Longest string, in bytes of UTF-8, that stays in a response.
    pub max_content_size: usize,
    /// Bytes that a response may have for its destination; `None` means no limit.
    pub max_payload_size: Option<usize>,
    /// Values that stay inline, whatever their size.
    pub keep: Vec<Pointer>,
    /// How long contents are kept.
    pub ttl: Ttl,
    /// Longest time for storing or reading the contents of one payload.
    pub store_timeout: Duration,
    /// Bytes that hydrated events may have together.
    pub max_event_size: u64,
    /// Distinct references that one event may name.
    pub max_references: usize,
    /// Bytes that buffered responses may have together.
    pub response_room: u64,
    /// Bytes of contents to remember.
    pub cache_size: u64,
    /// Whether responses are offloaded.
    pub offload: Mode,
    /// Whether events are hydrated.
    pub hydrate: Mode,
    /// What happens to an event whose content cannot be read.
    pub on_missing: OnMissing,
    /// What references are signed and verified with.
    pub signing: SigningSettings,
    /// Whether references in the format of the public step-functions-agent are read.
    pub reads_legacy: bool,
    /// What to log.
    pub log: LevelFilter,
    /// Where metrics go.
    pub metrics: MetricsMode,
    /// The function's name, a dimension of its metrics.
    pub function_name: Option<String>,
    /// The content table and how to reach it.
    pub store: Settings,
    /// The bucket for long contents and how to reach it, if there is one.
    pub bucket: Option<BucketSettings>,
    /// Unknown `LRAP_` variables, which may be another proxy's.
    pub unknown: Vec<String>,
    /// Variables that name an HTTP proxy, which is not used.
    pub http_proxies: Vec<&'static str>,
}

impl Config {
    /// Reads the process's environment.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn from_env() -> Result<Self, Mistakes> {
        Self::from_vars(env::vars_os())
    }

    /// Reads the variables given.
    pub fn from_vars(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, Mistakes> {
        Self::from_vars_without(vars, &[])
    }

    /// Reads the variables given, of which those in `optional` may be missing: the tool needs no Runtime API.
    pub fn from_vars_without(
        vars: impl IntoIterator<Item = (OsString, OsString)>,
        optional: &[&str],
    ) -> Result<Self, Mistakes> {
        let (config, mistakes) = Self::with_mistakes(vars, optional);
        if mistakes.is_empty() { Ok(config) } else { Err(Mistakes(mistakes)) }
    }

    /// The same, but returns the mistakes beside the configuration. A variable with a wrong value counts as unset.
    pub fn with_mistakes(
        vars: impl IntoIterator<Item = (OsString, OsString)>,
        optional: &[&str],
    ) -> (Self, Vec<Mistake>) {
        let environment = Environment::new(vars);
        let mut vars = environment.variables();
        let config = Self::parse(&mut vars, &environment);
        let is_fine =
            |mistake: &Mistake| mistake.problem == Problem::Missing && optional.contains(&mistake.variable.as_str());
        (config, vars.mistakes().into_iter().filter(|mistake| !is_fine(mistake)).collect())
    }

    /// How events are searched for references.
    pub fn search(&self) -> Search {
        Search {
            reads_legacy: self.reads_legacy,
            max_decoded: self.max_event_size,
            // Where none is read, none is too many; those that are not found would count as text in the response (O4).
            max_references: if self.hydrate == Mode::Never { usize::MAX } else { self.max_references },
        }
    }

    fn parse(vars: &mut Variables<'_>, environment: &Environment) -> Self {
        let lambda_api = host_and_port(vars, LAMBDA_API).unwrap_or_default();
        if !vars.is_set(LAMBDA_API) {
            vars.note(LAMBDA_API, Problem::Missing);
        }
        let port_variable = if vars.is_set(OWN_PORT) { OWN_PORT } else { PORT };
        let port = port(vars, port_variable);
        let upstream = upstream(vars, &lambda_api, port);
        let memory = memory(vars);
        let (max_content_size, max_payload_size) = (vars.number(MAX_CONTENT_SIZE, 5_000), max_payload_size(vars));
        let StoreSettings { table: store, bucket, ttl, timeout: store_timeout, cache_size } = StoreSettings::read(vars);
        Self {
            upstream,
            lambda_api,
            port,
            port_variable,
            max_content_size,
            max_payload_size,
            keep: pointers(vars, KEEP),
            ttl,
            store_timeout,
            max_event_size: vars.number(MAX_EVENT_SIZE, memory / 4),
            max_references: vars.number(MAX_REFERENCES, 4096),
            response_room: memory / 4,
            cache_size,
            offload: vars.one_of(OFFLOAD, MODES, Mode::Auto),
            hydrate: vars.one_of(HYDRATE, MODES, Mode::Auto),
            on_missing: vars.one_of(
                ON_MISSING,
                &[("fail", OnMissing::Fail), ("keep", OnMissing::Keep)],
                OnMissing::Auto,
            ),
            signing: SigningSettings::read(vars, &store.access.connections),
            reads_legacy: vars.flag(READ_LEGACY),
            log: vars.one_of(LOG, LEVELS, LevelFilter::WARN),
            metrics: vars.one_of(METRICS, &[("emf", MetricsMode::Emf), ("off", MetricsMode::Off)], MetricsMode::Emf),
            function_name: vars.text("AWS_LAMBDA_FUNCTION_NAME"),
            store,
            bucket,
            unknown: environment.unknown_names(vars),
            http_proxies: HTTP_PROXIES.into_iter().filter(|name| vars.is_set(name)).collect(),
        }
    }
}

/// `host:port` of the Runtime API and Extensions API, if this process runs in Lambda. Mistakes in all other variables are
/// reported there. A mistake in this variable can only be logged.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn lambda_api() -> Result<Option<String>, Mistakes> {
    let value = env::var_os(LAMBDA_API);
    let mut vars = Variables::new(|_| value.as_deref());
    let address = host_and_port(&mut vars, LAMBDA_API);
    vars.checked_whole(address)
}

/// The process's environment. It is for the tool, whose options override the environment.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn environment() -> Vec<(OsString, OsString)> {
    env::vars_os().collect()
}

/// The process's arguments, its own name first. An extension has no others.
pub fn arguments() -> env::ArgsOs {
    env::args_os()
}

/// Where the Runtime API and the Extensions API are.
pub const LAMBDA_API: &str = "AWS_LAMBDA_RUNTIME_API";

const MODES: &[(&str, Mode)] = &[("auto", Mode::Auto), ("always", Mode::Always), ("never", Mode::Never)];

const LEVELS: &[(&str, LevelFilter)] = &[
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

/// `host:port` to forward to, for a proxy that listens at `port`. `lambda_api` is Lambda's own address. See
/// [`upstream`](mod@upstream).
fn upstream(vars: &mut Variables<'_>, lambda_api: &str, port: u16) -> String {
    let upstream = if vars.is_set(OWN_UPSTREAM) {
        let own = host_and_port(vars, OWN_UPSTREAM);
        if own.as_ref().is_some_and(|own| upstream::is_listener(own, port)) {
            vars.unfit(OWN_UPSTREAM, "is where this extension itself listens; unset it, or name the next proxy");
        }
        own
    } else {
        host_and_port(vars, UPSTREAM).filter(|shared| !upstream::is_listener(shared, port))
    };
    upstream.unwrap_or_else(|| lambda_api.to_owned())
}

/// `host:port`, if the variable is set and its value is right.
fn host_and_port(vars: &mut Variables<'_>, name: &str) -> Option<String> {
    let value = vars.text(name)?;
    let address = addresses::host_and_port(&value).map(str::to_owned);
    address.map_err(|right| vars.wrong(name, &value, right)).ok()
}

/// `None` (no limit) if the value is 0.
fn max_payload_size(vars: &mut Variables<'_>) -> Option<usize> {
    Some(vars.number(MAX_PAYLOAD_SIZE, 245_760)).filter(|&bytes| bytes > 0)
}

/// A port that the wrapper accepts too.
fn port(vars: &mut Variables<'_>, name: &str) -> u16 {
    let default = NonZeroU16::new(9009).expect("BUG: the default port is not 0");
    vars.parsed(name, default, "a port of 1 to 65535").get()
}

fn pointers(vars: &mut Variables<'_>, name: &str) -> Vec<Pointer> {
    let value = vars.text(name).unwrap_or_default();
    let pointers: Result<_, _> = value.split_whitespace().map(str::parse).collect();
    pointers.unwrap_or_else(|error: NotAPointer| {
        vars.unfit(name, format!("is {}: {error}", quoted(&value)));
        vec![]
    })
}

/// Every variable of a process, except those whose name is not UTF-8: all our names are.
struct Environment(HashMap<String, OsString>);

impl Environment {
    fn new(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self(vars.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect())
    }

    /// The variables to read. If the value of one of our variables is not text, that is a mistake even if nothing reads the
    /// variable.
    fn variables(&self) -> Variables<'_> {
        let mut vars = Variables::new(|name| self.0.get(name).map(OsString::as_os_str));
        for name in our_names() {
            vars.text(name);
        }
        vars
    }

    /// Unknown `LRAP_` names. An unknown name that has one of our prefixes and is similar to one of our names is a mistake.
    fn unknown_names(&self, vars: &mut Variables<'_>) -> Vec<String> {
        let may_be_ours = |name: &&String| PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !is_ours(name);
        let mut unknown: Vec<_> = self.0.keys().filter(may_be_ours).cloned().collect();
        unknown.retain(|name| vars.is_set(name));
        unknown.sort();
        let (misspelt, mut unknown): (Vec<_>, Vec<_>) = unknown.into_iter().partition(|name| nearest(name).is_some());
        for name in misspelt {
            let meant = nearest(&name).expect("BUG: it was partitioned by having one");
            vars.unfit(&name, format!("is unknown; did you mean {meant}?"));
        }
        unknown.retain(|name| name.starts_with(PREFIXES[0]));
        unknown
    }
}

/// Every name that the extension or the wrapper reads.
fn our_names() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|setting| setting.name).chain([NEXT_WRAPPER])
}

fn is_ours(name: &str) -> bool {
    our_names().any(|ours| ours == name)
}

fn nearest(name: &str) -> Option<&'static str> {
    let distances = our_names().map(|ours| (strsim::damerau_levenshtein(ours, name), ours));
    distances.min().filter(|(distance, _)| *distance <= MISSPELT).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use long_content::store::dynamodb::CredentialsSource;

    const MINIMAL: &[(&str, &str)] = &[
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
        ("AGENT_CONTEXT_TABLE", "AgentContext-dev"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];

    pub(super) fn config(more: &[(&str, &str)]) -> Result<Config, Mistakes> {
        let vars = MINIMAL.iter().chain(more).map(|(name, value)| (name.into(), value.into()));
        Config::from_vars(vars)
    }

    pub(super) fn mistakes(more: &[(&str, &str)]) -> Vec<String> {
        let error = config(more).unwrap_err();
        error.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = config(&[]).unwrap();
        assert_eq!((config.port, config.max_content_size, config.max_payload_size), (9009, 5_000, Some(245_760)));
        assert_eq!((config.ttl, config.store_timeout), (Ttl::seconds(86_400), Duration::from_secs(20)));
        assert_eq!((config.max_event_size, config.on_missing), (32 << 20, OnMissing::Auto));
        assert_eq!(config.cache_size, 16 << 20);
        assert_eq!(config.response_room, 32 << 20);
        assert_eq!((config.upstream.as_str(), config.lambda_api.as_str()), ("127.0.0.1:9001", "127.0.0.1:9001"));
        assert_eq!((config.log, config.store.table.as_str()), (LevelFilter::WARN, "AgentContext-dev"));
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let wrong = [
            ("AGENT_CONTEXT_TABLE", ""),
            ("MAX_CONTENT_SIZE", "5k"),
            ("LRAP_LISTENER_PORT", "70000"),
            ("LRAP_STORE_TIMEOUT", "0"),
            ("LRAP_ON_MISSING", "ignore"),
            ("LRAP_CONTENT_TLT", "60"),
        ];
        let vars = MINIMAL.iter().filter(|(name, _)| *name != "AGENT_CONTEXT_TABLE").chain(&wrong);
        let error = Config::from_vars(vars.map(|(name, value)| (name.into(), value.into()))).unwrap_err();
        let named: Vec<_> = error.0.iter().map(|mistake| mistake.variable.as_str()).collect();
        assert_eq!(
            named,
            [
                "LRAP_LISTENER_PORT",
                "MAX_CONTENT_SIZE",
                "LRAP_STORE_TIMEOUT",
                "AGENT_CONTEXT_TABLE",
                "LRAP_ON_MISSING",
                "LRAP_CONTENT_TLT",
            ]
        );
    }

    #[test]
    fn mistakes_say_what_would_be_right() {
        assert_eq!(
            mistakes(&[("LRAP_LISTENER_PORT", "70000")]),
            ["LRAP_LISTENER_PORT is `70000`, not a port of 1 to 65535"]
        );
        assert_eq!(
            mistakes(&[("LRAP_LOG", "loud")]),
            ["LRAP_LOG is `loud`, not one of off, error, warn, info, debug, trace"]
        );
        assert_eq!(
            mistakes(&[("LRAP_STORE_TIMOUT", "5")]),
            ["LRAP_STORE_TIMOUT is unknown; did you mean LRAP_STORE_TIMEOUT?"]
        );
    }

    /// Without these checks the extension would start, and then fail every invocation.
    #[test]
    fn every_kind_of_value_is_checked_at_start() {
        for (name, value, problem) in [
            ("LRAP_LISTENER_PORT", "0", "is `0`, not a port of 1 to 65535"),
            ("AWS_REGION", "eu central", "is `eu central`, not a region such as eu-central-1"),
            ("AGENT_CONTEXT_TABLE", "the table", "is `the table`, not the name or the ARN of a DynamoDB table"),
            ("AWS_USE_FIPS_ENDPOINT", "1", "is `1`, not one of true, false"),
            ("LRAP_KEEP", "a", "is `a`: "),
            ("LRAP_KEEP", "/a~2b", "is `/a~2b`: "),
            ("LRAP_KEEP", "/kept /a~", "is `/kept /a~`: "),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1 GB", "is `1 GB`, not a whole number of 0 to 18446744073709551615"),
            ("AWS_SESSION_TOKEN", "hush\n", "begins or ends with white space, or is not all printable ASCII"),
        ] {
            let said = mistakes(&[(name, value)]);
            assert!(said.len() == 1 && said[0].starts_with(&format!("{name} {problem}")), "{said:?}");
        }
        let url = "not an http:// or https:// URL of a host and at most a port and a path";
        for name in ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"] {
            assert_eq!(mistakes(&[(name, "localhost:8000")]), [format!("{name} is `localhost:8000`, {url}")]);
        }
        let secret = ("LRAP_SIGNING_SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:lrap-a1b2c3");
        let both = mistakes(&[secret, ("AWS_ENDPOINT_URL", "http://user:password@host")]);
        assert_eq!(both, [format!("AWS_ENDPOINT_URL is a value with a user name (not shown here), {url}")]);
        assert!(config(&[("AWS_ENDPOINT_URL", "x"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE")]).is_ok());
        assert_eq!(
            config(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "99999999999999999")]).unwrap().cache_size,
            u64::MAX / 8
        );
    }

    #[test]
    fn credentials_are_checked_where_they_are_used() {
        let keyless = || MINIMAL.iter().filter(|(name, _)| !name.contains("_KEY")).copied();
        let uri = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "127.0.0.1:9001/credentials");
        let read = |vars: Vec<(&str, &str)>| {
            Config::from_vars(vars.into_iter().map(|(name, value)| (name.into(), value.into())))
        };
        let error = read(keyless().chain([uri]).collect()).unwrap_err();
        assert!(error.to_string().starts_with("AWS_CONTAINER_CREDENTIALS_FULL_URI is `127.0.0.1:9001/"), "{error}");
        assert!(config(&[uri]).is_ok(), "nobody asks there");
    }

    #[test]
    fn a_long_value_is_quoted_in_part_and_on_one_line() {
        let long = format!("a\nb{}", "x".repeat(4_000));
        let said = mistakes(&[("MAX_CONTENT_SIZE", &long)]).remove(0);
        assert!(said.len() < 300 && said.starts_with("MAX_CONTENT_SIZE is `a\\nbxxx"), "{said}");
    }

    #[test]
    fn http_proxies_are_named() {
        assert_eq!(config(&[("HTTPS_PROXY", ""), ("NO_PROXY", "x")]).unwrap().http_proxies, [""; 0]);
        let given = [("HTTPS_PROXY", "http://user:key@proxy:3128"), ("all_proxy", "socks5://proxy")];
        assert_eq!(config(&given).unwrap().http_proxies, ["HTTPS_PROXY", "all_proxy"]);
    }

    #[test]
    fn every_name_that_is_nearly_ours_is_a_mistake() {
        for (name, meant) in [
            ("LRAP_NEXT_WRAPER", "LRAP_NEXT_WRAPPER"),
            ("LONG_CONTENT_LISTNER_PORT", "LONG_CONTENT_LISTENER_PORT"),
            ("LRAP_RUNTIME_API_ENDPIONT", "LRAP_RUNTIME_API_ENDPOINT"),
        ] {
            assert_eq!(mistakes(&[(name, "x")]), [format!("{name} is unknown; did you mean {meant}?")]);
        }
        assert_eq!(config(&[("LONG_CONTENT_BUCKET", "x")]).unwrap().unknown, [""; 0]);
    }

    #[test]
    fn signing_keys_are_checked_and_never_quoted() {
        let named = |name: &str, value: &str| mistakes(&[(name, value)]).join("; ");
        let short = named("LRAP_SIGNING_KEY", "hush");
        assert_eq!(short, "LRAP_SIGNING_KEY holds a key of fewer than 16 bytes");
        assert_eq!(named("LRAP_SIGNING_KEY", "  "), "LRAP_SIGNING_KEY holds no key");
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:lrap-a1b2c3";
        assert_eq!(
            named("LRAP_SIGNING_SECRET_ARN", "lrap"),
            "LRAP_SIGNING_SECRET_ARN is not the ARN of a Secrets Manager secret"
        );
        let both =
            mistakes(&[("LRAP_SIGNING_KEY", "a-hush-hush-key-of-some-length"), ("LRAP_SIGNING_SECRET_ARN", arn)]);
        assert_eq!(both, ["LRAP_SIGNING_KEY and LRAP_SIGNING_SECRET_ARN are both set; set one"]);

        let given =
            config(&[("LRAP_SIGNING_KEY", "a-hush-hush-key-of-some-length the-hush-hush-previous-one")]).unwrap();
        assert_eq!((given.signing.keys.len(), given.signing.secret.is_none()), (2, true));
        assert!(!format!("{given:?}").contains("hush"));
        let secret = config(&[("LRAP_SIGNING_SECRET_ARN", arn)]).unwrap().signing.secret.unwrap();
        assert_eq!(secret.arn.region(), "eu-west-1");
    }

    #[test]
    fn what_others_read_is_no_mistake() {
        let config = config(&[("LRAP_DEBUG", "true"), ("LRAP_NEXT_WRAPPER", "/opt/dd"), ("LRAP_SANDBOX_FLAVOUR", "x")]);
        assert_eq!(config.unwrap().unknown, ["LRAP_DEBUG", "LRAP_SANDBOX_FLAVOUR"]);
    }

    #[test]
    fn snapstart_credentials_come_from_the_container_endpoint() {
        let uri = "http://127.0.0.1:9001/2021-04-23/credentials";
        let endpoint = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)];
        let vars = MINIMAL.iter().filter(|(name, _)| !name.contains("_KEY")).chain(&endpoint);
        let config = Config::from_vars(vars.map(|(name, value)| (name.into(), value.into()))).unwrap();
        assert!(
            matches!(config.store.access.credentials, CredentialsSource::Container { uri: given, .. } if given == uri)
        );
    }

    #[test]
    fn a_relative_credentials_uri_is_a_path_at_the_address_of_ecs() {
        let endpoint = [("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x")];
        let vars = MINIMAL.iter().filter(|(name, _)| !name.contains("_KEY")).chain(&endpoint);
        let config = Config::from_vars(vars.map(|(name, value)| (name.into(), value.into()))).unwrap();
        let CredentialsSource::Container { uri, .. } = config.store.access.credentials else { panic!("no endpoint") };
        assert_eq!(uri, "http://169.254.170.2/v2/credentials/x");
    }

    #[test]
    fn dual_stack_is_a_setting_of_the_table_and_of_the_secret() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:lrap-a1b2c3";
        let both = config(&[("AWS_USE_DUALSTACK_ENDPOINT", "true"), ("LRAP_SIGNING_SECRET_ARN", arn)]).unwrap();
        assert!(both.store.access.dual_stack && both.signing.secret.unwrap().access.dual_stack);
        assert!(!config(&[]).unwrap().store.access.dual_stack);
    }

    /// The README's table of variables is this module's own list.
    #[test]
    fn the_readme_documents_every_variable() {
        let rows: Vec<_> =
            SETTINGS.iter().map(|s| format!("| `{}` | {} | {} |", s.name, s.default, s.help.trim())).collect();
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&rows.join("\n")), "README.md should contain this table:\n{}", rows.join("\n"));
    }
}
