//! The header by which a server knows its caller, from the secret that the row names.

use http::header::{self, HeaderName, HeaderValue};
use registries::tools::Auth;
use secrets::Secrets;

use crate::error::CallError;

/// A header with a secret in it.
pub(crate) type Credential = (HeaderName, HeaderValue);

/// What goes with each request to the server, if anything does.
pub(crate) async fn credential(auth: &Auth, secrets: &Secrets) -> Result<Option<Credential>, CallError> {
    let (name, secret_name, secret_key, scheme) = match auth {
        Auth::None => return Ok(None),
        Auth::Bearer { secret_name, secret_key } => (header::AUTHORIZATION, secret_name, secret_key, "Bearer "),
        Auth::Header { header, secret_name, secret_key } => {
            let name = HeaderName::try_from(header).map_err(|_| CallError::Row("auth"))?;
            (name, secret_name, secret_key, "")
        }
    };
    let secret = secrets.key(secret_name, secret_key).await.inspect_err(|error| {
        tracing::warn!(%error, "the credentials for a server cannot be read");
    })?;
    let value = HeaderValue::try_from(format!("{scheme}{}", secret.expose()));
    let mut value = value.map_err(|_| CallError::NotAHeader)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}
