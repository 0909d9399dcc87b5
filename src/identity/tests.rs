#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Document;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::pem::LineEnding;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{self, Kdf, Pbkdf2Params, Pbkdf2Prf, Salt};
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use tempfile::TempDir;

use std::path::PathBuf;

use super::*;

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
        ClientIdentity::load(IdentityFiles { certificate, key, passphrase: passphrase.as_deref() })
    }

    /// `ENCRYPTED PRIVATE KEY` in DER, as `openssl pkcs8 -topk8 -v2 …` makes it, with few rounds.
    fn encrypted(&self, passphrase: &str, encryption: pbes2::EncryptionScheme) -> Vec<u8> {
        let pbkdf2 = Pbkdf2Params {
            salt: Salt::new(b"salty salt").unwrap(),
            iteration_count: 64,
            key_length: None,
            prf: Pbkdf2Prf::HmacWithSha256,
        };
        let parameters = pbes2::Parameters { kdf: Kdf::Pbkdf2(pbkdf2), encryption };
        let data = parameters.encrypt(passphrase, self.key.serialized_der()).unwrap();
        let info = EncryptedPrivateKeyInfoRef {
            encryption_algorithm: EncryptionScheme::Pbes2(parameters),
            encrypted_data: OctetStringRef::new(&data).unwrap(),
        };
        info.to_der().unwrap()
    }
}

fn pem(label: &'static str, der: &[u8]) -> String {
    Document::try_from(der).unwrap().to_pem(label, LineEnding::LF).unwrap()
}

const AES: pbes2::EncryptionScheme = pbes2::EncryptionScheme::Aes256Cbc { iv: [7; 16] };
const TRIPLE_DES: pbes2::EncryptionScheme = pbes2::EncryptionScheme::DesEde3Cbc { iv: [7; 8] };

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

#[test]
fn a_chain_is_kept_with_its_leaf_first_and_changes_the_fingerprint() {
    let files = Files::new();
    let other = Files::new();
    let alone = files.with_certificate(files.certificate.pem()).unwrap();
    let chain = files.with_certificate(files.certificate.pem() + &other.certificate.pem()).unwrap();
    assert_eq!(chain.certified().cert.len(), 2);
    assert_ne!(alone.fingerprint(), chain.fingerprint());
    let turned = files.with_certificate(other.certificate.pem() + &files.certificate.pem());
    assert!(matches!(turned, Err(IdentityTrouble::Mismatch { .. })));
}

#[test]
fn keys_are_read_in_every_usual_form() {
    let files = Files::new();
    let der = files.key.serialize_der();
    let opened = |key: Vec<u8>, passphrase| files.with_key(key, passphrase).map(|_| ()).map_err(|e| e.to_string());
    assert_eq!(opened(files.key.serialize_pem().into_bytes(), None), Ok(()));
    assert_eq!(opened(der.clone(), None), Ok(()));
    for scheme in [AES, TRIPLE_DES] {
        let encrypted = files.encrypted("correct horse", scheme);
        let text = pem("ENCRYPTED PRIVATE KEY", &encrypted);
        for passphrase in ["correct horse", "correct horse\n", "correct horse\r\n"] {
            assert_eq!(opened(text.clone().into_bytes(), Some(passphrase)), Ok(()));
        }
        assert_eq!(opened(format!("Bag Attributes\n{text}").into_bytes(), Some("correct horse")), Ok(()));
        assert_eq!(opened(encrypted, Some("correct horse")), Ok(()));
    }
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
fn each_trouble_names_the_file_and_what_to_do() {
    let files = Files::new();
    let encrypted = pem("ENCRYPTED PRIVATE KEY", &files.encrypted("correct horse", AES));
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let certificate = files.certificate.pem();
    let foreign = KeyPair::generate().unwrap().serialize_pem();
    for (result, file, remedy) in [
        (files.load(&files.path("none.cer"), &files.path("none.key"), None), "none.cer", "check the path"),
        (files.with_certificate(""), "client.cer", "no certificate"),
        (files.with_certificate(files.key.serialize_pem()), "client.cer", "no certificate"),
        (files.with_certificate("hello"), "client.cer", "no certificate"),
        (files.with_certificate([0x30, 0x03, 1, 2, 3]), "client.cer", "ask the bank"),
        (files.with_certificate(certificate.replace("MII", "AAA")), "client.cer", "ask the bank"),
        (files.with_key("", None), "client.key", "no private key"),
        (files.with_key(&certificate, None), "client.key", "no private key"),
        (files.with_key(&foreign, None), "client.key", "does not belong"),
        (files.with_key(old, None), "client.key", "openssl pkcs8 -topk8"),
        (files.with_key(&encrypted, None), "client.key", "passphrase_file"),
        (files.with_key(&encrypted, Some("wrong horse")), "client.key", "does not open"),
        (files.with_key(&encrypted, Some("correct horse\n\n")), "client.key", "does not open"),
        (files.with_key(vec![b'x'; (1 << 20) + 1], None), "client.key", "larger than"),
    ] {
        let text = result.unwrap_err().to_string();
        assert!(text.contains(file) && text.contains(remedy), "{file} {remedy}: {text}");
        assert!(!text.contains("horse"), "{text}");
    }
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
