#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use tempfile::TempDir;

use std::path::PathBuf;

use super::*;

mod forms;
mod mistakes;

/// A self-made organisation's files.
struct Files {
    dir: TempDir,
    key: KeyPair,
    certificate: rcgen::Certificate,
}

impl Files {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "shop.example");
        params.distinguished_name.push(DnType::OrganizationName, "TOO Example");
        params.not_after = date_time_ymd(2030, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        Self { dir: TempDir::new().unwrap(), key, certificate }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Loads the certificate with this key file.
    fn with_key(&self, key: impl AsRef<[u8]>, passphrase: Option<&str>) -> Result<ClientIdentity, IdentityTrouble> {
        let certificate = self.write("client.cer", self.certificate.pem());
        self.load(&certificate, &self.write("client.key", key), passphrase)
    }

    /// Loads the key with this certificate file.
    fn with_certificate(&self, certificate: impl AsRef<[u8]>) -> Result<ClientIdentity, IdentityTrouble> {
        let key = self.write("client.key", self.key.serialize_pem());
        self.load(&self.write("client.cer", certificate), &key, None)
    }

    fn load(
        &self,
        certificate: &Path,
        key: &Path,
        passphrase: Option<&str>,
    ) -> Result<ClientIdentity, IdentityTrouble> {
        let passphrase = passphrase.map(|text| self.write("passphrase", text));
        Staged::load(IdentityFiles { certificate, key, passphrase: passphrase.as_deref() })
            .map(|staged| staged.identity().clone())
    }
}

#[test]
fn a_certificate_is_read_in_pem_and_der_and_shown_without_a_key() {
    let files = Files::new();
    let identity = files.with_certificate(files.certificate.pem()).unwrap();
    let from_der = files.with_certificate(files.certificate.der()).unwrap();
    assert_eq!(identity.fingerprint(), from_der.fingerprint());
    // openssl and the bank put text around it.
    let padded = format!("Bag Attributes\r\n  x: y\r\n{}\r\n", files.certificate.pem());
    assert_eq!(identity.fingerprint(), files.with_certificate(padded).unwrap().fingerprint());

    let view = identity.view("2029-12-30T12:00:00Z".parse().unwrap());
    assert_eq!((view.days_left, view.sealed), (1, false));
    assert_eq!(view.not_after.to_string(), "2030-01-01T00:00:00.000Z");
    assert!(view.subject.contains("CN=shop.example") && view.subject.contains("O=TOO Example"), "{}", view.subject);
    assert_eq!(identity.view("2030-01-01T00:00:01Z".parse().unwrap()).days_left, -1);
    assert_eq!(format!("{identity:?}"), "ClientIdentity { not_after: 2030-01-01T00:00:00.000Z, .. }");
}

/// `openssl ecparam -genkey` writes SEC1, `openssl genrsa -traditional` PKCS#1; both were made for this test alone.
#[test]
fn openssls_traditional_keys_are_read() {
    let files = Files::new();
    for key in [include_str!("fixtures/sec1.key"), include_str!("fixtures/pkcs1.key")] {
        // Read as keys, then found to belong to another certificate.
        let trouble = files.with_key(key, None).unwrap_err();
        assert!(matches!(trouble, IdentityTrouble::Mismatch { .. }), "{trouble}");
    }
}

#[test]
fn a_v1_certificate_of_openssl_is_taken() {
    let files = Files::new();
    let (certificate, key) = (include_str!("fixtures/v1.crt"), include_str!("fixtures/sec1.key"));
    let identity = files.load(&files.write("v1.crt", certificate), &files.write("v1.key", key), None).unwrap();
    assert!(identity.view(Moment::now()).subject.contains("CN=kaspid test"));
}

#[test]
fn a_key_others_can_read_is_noticed() {
    let files = Files::new();
    let key = files.write("client.key", "");
    for (mode, exposed) in [(0o600, false), (0o640, false), (0o644, true), (0o606, true)] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(key_is_exposed(&key), exposed, "{mode:o}");
    }
    assert!(!key_is_exposed(&files.path("none")));
}
