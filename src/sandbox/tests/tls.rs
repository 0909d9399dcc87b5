//! Who is let in, and how connections live.

use std::os::unix::fs::PermissionsExt;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::{Bank, Dialect, Options, Sandbox, client_config, exchange, read, request};

/// Waits for what a connection's end makes true, without a fixed sleep.
async fn until(bank: &Sandbox, name: &str, count: u64) {
    let seen = async {
        while bank.control("GET", "/connections", Value::Null).await[name] != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), seen).await.expect(name);
}

#[tokio::test]
async fn strangers_and_expired_certificates_are_turned_away() {
    let bank = Sandbox::of(Dialect::Bank).await;
    let ping = || request("GET", "/r3/v01/health/ping", &Value::Null);
    for name in ["stranger", "expired"] {
        let tls = client_config(&bank.bank.places.directory, name);
        // TLS 1.3 tells the client only after its handshake.
        let refused = match bank.connect(&tls).await {
            Ok(stream) => exchange(stream, ping()).await.is_err(),
            Err(_) => true,
        };
        assert!(refused, "{name}");
    }
    until(&bank, "handshakes_failed", 2).await;
    assert_eq!(bank.get("/r3/v01/health/ping").await, json!({"StatusCode": 0}));
    assert_eq!(bank.control("GET", "/requests", Value::Null).await["count"], 1);
}

#[tokio::test]
async fn one_connection_carries_many_calls_until_the_bank_closes_it() {
    let bank = Sandbox::of(Dialect::Bank).await;
    let stream = bank.connect(&bank.tls).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(connection);
    for _ in 0..3 {
        sender.ready().await.unwrap();
        let response = sender.send_request(request("GET", "/r3/v01/health/ping", &Value::Null)).await.unwrap();
        assert_eq!(read(response).await.unwrap().status, 200);
    }
    assert_eq!(bank.control("GET", "/connections", Value::Null).await["accepted"], 1);
    bank.control("POST", "/connections/close", Value::Null).await;
    driver.await.unwrap().ok();
    until(&bank, "open", 0).await;
}

#[tokio::test]
async fn the_key_is_private_and_a_temporary_directory_goes_with_the_bank() {
    let bank = Bank::start(Options::default()).await.unwrap();
    let places = bank.places.clone();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&places.key_file), mode(&places.directory)), (0o600, 0o700));
    assert!(std::fs::read_to_string(&places.key_file).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
    let told: Value =
        serde_json::from_str(&std::fs::read_to_string(places.directory.join("sandbox.json")).unwrap()).unwrap();
    assert_eq!(told["url"], places.url);
    bank.stop().await;
    assert!(!places.directory.exists());
    let address = super::address(&places.url);
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port is free again");
}

#[tokio::test]
async fn a_directory_that_was_given_stays() {
    let parent = tempfile::tempdir().unwrap();
    let directory = Some(parent.path().join("new/place"));
    let options = Options { directory, ..Options::default() };
    let bank = Bank::start(options.clone()).await.unwrap();
    let first = std::fs::read(&bank.places.key_file).unwrap();
    bank.stop().await;
    let again = Bank::start(options).await.unwrap();
    assert!(std::fs::read(&again.places.key_file).unwrap() == first, "what was let in before is let in again");
}

#[tokio::test]
async fn a_signed_request_becomes_a_certificate_that_is_let_in() {
    let bank = Sandbox::of(Dialect::Bank).await;
    let directory = bank.bank.places.directory.clone();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Мой магазин");
    let csr = params.serialize_request(&key).unwrap().pem().unwrap();
    let signed = bank.control("POST", "/certificates", json!({ "csr_pem": csr })).await;
    let pem = signed["certificate_pem"].as_str().unwrap();
    std::fs::write(directory.join("mine.cer"), pem).unwrap();
    std::fs::write(directory.join("mine.key"), key.serialize_pem()).unwrap();
    let stream = bank.connect(&client_config(&directory, "mine")).await.unwrap();
    assert_eq!(exchange(stream, request("GET", "/r3/v01/health/ping", &Value::Null)).await.unwrap().status, 200);
    let subject = {
        use x509_cert::der::DecodePem;
        x509_cert::Certificate::from_pem(pem).unwrap().tbs_certificate().subject().to_string()
    };
    assert!(subject.contains("CN=Мой магазин"), "{subject}");
    let got = bank.try_control("POST", "/certificates", &json!({"csr_pem": "-----BEGIN"})).await;
    assert!(got.status == 400 && got.text.contains("not a certificate signing request"), "{}", got.text);
}
