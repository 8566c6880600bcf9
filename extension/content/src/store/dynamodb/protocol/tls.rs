//! The root certificates that the client trusts. Loading the system's takes 5 ms, more than everything else that the client
//! does before its first request. So the roots that sign Amazon's own endpoints are compiled in. Either kind is loaded when
//! the first connection needs it; the warm-up opens that connection while nothing waits for it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::super::settings_error::SettingsError;

/// Amazon Root CA 1 to 4 and Starfield Services Root G2, the roots of Amazon Trust Services.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");

/// The TLS of a client, which is set up on first use.
pub(crate) type LazyTls = LazyLock<TlsConnector, Box<dyn FnOnce() -> TlsConnector + Send>>;

/// Which root certificates a TLS connection is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsRoots {
    /// Amazon Trust Services', embedded.
    Amazon,
    /// The system's.
    System,
    /// A PEM bundle's (`AWS_CA_BUNDLE`), and no others.
    File(PathBuf),
}

impl fmt::Display for TlsRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amazon => f.write_str("amazon"),
            Self::System => f.write_str("system"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl TlsRoots {
    /// The default for an endpoint: the embedded roots for AWS's own endpoints in the partitions whose certificates Amazon
    /// Trust Services signs, and the system's roots for any other endpoint or partition. (The partitions in China and the
    /// isolated and sovereign partitions have their own authorities.)
    pub fn for_endpoint(region: &str, endpoint: Option<&str>) -> Self {
        if endpoint.is_none() && is_signed_by_amazon(region) { Self::Amazon } else { Self::System }
    }

    /// The TLS of a client that trusts these roots. A bundle is read at once, so that an error is reported while the sandbox
    /// starts.
    pub(crate) fn client(&self) -> Result<LazyTls, SettingsError> {
        let load: Box<dyn FnOnce() -> RootCertStore + Send> = match self {
            Self::Amazon => Box::new(|| usable(CertificateDer::pem_slice_iter(AMAZON_ROOTS.as_bytes()).flatten())),
            Self::System => Box::new(|| usable(rustls_native_certs::load_native_certs().certs)),
            Self::File(path) => {
                let roots = bundle(path)?;
                Box::new(|| roots)
            }
        };
        Ok(LazyLock::new(Box::new(|| TlsConnector::from(Arc::new(client_config(load()))))))
    }
}

fn client_config(roots: RootCertStore) -> ClientConfig {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("BUG: ring has TLS 1.2 and 1.3");
    config.with_root_certificates(roots).with_no_client_auth()
}

/// The regions of the partitions `aws` and `aws-us-gov`, after the SDK's own partition patterns: `eu-central-1`,
/// `us-gov-west-1`, but not `cn-north-1`, `us-iso-east-1` or `eusc-de-east-1`.
fn is_signed_by_amazon(region: &str) -> bool {
    const AREAS: [&str; 9] = ["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"];
    match region.split('-').collect::<Vec<_>>()[..] {
        [area, _, _] => AREAS.contains(&area),
        ["us", "gov", _, _] => true,
        _ => false,
    }
}

/// A bundle's certificates. A bundle without certificates is a mistake.
fn bundle(path: &Path) -> Result<RootCertStore, SettingsError> {
    let failed = |reason: String| SettingsError::Roots { path: path.to_owned(), reason };
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let roots = usable(CertificateDer::pem_slice_iter(&without_marks(&pem)).flatten());
    if !roots.is_empty() {
        return Ok(roots);
    }
    let is_utf_16 = [[0xff, 0xfe], [0xfe, 0xff]].iter().any(|mark| pem.starts_with(mark));
    let reason = if is_utf_16 { "it is UTF-16; save it as UTF-8" } else { "no usable certificate in it" };
    Err(failed(reason.to_owned()))
}

/// A bundle without byte order marks. Some editors put such a mark at the beginning of a file, and a bundle may be several
/// files one after another. The certificate after a mark would not be read.
fn without_marks(pem: &[u8]) -> Vec<u8> {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    let mut rest = pem;
    let mut kept = Vec::with_capacity(pem.len());
    while let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) {
        kept.extend_from_slice(&rest[..at]);
        rest = &rest[at + MARK.len()..];
    }
    kept.extend_from_slice(rest);
    kept
}

/// Adds certificates one by one: bundles of companies contain entries that rustls cannot use, and the others must still be
/// used.
fn usable(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    roots
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    /// If two providers are linked, rustls uses neither of them, and panics. Tests of the whole workspace are built with the
    /// features that any program in it needs, and nothing in them chooses a provider.
    #[test]
    fn rustls_has_ring_and_no_other_provider() {
        let builder = ClientConfig::builder();
        assert_eq!(format!("{:?}", builder.crypto_provider().key_provider), "Ring");
    }

    /// As published by Amazon Trust Services.
    const FINGERPRINTS: [&str; 5] = [
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    ];

    #[test]
    fn the_embedded_roots_are_exactly_amazons_five() {
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(AMAZON_ROOTS.as_bytes()).map(Result::unwrap).collect();
        let fingerprints: Vec<_> =
            certificates.iter().map(|der| data_encoding::HEXLOWER.encode(&Sha256::digest(der))).collect();
        assert_eq!(fingerprints, FINGERPRINTS);
        assert_eq!(usable(certificates).len(), FINGERPRINTS.len());
    }

    #[test]
    fn amazons_roots_are_for_amazons_endpoints() {
        let roots = |region, endpoint| TlsRoots::for_endpoint(region, endpoint);
        for region in ["us-east-1", "eu-central-1", "ap-southeast-5", "il-central-1", "mx-central-1", "us-gov-west-1"] {
            assert_eq!(roots(region, None), TlsRoots::Amazon, "{region}");
        }
        for region in ["cn-north-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "eusc-de-east-1", "moon", ""]
        {
            assert_eq!(roots(region, None), TlsRoots::System, "{region}");
        }
        assert_eq!(roots("eu-central-1", Some("https://vpce-1.dynamodb.example")), TlsRoots::System);
    }

    #[test]
    fn a_bundle_is_read_around_what_is_unusable_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.pem");
        let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&path, format!("{junk}{AMAZON_ROOTS}{junk}")).unwrap();
        assert!(TlsRoots::File(path.clone()).client().is_ok());
        let (first, others) = AMAZON_ROOTS.split_at(AMAZON_ROOTS.rfind("-----BEGIN").unwrap());
        for bundle in [format!("\u{feff}{others}"), format!("\u{feff}{first}\u{feff}{others}")] {
            std::fs::write(&path, &bundle).unwrap();
            let expected = bundle.matches("-----BEGIN").count();
            assert_eq!(super::bundle(&path).unwrap().len(), expected, "behind a byte order mark");
        }
        let utf_16: Vec<u8> = "\u{feff}-----BEGIN".encode_utf16().flat_map(u16::to_le_bytes).collect();
        std::fs::write(&path, utf_16).unwrap();
        assert!(super::bundle(&path).unwrap_err().to_string().ends_with("save it as UTF-8"));
        std::fs::write(&path, junk).unwrap();
        assert!(matches!(TlsRoots::File(path.clone()).client(), Err(SettingsError::Roots { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(TlsRoots::File(path).client(), Err(SettingsError::Roots { .. })));
    }
}
