//! A plain mTLS client for questions to a bank that the daemon is not asked to carry.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::daemon::BankPlace;
use crate::support::http::{Answer, exchange};

/// Speaks to one bank, one connection per request.
pub(crate) struct TlsClient {
    config: Arc<ClientConfig>,
    authority: String,
}

impl TlsClient {
    /// With the certificate and key of the place.
    pub(crate) fn of(place: &BankPlace) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(&place.ca_file).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        let chain = CertificateDer::pem_file_iter(&place.certificate_file).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(&place.key_file).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .unwrap();
        let authority = place.url.trim_start_matches("https://").trim_end_matches('/').to_owned();
        Self { config: Arc::new(config), authority }
    }

    /// A connection that stays.
    #[track_caller]
    pub(crate) fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let host = self.authority.rsplit_once(':').map_or(self.authority.as_str(), |(host, _)| host);
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let connection = ClientConnection::new(self.config.clone(), name).unwrap();
        let stream = TcpStream::connect(&self.authority).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        StreamOwned::new(connection, stream)
    }

    /// Sends exactly these bytes.
    #[track_caller]
    pub(crate) fn send(&self, request: &[u8]) -> Answer {
        exchange(self.connect(), request).unwrap()
    }
}
