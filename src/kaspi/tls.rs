//! Whom we trust and who we are, as a TLS client.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};

use super::KaspiSetup;
use crate::identity::ClientIdentity;

/// Whom we trust and who we are. The system's roots are read at the first connection: a start that reads them first
/// spends half of its time on them.
pub(super) struct Trust {
    extra: RootCertStore,
    identity: ClientIdentity,
    made: OnceLock<Arc<ClientConfig>>,
}

impl Trust {
    /// Reads the extra CAs.
    pub(super) fn new(ca_file: Option<&Path>, identity: &ClientIdentity) -> Result<Self, KaspiSetup> {
        let roots = ca_file.map(authorities).transpose()?.unwrap_or_else(RootCertStore::empty);
        Ok(Self { extra: roots, identity: identity.clone(), made: OnceLock::new() })
    }

    /// TLS 1.2 and 1.3, the system's roots and the extra ones, our certificate, HTTP/1.1.
    pub(super) fn client(&self) -> Result<Arc<ClientConfig>, KaspiSetup> {
        if let Some(made) = self.made.get() {
            return Ok(made.clone());
        }
        let made = self.make()?;
        Ok(self.made.get_or_init(|| Arc::new(made)).clone())
    }

    fn make(&self) -> Result<ClientConfig, KaspiSetup> {
        let mut config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|e| KaspiSetup::Tls(e.to_string()))?
            .with_root_certificates(self.roots()?)
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(self.identity.certified())));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// A machine without any system root, or with some that cannot be read, is fine as long as one root is left.
    fn roots(&self) -> Result<RootCertStore, KaspiSetup> {
        let mut roots = self.extra.clone();
        roots.add_parsable_certificates(system_roots());
        if roots.is_empty() { Err(KaspiSetup::NoRoots) } else { Ok(roots) }
    }
}

/// The authorities of a file, each fit to be one.
pub(super) fn authorities(path: &Path) -> Result<RootCertStore, KaspiSetup> {
    let mut roots = RootCertStore::empty();
    for certificate in extra(path)? {
        let unusable = |e: rustls::Error| KaspiSetup::CaFile { path: path.to_owned(), what: e.to_string() };
        roots.add(certificate).map_err(unusable)?;
    }
    Ok(roots)
}

/// The system's roots in one file: Debian and Ubuntu, then Fedora and its kin.
const BUNDLES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// The same certificates stand in the folder beside the bundle, a file and some links for each, and reading them
/// again takes longer than the rest of a start. The folder is for machines with neither bundle, and for whoever
/// names other places in `SSL_CERT_FILE` or `SSL_CERT_DIR`.
fn system_roots() -> Vec<CertificateDer<'static>> {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    let bundle = BUNDLES.iter().map(Path::new).find(|path| path.exists()).filter(|_| !named);
    let from_bundle = bundle.map(|path| rustls_native_certs::load_certs_from_paths(Some(path), None).certs);
    from_bundle.filter(|certs| !certs.is_empty()).unwrap_or_else(|| rustls_native_certs::load_native_certs().certs)
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

/// What a server says of our certificate by its alert, if it says that it does not take it. Servers differ in how exact
/// they are.
pub(super) fn refusal(error: &rustls::Error) -> Option<&'static str> {
    let rustls::Error::AlertReceived(alert) = error else { return None };
    Some(match alert {
        AlertDescription::CertificateExpired => "it says that the certificate has ended",
        AlertDescription::CertificateRevoked => "it says that the certificate is revoked",
        AlertDescription::UnknownCA => {
            "it does not know who has signed it: it is not of this bank, or its chain is missing"
        }
        AlertDescription::UnsupportedCertificate => {
            "it does not take certificates of this kind, such as one for servers"
        }
        AlertDescription::NoCertificate | AlertDescription::CertificateRequired => "it has seen no certificate",
        AlertDescription::AccessDenied => "it does not let this certificate, or this machine's address, in",
        AlertDescription::DecryptError => "it says that the key is another certificate's",
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => "it says no more",
        _ => return None,
    })
}

/// True for the alerts by which a server says that it does not take our certificate.
pub(super) fn refuses_certificate(error: &rustls::Error) -> bool {
    refusal(error).is_some()
}

/// True where the server speaks no protocol version, key exchange or cipher that we do. A server that dislikes our
/// certificate without saying so ends a handshake like that, too.
pub(super) fn has_nothing_in_common(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::PeerIncompatible(_)
            | rustls::Error::AlertReceived(
                AlertDescription::HandshakeFailure
                    | AlertDescription::ProtocolVersion
                    | AlertDescription::InsufficientSecurity
            )
    )
}

/// What is said of it. kaspid speaks TLS 1.2 and 1.3 with ECDHE and AES-GCM or ChaCha20, and nothing older.
pub(super) const NOTHING_IN_COMMON: &str = "the server speaks no TLS that kaspid does (1.2 or 1.3, ECDHE with AES-GCM or ChaCha20): \
     an old server or a proxy on the way that offers only TLS 1.0 or 1.1, RSA key exchange or CBC; or it turns our \
     certificate or this machine's address away and says no more";

/// True where the other side ended the handshake without a word of TLS.
pub(super) fn is_cut_off(error: &(dyn std::error::Error + 'static)) -> bool {
    const CUT_OFF: [ErrorKind; 4] =
        [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted, ErrorKind::BrokenPipe];
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|error| CUT_OFF.contains(&error.kind())) {
            return inside(error).is_none();
        }
        next = match io.and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

/// What is said of that. Before TLS 1.3 our certificate is part of the handshake, so it is not ruled out.
pub(super) const CUT_OFF: &str = "the other side ended the handshake without a word: a firewall or proxy does so, or a bank that \
     does not know this machine's address; seldom a server that dislikes our certificate";

/// True where what came is no TLS at all.
pub(super) fn is_no_tls(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidMessage(_))
}

/// What is said of that.
pub(super) const NO_TLS: &str =
    "what answers there speaks no TLS: a proxy or firewall with a page of its own, or another program's port";

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
        other if is_no_tls(other) => NO_TLS,
        foreign if has_nothing_in_common(foreign) => {
            "the server and kaspid have no TLS in common, or it turns our certificate or this machine's address away without saying so: kaspid speaks \
             1.2 and 1.3, ECDHE with AES-GCM or ChaCha20; whoever runs the server or a proxy on the way must switch that \
             on; kaspictl doctor shows what is offered"
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
