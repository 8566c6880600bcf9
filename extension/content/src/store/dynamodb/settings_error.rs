//! What can be wrong with a store's settings.

use std::path::PathBuf;

/// Why a store cannot be built from its settings. Each names the variable that a function's settings come from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The table has no name.
    #[error("AGENT_CONTEXT_TABLE is empty")]
    Table,
    /// The region is not one word of letters, digits and hyphens.
    #[error("AWS_REGION is {0:?}, not a region")]
    Region(String),
    /// The endpoint is not an `http://` or `https://` URL, or has more than a host and a plain path.
    #[error(
        "AWS_ENDPOINT_URL or one of its variants is {0:?}, not an http:// or https:// URL of a host and at most a plain path"
    )]
    Endpoint(String),
    /// The partition lacks an endpoint of the kind that was asked for.
    #[error("no endpoint in {region}: {reason} (look at AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT)")]
    NoEndpoint {
        /// The region.
        region: String,
        /// What the SDK says of it.
        reason: String,
    },
    /// The container credentials endpoint is not a URL, or would send credentials over plain HTTP to another machine.
    #[error("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither an https:// URL nor an http:// URL of this machine")]
    CredentialsUri,
    /// The certificate bundle cannot be read, or holds no certificate.
    #[error("AWS_CA_BUNDLE: no root certificates from {}: {reason}", path.display())]
    Roots {
        /// The bundle.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}
