//! Whom we trust and who we are, as a TLS client.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};

use super::KaspiSetup;
use crate::identity::ClientIdentity;

/// TLS 1.2 and 1.3, the system's roots and the extra ones, our certificate, HTTP/1.1.
pub(super) fn client(ca_file: Option<&Path>, identity: &ClientIdentity) -> Result<ClientConfig, KaspiSetup> {
    let mut config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|e| KaspiSetup::Tls(e.to_string()))?
        .with_root_certificates(roots(ca_file)?)
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified())));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A machine without any system root, or with some that cannot be read, is fine as long as one root is left.
fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, KaspiSetup> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        for certificate in extra(path)? {
            let unusable = |e: rustls::Error| KaspiSetup::CaFile { path: path.to_owned(), what: e.to_string() };
            roots.add(certificate).map_err(unusable)?;
        }
    }
    if roots.is_empty() { Err(KaspiSetup::NoRoots) } else { Ok(roots) }
}

/// One DER certificate, or any number in PEM.
fn extra(path: &Path) -> Result<Vec<CertificateDer<'static>>, KaspiSetup> {
    let wrong = |what: String| KaspiSetup::CaFile { path: PathBuf::from(path), what };
    let bytes = fs::read(path).map_err(|e| wrong(e.to_string()))?;
    let found = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    match found.map_err(|e| wrong(e.to_string()))? {
        found if !found.is_empty() => Ok(found),
        // A file without a PEM section can only be DER; the root store judges whether it is.
        _ if bytes.first() == Some(&0x30) => Ok(vec![CertificateDer::from(bytes)]),
        _ => Err(wrong("it holds no certificate".to_owned())),
    }
}

/// True for the alerts by which a server says that it does not take our certificate.
pub(super) fn refuses_certificate(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::AlertReceived(
            AlertDescription::NoCertificate
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied
                | AlertDescription::DecryptError
                | AlertDescription::CertificateRequired
        )
    )
}

/// What a person must do first, where trying again cannot help.
pub(super) fn remedy(error: &rustls::Error) -> Option<&'static str> {
    Some(match error {
        refusal if refuses_certificate(refusal) => {
            "Kaspi does not take our certificate: look at it with kaspictl identity show, and ask the bank"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "the server's certificate is not valid at this computer's time: check the clock",
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the server is not the one in [kaspi] url: check the url and the name service",
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            "the server's certificate is not trusted: name the bank's CA in [kaspi] ca_file"
        }
        _ => return None,
    })
}

/// The TLS error inside of another, however deep: I/O errors do not name what they wrap as their source.
pub(super) fn inside<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
