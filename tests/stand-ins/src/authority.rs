//! Certificates for the real host names, from an authority that is made for this process.

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// What clients are to trust, and what the server shows them.
pub(crate) struct Certified {
    folder: TempDir,
    pub(crate) config: Arc<ServerConfig>,
}

impl Certified {
    /// A certificate for all of these names.
    pub(crate) fn of(hosts: Vec<String>) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for a certificate")?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate()?;
        fs::write(file_in(folder.path()), authority.self_signed(&authority_key)?.pem())?;
        let key = KeyPair::generate()?;
        let issuer = Issuer::new(authority, authority_key);
        let certificate = CertificateParams::new(hosts)?.signed_by(&key, &issuer)?;
        let config = Arc::new(server_config(certificate.der().clone(), &key)?);
        Ok(Self { folder, config })
    }

    /// The authority's certificate in PEM; gone with this value.
    pub(crate) fn authority(&self) -> PathBuf {
        file_in(self.folder.path())
    }
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join("authority.pem")
}

fn server_config(certificate: CertificateDer<'static>, key: &KeyPair) -> Result<ServerConfig> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions()?.with_no_client_auth();
    Ok(config.with_single_cert(vec![certificate], key)?)
}
