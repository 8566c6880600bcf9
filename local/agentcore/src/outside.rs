//! What gateways reach: APIs by HTTPS, and the other services of this machine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_guard::{AllowedHosts, Guard, Limits, Network, NetworkError};
use openapi::Document;

use crate::call_error::CallError;
use crate::machine::Machine;

/// A gateway gives an API five minutes and takes some megabytes of it; it follows no redirect.
const LIMITS: Limits = Limits { bytes: 6 << 20, time: Duration::from_mins(5), redirects: 0 };

/// What gateways reach.
#[derive(Debug)]
pub struct Outside {
    pub(crate) guard: Guard,
    pub(crate) machine: Machine,
    /// Read once: each version of a document has its own URI.
    documents: Mutex<HashMap<String, Arc<Document>>>,
}

impl Outside {
    /// APIs by the guard's rules, of which `variable` says where names lead in tests; S3 and functions at `services`,
    /// `http://127.0.0.1:4566`.
    ///
    /// # Errors
    /// A variable of the tests that is not what it should be.
    pub fn new(
        services: &str,
        region: &str,
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, NetworkError> {
        let guard = Guard::new(Network::from_variables(variable)?, AllowedHosts::AnyPublic, LIMITS);
        Ok(Self { guard, machine: Machine::new(services, region), documents: Mutex::default() })
    }

    /// The document at `s3://bucket/key`.
    pub(crate) async fn document(&self, uri: &str) -> Result<Arc<Document>, CallError> {
        if let Some(known) = self.documents().get(uri) {
            return Ok(Arc::clone(known));
        }
        let text = self.machine.object(uri).await?;
        let document = Arc::new(read(&text)?);
        self.documents().insert(uri.to_owned(), Arc::clone(&document));
        Ok(document)
    }

    fn documents(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Document>>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn read(text: &[u8]) -> Result<Document, CallError> {
    Document::read(text).map_err(|mistake| CallError::Target(format!("the target's document: {mistake}")))
}
