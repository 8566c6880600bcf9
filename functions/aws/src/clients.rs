//! What every AWS client of a function is made from, once, before the first event.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// Region, credentials and HTTP client as the environment says; clients that are made from it share its connections.
///
/// `AWS_ENDPOINT_URL_<SERVICE>` sends a service's requests elsewhere, such as to a stand-in on this machine.
pub async fn aws() -> SdkConfig {
    // The SDK's own choice would be aws-lc, which needs cmake and is larger.
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await
}
