//! The content store's settings, from variables, for the extension, for the tool for operators, and for functions. No other
//! file reads these variables. So contents that one of these programs stores are found by the others.
//!
//! Settings are read through a lookup ([`Variables`]); the `main` of a program reads the environment.

pub mod addresses;
pub mod names;
pub mod variables;

use std::time::Duration;

use self::names as name;
use self::variables::{Problem, Variables};
use super::cost;
use super::dynamodb::{Authorization, Connections, CredentialsSource, ServiceAccess, Settings, TlsRoots};
use super::s3::BucketSettings;
use crate::placing::Placing;
use crate::reference::{Scope, Ttl};

/// What the variables say about the content store.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// The table and how to reach it.
    pub table: Settings,
    /// The bucket for long contents, and how to reach it, if one is named.
    pub bucket: Option<BucketSettings>,
    /// How long contents are kept.
    pub ttl: Ttl,
    /// Longest time for storing or reading the contents of one payload.
    pub timeout: Duration,
    /// Bytes of contents to remember.
    pub cache_size: u64,
}

impl StoreSettings {
    /// The settings of a content table, which must be named.
    pub fn read(variables: &mut Variables<'_>) -> Self {
        Self {
            ttl: Ttl::seconds(variables.number(name::CONTENT_TTL, 86_400)),
            timeout: variables.positive_seconds(name::STORE_TIMEOUT, 20),
            cache_size: cache_size(variables),
            bucket: bucket(variables),
            table: table(variables),
        }
    }

    /// The same, if a table is named.
    pub fn read_if_named(variables: &mut Variables<'_>) -> Option<Self> {
        variables.is_set(name::TABLE).then(|| Self::read(variables))
    }
}

impl StoreSettings {
    /// Which store takes which contents.
    pub fn placing(&self) -> Placing {
        placing(self.bucket.as_ref())
    }

    /// The scope of everyone who uses these stores.
    pub fn scope(&self) -> Scope {
        scope(&self.table, self.bucket.as_ref())
    }
}

/// Which store takes which contents where there is such a bucket.
pub fn placing(bucket: Option<&BucketSettings>) -> Placing {
    bucket.map(BucketSettings::placing).unwrap_or_default()
}

/// The scope of everyone who uses a table and perhaps a bucket.
pub fn scope(table: &Settings, bucket: Option<&BucketSettings>) -> Scope {
    Scope::new(table.table.as_str()).with_bucket(bucket.map(|bucket| bucket.bucket.as_str()))
}

/// Bytes of the function's memory.
pub fn memory(variables: &mut Variables<'_>) -> u64 {
    variables.number::<u64>(name::MEMORY_SIZE, 128).saturating_mul(1 << 20)
}

/// An eighth of the function's memory, unless the variable is set; with 0, nothing is remembered.
fn cache_size(variables: &mut Variables<'_>) -> u64 {
    let default = memory(variables) / 8;
    variables.number(name::CACHE_SIZE, default)
}

fn table(variables: &mut Variables<'_>) -> Settings {
    let region = region(variables);
    let connections = connections(variables);
    let access = service_access(variables, name::ENDPOINT_DYNAMODB, &region, connections);
    let right = "the name or the ARN of a DynamoDB table";
    let table = required(variables, name::TABLE, name::TABLE, addresses::is_table, right);
    Settings { table, region, access }
}

/// The bucket for long contents, if one is named. By default it takes what costs less there.
fn bucket(variables: &mut Variables<'_>) -> Option<BucketSettings> {
    let bucket = variables.checked(name::CONTENT_BUCKET, addresses::is_bucket, "the name of an S3 bucket")?;
    let region = region(variables);
    let connections = connections(variables);
    let right = "the ARN, the id or the alias of a KMS key";
    Some(BucketSettings {
        bucket,
        min_size: variables.number(name::S3_MIN_SIZE, cost::crossover()),
        kms_key: variables.checked(name::S3_KMS_KEY, addresses::is_key, right),
        access: service_access(variables, name::ENDPOINT_S3, &region, connections),
        region,
    })
}

fn region(variables: &mut Variables<'_>) -> String {
    let set = if variables.is_set(name::REGION) { name::REGION } else { name::DEFAULT_REGION };
    required(variables, set, name::REGION, addresses::is_label, "a region such as eu-central-1")
}

/// A variable that must be set. If it is missing, the message names it `usual`.
fn required(
    variables: &mut Variables<'_>,
    name: &str,
    usual: &str,
    is_right: impl Fn(&str) -> bool,
    right: &str,
) -> String {
    if !variables.is_set(name) {
        variables.note(usual, Problem::Missing);
    }
    variables.checked(name, is_right, right).unwrap_or_default()
}

/// With `SnapStart`, a snapshot of this process is taken at the end of its init, and no connection may be in it.
fn connections(variables: &mut Variables<'_>) -> Connections {
    match variables.text(name::INITIALIZATION_TYPE).as_deref() {
        Some("snap-start") => Connections::before_snapshot(),
        _ => Connections::default(),
    }
}

/// How to reach a service in `region` whose own endpoint is in the variable `endpoint`.
pub(crate) fn service_access(
    variables: &mut Variables<'_>,
    endpoint: &str,
    region: &str,
    connections: Connections,
) -> ServiceAccess {
    let endpoint = service_url(variables, endpoint);
    ServiceAccess {
        tls_roots: tls_roots(variables, region, endpoint.as_deref()),
        fips: variables.flag(name::FIPS),
        dual_stack: variables.flag(name::DUAL_STACK),
        credentials: credentials(variables),
        endpoint,
        connections,
    }
}

/// The URL of a service, by its own variable or the one of all services, unless those are to be ignored.
fn service_url(variables: &mut Variables<'_>, own: &str) -> Option<String> {
    let name = if variables.is_set(own) { own } else { name::ENDPOINT };
    if variables.flag(name::IGNORE_ENDPOINTS) { None } else { variables.url(name) }
}

fn tls_roots(variables: &mut Variables<'_>, region: &str, endpoint: Option<&str>) -> TlsRoots {
    if let Some(bundle) = variables.text(name::CA_BUNDLE) {
        return TlsRoots::File(bundle.into());
    }
    let default = TlsRoots::for_endpoint(region, endpoint);
    variables.one_of(name::TLS_ROOTS, &[("amazon", TlsRoots::Amazon), ("system", TlsRoots::System)], default)
}

/// The credentials from Lambda's own variables. With `SnapStart`, Lambda gives an endpoint instead, because credentials in a
/// snapshot would be old. If neither is set, every request fails with a message that says so.
fn credentials(variables: &mut Variables<'_>) -> CredentialsSource {
    let keys = variables.credential(name::ACCESS_KEY_ID).zip(variables.credential(name::SECRET_ACCESS_KEY));
    let uri = if keys.is_none() { container_uri(variables) } else { None };
    if let Some(uri) = uri {
        let token = variables.credential(name::AUTHORIZATION_TOKEN).map(Authorization::Token);
        let file = variables.text(name::AUTHORIZATION_TOKEN_FILE).map(|path| Authorization::File(path.into()));
        return CredentialsSource::Container { uri, authorization: file.or(token) };
    }
    let (access_key_id, secret_access_key) = keys.unwrap_or_default();
    let session_token = variables.credential(name::SESSION_TOKEN);
    CredentialsSource::Static { access_key_id, secret_access_key, session_token }
}

/// Where a container's credentials are: a path at ECS's own address, or a URL.
fn container_uri(variables: &mut Variables<'_>) -> Option<String> {
    const ECS: &str = "http://169.254.170.2";
    let is_path = |path: &str| path.starts_with('/');
    let path = variables.checked(name::CREDENTIALS_RELATIVE_URI, is_path, "a path that begins with a slash");
    path.map(|path| format!("{ECS}{path}")).or_else(|| variables.url(name::CREDENTIALS_FULL_URI))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::variables::Mistakes;
    use super::*;
    use std::ffi::OsStr;

    const MINIMAL: [(&str, &str); 2] = [("AGENT_CONTEXT_TABLE", "AgentContext-dev"), ("AWS_REGION", "eu-central-1")];

    fn read(given: &[(&str, &str)]) -> Result<Option<StoreSettings>, Mistakes> {
        let find = |name: &str| given.iter().rev().find(|(given, _)| *given == name);
        let mut variables = Variables::new(|name| find(name).map(|(_, value)| OsStr::new(*value)));
        let settings = StoreSettings::read_if_named(&mut variables);
        variables.checked_whole(settings)
    }

    fn with(more: &[(&str, &str)]) -> Result<StoreSettings, Mistakes> {
        read(&[&MINIMAL, more].concat()).map(Option::unwrap)
    }

    #[test]
    fn without_a_table_there_is_nothing_to_set() {
        assert!(read(&[("LRAP_CONTENT_TTL", "no number")]).unwrap().is_none());
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let settings = with(&[]).unwrap();
        assert_eq!((settings.ttl, settings.timeout), (Ttl::seconds(86_400), Duration::from_secs(20)));
        assert_eq!((settings.table.access.tls_roots, settings.table.access.endpoint), (TlsRoots::Amazon, None));
        assert_eq!(settings.cache_size, 16 << 20);
        assert!(!settings.table.access.connections.expect_snapshot());
    }

    #[test]
    fn what_is_remembered_is_as_long_as_the_variable_says() {
        for (said, bytes) in [("0", 0), ("1048576", 1 << 20)] {
            assert_eq!(with(&[("LRAP_CACHE_SIZE", said)]).unwrap().cache_size, bytes);
        }
        let memory = ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024");
        assert_eq!(with(&[memory]).unwrap().cache_size, 128 << 20);
    }

    #[test]
    fn no_connection_is_kept_before_a_snapshot() {
        let settings = with(&[("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")]).unwrap();
        assert!(settings.table.access.connections.expect_snapshot());
    }

    #[test]
    fn a_bucket_takes_what_costs_less_there() {
        assert!(with(&[("LRAP_S3_MIN_SIZE", "no number")]).unwrap().bucket.is_none());
        let bucket = ("LRAP_CONTENT_BUCKET", "long-content-dev");
        let settings = with(&[bucket, ("LRAP_S3_KMS_KEY", "alias/contents")]).unwrap().bucket.unwrap();
        assert_eq!((settings.bucket.as_str(), settings.region.as_str()), ("long-content-dev", "eu-central-1"));
        assert_eq!((settings.min_size, settings.kms_key.as_deref()), (cost::crossover(), Some("alias/contents")));
        let settings = with(&[bucket, ("LRAP_S3_MIN_SIZE", "0"), ("AWS_ENDPOINT_URL_S3", "http://s3:1")]).unwrap();
        let bucket = settings.bucket.unwrap();
        assert_eq!((bucket.min_size, bucket.access.endpoint.as_deref()), (0, Some("http://s3:1")));
        assert_eq!(settings.table.access.endpoint, None);
    }

    #[test]
    fn every_mistake_is_named_with_what_is_right() {
        for (name, value, problem) in [
            ("AGENT_CONTEXT_TABLE", "the table", "is `the table`, not the name or the ARN of a DynamoDB table"),
            ("AWS_REGION", "eu central", "is `eu central`, not a region such as eu-central-1"),
            ("LRAP_CONTENT_TTL", "-1", "is `-1`, not a whole number of 0 to 4294967295"),
            ("LRAP_STORE_TIMEOUT", "0", "is 0, not a number of seconds of 1 or more"),
            ("LRAP_CACHE_SIZE", "much", "is `much`, not a whole number of 0 to 18446744073709551615"),
            ("LRAP_TLS_ROOTS", "none", "is `none`, not one of amazon, system"),
            ("LRAP_CONTENT_BUCKET", "My Bucket", "is `My Bucket`, not the name of an S3 bucket"),
            ("AWS_USE_FIPS_ENDPOINT", "yes", "is `yes`, not one of true, false"),
            (
                "AWS_ENDPOINT_URL",
                "localhost",
                "is `localhost`, not an http:// or https:// URL of a host and at most a port and a path",
            ),
        ] {
            assert_eq!(with(&[(name, value)]).unwrap_err().to_string(), format!("{name} {problem}"));
        }
        let two = with(&[("LRAP_CONTENT_TTL", "x"), ("AWS_REGION", "")]).unwrap_err();
        assert_eq!(two.0.len(), 2, "{two}");
        assert!(two.to_string().ends_with("; AWS_REGION is not set"), "{two}");
    }
}
