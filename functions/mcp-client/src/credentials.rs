//! The header by which a server knows its caller, from the secret that the row names.

use http::header::{self, HeaderName, HeaderValue};
use http_guard::AllowedHosts;
use registries::tools::Auth;
use secrets::{SecretError, Secrets};

use crate::error::CallError;

/// A header with a secret in it.
pub(crate) type Credential = (HeaderName, HeaderValue);

/// The key of a secret that names the hosts its credentials may go to.
const HOSTS: &str = "hosts";

/// What goes with each request to the server at this host, if anything does.
pub(crate) async fn credential(auth: &Auth, host: &str, secrets: &Secrets) -> Result<Option<Credential>, CallError> {
    let (name, secret_name, secret_key, scheme) = match auth {
        Auth::None => return Ok(None),
        Auth::Bearer { secret_name, secret_key } => (header::AUTHORIZATION, secret_name, secret_key, "Bearer "),
        Auth::Header { header, secret_name, secret_key } => {
            let name = HeaderName::try_from(header).map_err(|_| CallError::Row("auth"))?;
            (name, secret_name, secret_key, "")
        }
    };
    if !is_for(host, secret_name, secrets).await? {
        return Err(CallError::NotForHost(host.to_owned()));
    }
    let secret = secrets.key(secret_name, secret_key).await.inspect_err(warn)?;
    let value = HeaderValue::try_from(format!("{scheme}{}", secret.expose()));
    let mut value = value.map_err(|_| CallError::NotAHeader)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

/// Whether the secret names the host: the author of a row chooses both the secret and the server.
async fn is_for(host: &str, secret_name: &str, secrets: &Secrets) -> Result<bool, CallError> {
    match secrets.key(secret_name, HOSTS).await {
        Ok(hosts) => Ok(AllowedHosts::listed(hosts.expose()).is_ok_and(|hosts| hosts.allow(host))),
        Err(SecretError::NoSuchKey { .. }) => Ok(false),
        Err(error) => {
            warn(&error);
            Err(error.into())
        }
    }
}

fn warn(error: &SecretError) {
    tracing::warn!(%error, "the credentials for a server cannot be read");
}
