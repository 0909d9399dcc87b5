//! What is found wrong before anybody is asked.

use std::fs;
use std::path::PathBuf;

use super::pki::Pki;
use super::*;

fn endpoint(url: &str, ca_file: Option<PathBuf>, status_version: &str) -> Endpoint {
    let (timeout, idle) = (Duration::from_secs(30), Duration::from_secs(30));
    let (bank, status_version) = (bank_at(url), status_version.to_owned());
    Endpoint { bank, ca_file, status_version, timeout, idle, phone_prefix: '7' }
}

#[test]
fn each_wrong_setting_is_named_with_its_remedy() {
    let pki = Pki::new();
    let dir = tempfile::TempDir::new().unwrap();
    let [empty, key, broken] = ["empty.crt", "key.crt", "broken.crt"].map(|name| dir.path().join(name));
    fs::write(&empty, "").unwrap();
    fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    fs::write(&broken, [0x30, 3, 1, 2, 3]).unwrap();
    let bank = "https://qrapi-cert-ip.kaspi.kz";
    for (endpoint, setting, remedy) in [
        (endpoint(bank, None, "v01/../v02"), "[kaspi] status_version", "v02"),
        (endpoint(bank, None, ""), "[kaspi] status_version", "v02"),
        (endpoint(bank, Some(dir.path().join("none.crt")), "v01"), "none.crt", "bank's CA"),
        (endpoint(bank, Some(empty), "v01"), "empty.crt", "bank's CA"),
        (endpoint(bank, Some(key), "v01"), "key.crt", "bank's CA"),
        (endpoint(bank, Some(broken), "v01"), "broken.crt", "bank's CA"),
    ] {
        let text = Kaspi::new(endpoint, &pki.client, Arc::default()).unwrap_err().to_string();
        assert!(text.contains(setting) && text.contains(remedy), "{setting} {remedy}: {text}");
    }
    let kaspi = Kaspi::new(endpoint(bank, Some(pki.ca_file.clone()), "v01"), &pki.client, Arc::default()).unwrap();
    assert!(kaspi.check_trust().is_ok());
}
