//! Requests to servers of others: through the guard, with the credentials of one host, and without redirects.

use http::{HeaderMap, Response};
use http_guard::{Call, FetchError, Guard, Pieces};

use crate::connection::Posting;
use crate::credentials::Credential;

/// One server, which alone gets the credential.
#[derive(Clone)]
pub(crate) struct Guarded {
    pub(crate) guard: Guard,
    pub(crate) host: String,
    pub(crate) credential: Option<Credential>,
}

impl Posting for Guarded {
    type Body = Pieces;

    async fn post(&self, url: &str, headers: HeaderMap, body: Vec<u8>) -> Result<Response<Pieces>, FetchError> {
        let mut call = Call::post(url, "application/json", body);
        for (name, value) in &headers {
            call = call.header(name.clone(), value.clone());
        }
        if let Some((name, value)) = &self.credential {
            call = call.secret(&self.host, name.clone(), value.clone());
        }
        self.guard.stream(&call).await
    }
}
