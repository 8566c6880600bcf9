//! The content table's variables: those of the layer, with the same meaning, so that what a tool stores is what the layer would store.

use std::num::NonZeroU32;
use std::time::Duration;

use functions_shared::{VariableError, Variables};
use long_content::keys::Keyring;
use long_content::reference::Ttl;
use long_content::signing::{SecretArn, SecretSettings};
use long_content::store::dynamodb::{Authorization, Connections, CredentialsSource, Settings, TlsRoots};

const TABLE: &str = "AGENT_CONTEXT_TABLE";
const CONTENT_TTL: &str = "LRAP_CONTENT_TTL";
const STORE_TIMEOUT: &str = "LRAP_STORE_TIMEOUT";
const SIGNING_KEY: &str = "LRAP_SIGNING_KEY";
const SIGNING_SECRET: &str = "LRAP_SIGNING_SECRET_ARN";
const CACHE_SIZE: &str = "LRAP_CACHE_SIZE";
const TLS_ROOTS: &str = "LRAP_TLS_ROOTS";
const REGION: &str = "AWS_REGION";

/// What the variables say about the content table.
#[derive(Debug)]
pub(crate) struct ContentSettings {
    pub(crate) store: Settings,
    pub(crate) ttl: Ttl,
    /// Longest time for storing or reading one content.
    pub(crate) patience: Duration,
    /// Bytes of contents to remember.
    pub(crate) cache_size: u64,
    pub(crate) signing_keys: Keyring,
    /// Where the keys are instead.
    pub(crate) signing_secret: Option<SecretSettings>,
}

/// The settings of the content table, if there is one.
pub(crate) fn settings(variables: &Variables) -> Result<Option<ContentSettings>, VariableError> {
    let Some(table) = variables.optional(TABLE)? else { return Ok(None) };
    Ok(Some(ContentSettings {
        store: store(variables, table)?,
        ttl: Ttl::seconds(variables.parsed(CONTENT_TTL)?.unwrap_or(86_400)),
        patience: patience(variables)?,
        cache_size: cache_size(variables)?,
        signing_keys: variables.parsed(SIGNING_KEY)?.unwrap_or_default(),
        signing_secret: signing_secret(variables)?,
    }))
}

/// An eighth of the function's memory, unless it is set; 0 remembers nothing.
fn cache_size(variables: &Variables) -> Result<u64, VariableError> {
    let memory_mb: u64 = variables.parsed("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")?.unwrap_or(128);
    Ok(variables.parsed(CACHE_SIZE)?.unwrap_or(memory_mb.saturating_mul(1 << 20) / 8))
}

/// Zero seconds would be a table that never answers.
fn patience(variables: &Variables) -> Result<Duration, VariableError> {
    let seconds = variables.parsed::<NonZeroU32>(STORE_TIMEOUT)?.map_or(20, NonZeroU32::get);
    Ok(Duration::from_secs(seconds.into()))
}

fn store(variables: &Variables, table: &str) -> Result<Settings, VariableError> {
    let region = match variables.optional(REGION)? {
        Some(region) => region,
        None => variables.optional("AWS_DEFAULT_REGION")?.ok_or(VariableError::Missing(REGION))?,
    };
    let endpoint = endpoint(variables, "AWS_ENDPOINT_URL_DYNAMODB")?;
    Ok(Settings {
        table: table.to_owned(),
        tls_roots: tls_roots(variables, region, endpoint.as_deref())?,
        fips: flag(variables, "AWS_USE_FIPS_ENDPOINT")?,
        dual_stack: flag(variables, "AWS_USE_DUALSTACK_ENDPOINT")?,
        credentials: credentials(variables)?,
        region: region.to_owned(),
        endpoint,
        connections: Connections::default(),
    })
}

fn signing_secret(variables: &Variables) -> Result<Option<SecretSettings>, VariableError> {
    let Some(arn) = variables.parsed::<SecretArn>(SIGNING_SECRET)? else { return Ok(None) };
    if variables.optional(SIGNING_KEY)?.is_some() {
        return Err(VariableError::malformed(SIGNING_KEY, format!("{SIGNING_SECRET} is set too; set one of them")));
    }
    let endpoint = endpoint(variables, "AWS_ENDPOINT_URL_SECRETS_MANAGER")?;
    Ok(Some(SecretSettings {
        tls_roots: tls_roots(variables, arn.region(), endpoint.as_deref())?,
        fips: flag(variables, "AWS_USE_FIPS_ENDPOINT")?,
        dual_stack: flag(variables, "AWS_USE_DUALSTACK_ENDPOINT")?,
        credentials: credentials(variables)?,
        arn,
        endpoint,
        connections: Connections::default(),
    }))
}

/// A URL in place of a service's own, unless those are to be ignored.
fn endpoint(variables: &Variables, service: &'static str) -> Result<Option<String>, VariableError> {
    if flag(variables, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
        return Ok(None);
    }
    let own = variables.optional(service)?;
    Ok(own.or(variables.optional("AWS_ENDPOINT_URL")?).map(str::to_owned))
}

fn tls_roots(variables: &Variables, region: &str, endpoint: Option<&str>) -> Result<TlsRoots, VariableError> {
    if let Some(bundle) = variables.optional("AWS_CA_BUNDLE")? {
        return Ok(TlsRoots::File(bundle.into()));
    }
    match variables.optional(TLS_ROOTS)? {
        None => Ok(TlsRoots::for_endpoint(region, endpoint)),
        Some(roots) if roots.eq_ignore_ascii_case("amazon") => Ok(TlsRoots::Amazon),
        Some(roots) if roots.eq_ignore_ascii_case("system") => Ok(TlsRoots::System),
        Some(_) => Err(VariableError::malformed(TLS_ROOTS, "it is neither amazon nor system")),
    }
}

/// Lambda's own variables; with `SnapStart` an endpoint instead, since credentials in a snapshot would be old.
fn credentials(variables: &Variables) -> Result<CredentialsSource, VariableError> {
    let text = |name| Ok::<_, VariableError>(variables.optional(name)?.map(str::to_owned));
    let keys = text("AWS_ACCESS_KEY_ID")?.zip(text("AWS_SECRET_ACCESS_KEY")?);
    let relative = text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")?.map(|path| format!("http://169.254.170.2{path}"));
    if let (None, Some(uri)) = (&keys, relative.or(text("AWS_CONTAINER_CREDENTIALS_FULL_URI")?)) {
        let token = text("AWS_CONTAINER_AUTHORIZATION_TOKEN")?.map(Authorization::Token);
        let file = text("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")?.map(|path| Authorization::File(path.into()));
        return Ok(CredentialsSource::Container { uri, authorization: file.or(token) });
    }
    let (access_key_id, secret_access_key) = keys.unwrap_or_default();
    Ok(CredentialsSource::Static { access_key_id, secret_access_key, session_token: text("AWS_SESSION_TOKEN")? })
}

fn flag(variables: &Variables, name: &'static str) -> Result<bool, VariableError> {
    match variables.optional(name)? {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(VariableError::malformed(name, "it is neither true nor false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake<const N: usize>(variables: [(&str, &str); N]) -> String {
        settings(&Variables::from(variables)).expect_err("a mistake").to_string()
    }

    #[test]
    fn without_a_table_there_is_nothing_to_set() {
        assert!(settings(&Variables::from([("LRAP_CONTENT_TTL", "no number")])).expect("settings").is_none());
    }

    #[test]
    fn defaults_are_the_layers() {
        let variables = Variables::from([(TABLE, "AgentContext-dev"), (REGION, "eu-central-1")]);
        let settings = settings(&variables).expect("settings").expect("a table");
        assert_eq!((settings.ttl, settings.patience), (Ttl::seconds(86_400), Duration::from_secs(20)));
        assert_eq!((settings.store.tls_roots, settings.store.endpoint), (TlsRoots::Amazon, None));
        assert_eq!((settings.cache_size, settings.signing_keys.is_empty()), (16 << 20, true));
    }

    #[test]
    fn what_is_remembered_is_as_long_as_the_variable_says() {
        for (said, bytes) in [("0", 0), ("1048576", 1 << 20)] {
            let variables = [(TABLE, "t"), (REGION, "eu-central-1"), (CACHE_SIZE, said)];
            let settings = settings(&Variables::from(variables)).expect("settings").expect("a table");
            assert_eq!(settings.cache_size, bytes);
        }
    }

    #[test]
    fn a_mistake_names_its_variable_and_quotes_no_key() {
        let table = (TABLE, "t");
        let region = (REGION, "eu-central-1");
        assert_eq!(mistake([table]), "the variable AWS_REGION is not set");
        let short = mistake([table, region, (SIGNING_KEY, "hush")]);
        assert!(short.contains("LRAP_SIGNING_KEY") && !short.contains("hush"), "{short}");
        for (name, wrong) in [
            (CONTENT_TTL, "-1"),
            (STORE_TIMEOUT, "0"),
            (CACHE_SIZE, "much"),
            (SIGNING_SECRET, "arn"),
            (TLS_ROOTS, "none"),
            ("AWS_USE_FIPS_ENDPOINT", "yes"),
        ] {
            let mistake = mistake([table, region, (name, wrong)]);
            assert!(mistake.contains(name), "{mistake}");
        }
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:lrap-a1b2c3";
        let both = mistake([table, region, (SIGNING_KEY, "a-key-of-enough-bytes"), (SIGNING_SECRET, arn)]);
        assert!(both.contains(SIGNING_KEY) && both.contains(SIGNING_SECRET), "{both}");
    }
}
