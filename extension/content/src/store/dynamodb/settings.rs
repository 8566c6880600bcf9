//! The settings of a [`DynamoDbStore`](super::DynamoDbStore). Nothing here reads the environment: the code that builds the
//! settings does, once.

use std::fmt;
use std::path::PathBuf;

use super::protocol::pool::Connections;
use super::protocol::tls::TlsRoots;

/// Where the content table is, and how to reach it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The table's name (or ARN).
    pub table: String,
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// How `DynamoDB` is reached.
    pub access: ServiceAccess,
}

/// How to reach a service of AWS, with the settings that the AWS SDKs also read from the environment
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>).
#[derive(Debug, Clone)]
pub struct ServiceAccess {
    /// A URL in place of the region's endpoint (`AWS_ENDPOINT_URL_DYNAMODB`): a VPC endpoint, a proxy, a local table. The
    /// next two settings do not change it.
    pub endpoint: Option<String>,
    /// Whether to use the region's FIPS endpoint (`AWS_USE_FIPS_ENDPOINT`).
    pub fips: bool,
    /// Whether to use the region's endpoint for IPv4 and IPv6 (`AWS_USE_DUALSTACK_ENDPOINT`).
    pub dual_stack: bool,
    /// Whose certificates to trust; see [`TlsRoots::for_endpoint`].
    pub tls_roots: TlsRoots,
    /// Where the credentials come from.
    pub credentials: CredentialsSource,
    /// How connections may be used.
    pub connections: Connections,
}

impl ServiceAccess {
    /// Access to a service at the given URL, or at the region's own endpoint, with Amazon's root certificates and default
    /// connections.
    pub fn new(endpoint: Option<String>, credentials: CredentialsSource) -> Self {
        let (tls_roots, connections) = (TlsRoots::Amazon, Connections::default());
        Self { endpoint, fips: false, dual_stack: false, tls_roots, credentials, connections }
    }
}

/// Where credentials come from. `Debug` shows the kind only.
#[derive(Clone)]
pub enum CredentialsSource {
    /// From three variables, which is Lambda's usual way. They are valid for the sandbox's whole life.
    Static {
        /// `AWS_ACCESS_KEY_ID`.
        access_key_id: String,
        /// `AWS_SECRET_ACCESS_KEY`.
        secret_access_key: String,
        /// `AWS_SESSION_TOKEN`.
        session_token: Option<String>,
    },
    /// From an HTTP endpoint in the sandbox. Lambda uses it with `SnapStart`, because credentials in a snapshot would be
    /// old.
    Container {
        /// `AWS_CONTAINER_CREDENTIALS_FULL_URI`, or the address of ECS followed by `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`.
        uri: String,
        /// The value that the endpoint expects in the `Authorization` header.
        authorization: Option<Authorization>,
    },
}

/// The token for a container credentials endpoint.
#[derive(Clone)]
pub enum Authorization {
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`: the header's value.
    Token(String),
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`: a file with it, read at every refresh since it rotates.
    File(PathBuf),
}

impl fmt::Debug for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Static { .. } => "Static(…)",
            Self::Container { .. } => "Container(…)",
        })
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(…)",
            Self::File(_) => "File(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_do_not_show_in_debug_output() {
        let shared = |credentials| {
            let settings = Settings {
                table: "AgentContext".into(),
                region: "eu-central-1".into(),
                access: ServiceAccess::new(None, credentials),
            };
            format!("{settings:?}")
        };
        let static_keys = CredentialsSource::Static {
            access_key_id: "AKIDSECRET".into(),
            secret_access_key: "KEYSECRET".into(),
            session_token: Some("TOKENSECRET".into()),
        };
        let container = CredentialsSource::Container {
            uri: "http://127.0.0.1/SECRET".into(),
            authorization: Some(Authorization::Token("TOKENSECRET".into())),
        };
        assert!(!shared(static_keys).contains("SECRET"));
        assert!(!shared(container).contains("SECRET"));
    }
}
