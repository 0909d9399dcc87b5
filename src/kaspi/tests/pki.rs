//! A CA, a server's certificate and two clients' of which only one is taken.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

use crate::identity::{ClientIdentity, IdentityFiles, Staged};

pub(super) struct Pki {
    pub(super) ca: CertificateDer<'static>,
    pub(super) ca_file: PathBuf,
    pub(super) server: (CertificateDer<'static>, PrivateKeyDer<'static>),
    /// Signed by the CA.
    pub(super) client: ClientIdentity,
    /// Signed by nobody the server knows.
    pub(super) stranger: ClientIdentity,
    dir: TempDir,
}

impl Pki {
    pub(super) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let (ca, issuer) = authority();
        let (_, foreign) = authority();
        let ca_file = dir.path().join("ca.crt");
        fs::write(&ca_file, ca.pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let server = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        Self {
            ca: ca.der().clone(),
            ca_file,
            server: (server.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap()),
            client: member(&dir, "client", &issuer),
            stranger: member(&dir, "stranger", &foreign),
            dir,
        }
    }

    /// A CA file that says nothing about the server.
    pub(super) fn foreign_ca_file(&self) -> PathBuf {
        let path = self.dir.path().join("foreign.crt");
        // DER, as a `.crt` may be.
        fs::write(&path, authority().0.der()).unwrap();
        path
    }
}

fn authority() -> (rcgen::Certificate, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate, Issuer::new(params, key))
}

fn member(dir: &TempDir, name: &str, issuer: &Issuer<'static, KeyPair>) -> ClientIdentity {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default().signed_by(&key, issuer).unwrap();
    let [certificate_file, key_file] = ["cer", "key"].map(|end| dir.path().join(format!("{name}.{end}")));
    fs::write(&certificate_file, certificate.pem()).unwrap();
    fs::write(&key_file, key.serialize_pem()).unwrap();
    Staged::load(IdentityFiles { certificate: &certificate_file, key: &key_file, passphrase: None })
        .unwrap()
        .identity()
        .clone()
}
