//! Where names lead in tests: see "Test endpoints" in the crate's documentation. It replaces `endpoints.rs`.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::marker::ENDPOINTS_MARKER;
use crate::network_error::NetworkError;

const ENDPOINTS: &str = "TEST_ENDPOINTS";
const CA_FILE: &str = "TEST_CA_FILE";

type Answers = VecDeque<Vec<SocketAddr>>;

/// What the two variables say.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    /// By name; the first of several is used up.
    answers: Mutex<HashMap<String, Answers>>,
    /// Loopback addresses that names were given.
    open: Vec<SocketAddr>,
    ways: HashMap<SocketAddr, SocketAddr>,
    authorities: Option<RootCertStore>,
}

impl Endpoints {
    pub(crate) fn from_variables(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, NetworkError> {
        let mut endpoints = Self::default();
        for entry in variable(ENDPOINTS).unwrap_or_default().split(',').filter(|entry| !entry.trim().is_empty()) {
            endpoints
                .add(entry.trim())
                .ok_or_else(|| wrong(ENDPOINTS, &format!("`{entry}` is not name=address:port")))?;
        }
        endpoints.authorities = variable(CA_FILE).map(|path| authorities(&path)).transpose()?;
        Ok(endpoints)
    }

    fn add(&mut self, entry: &str) -> Option<()> {
        let (name, addresses) = entry.split_once('=')?;
        let addresses: Vec<SocketAddr> = addresses.split('+').map(str::parse).collect::<Result<_, _>>().ok()?;
        if let Ok(address) = name.parse() {
            self.ways.insert(address, *addresses.first()?);
            return Some(());
        }
        self.open.extend(addresses.iter().filter(|address| address.ip().is_loopback()));
        let answers = self.answers.get_mut().unwrap_or_else(PoisonError::into_inner);
        answers.entry(name.to_owned()).or_default().push_back(addresses);
        Some(())
    }

    pub(crate) fn answer(&self, host: &str) -> Option<Vec<SocketAddr>> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = answers.get_mut(host)?;
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
    }

    pub(crate) fn is_open(&self, address: SocketAddr) -> bool {
        self.open.contains(&address)
    }

    pub(crate) fn way(&self, address: SocketAddr) -> SocketAddr {
        self.ways.get(&address).copied().unwrap_or(address)
    }

    pub(crate) fn authorities(&self) -> Option<RootCertStore> {
        self.authorities.clone()
    }
}

fn authorities(path: &str) -> Result<RootCertStore, NetworkError> {
    let pem = std::fs::read(path).map_err(|error| wrong(CA_FILE, &format!("{path}: {error}")))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
    if roots.is_empty() { Err(wrong(CA_FILE, &format!("{path}: no certificate in it"))) } else { Ok(roots) }
}

/// Every message contains the marker, so every binary contains it.
fn wrong(variable: &'static str, problem: &str) -> NetworkError {
    NetworkError { variable, problem: format!("{problem} ({ENDPOINTS_MARKER})") }
}
