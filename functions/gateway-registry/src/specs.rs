//! The bucket of documents: one kind of request, signed here (docs/adr/0032).

use std::time::SystemTime;

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::PercentEncodingMode;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use functions_shared::Refusal;

/// Where documents are kept.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// `https://bucket.s3.region.amazonaws.com`, or a stand-in's URL with the bucket's name behind it.
    pub url: String,
    /// What requests are signed for.
    pub region: String,
    /// Who signs them.
    pub credentials: SharedCredentialsProvider,
    /// What sends them.
    pub connector: SharedHttpConnector,
}

impl Bucket {
    pub(crate) fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    /// Stores a document. The same one again is the same.
    pub(crate) async fn put(&self, key: &str, document: &str) -> Result<(), Refusal> {
        let request = self.signed(key, document).await.map_err(unavailable)?;
        let answer = self.connector.call(request).await.map_err(|_| unavailable("it cannot be reached"))?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(unavailable(&format!("it answers {}", status.as_u16()))) }
    }

    async fn signed(&self, key: &str, document: &str) -> Result<HttpRequest, &'static str> {
        let credentials = self.credentials.provide_credentials().await.map_err(|_| "there are no credentials")?;
        let url = format!("{}/{key}", self.url);
        let headers = [("content-type", "application/json")];
        let body = SignableBody::Bytes(document.as_bytes());
        let signable =
            SignableRequest::new("PUT", &url, headers.into_iter(), body).map_err(|_| "it has no such key")?;
        let identity = credentials.into();
        let params = v4::SigningParams::builder().identity(&identity).region(&self.region).name("s3");
        let params =
            params.time(SystemTime::now()).settings(settings()).build().map_err(|_| "nothing can be signed")?;
        let (instructions, _) = sign(signable, &params.into()).map_err(|_| "nothing can be signed")?.into_parts();
        let mut request = HttpRequest::new(SdkBody::from(document));
        request.set_method("PUT").map_err(|_| "there is no such method")?;
        request.set_uri(url).map_err(|_| "it has no such key")?;
        let (signed, _) = instructions.into_parts();
        for (name, value) in headers.into_iter().chain(signed.iter().map(|header| (header.name(), header.value()))) {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }
}

/// As S3 has it: the path is signed as it is sent, and the body's hash is a header.
fn settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings
}

fn unavailable(reason: &str) -> Refusal {
    tracing::error!(reason, "the bucket did not accept a document");
    Refusal::Unavailable("the document could not be stored, try again later".to_owned())
}
