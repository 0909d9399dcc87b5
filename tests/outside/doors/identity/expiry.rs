//! The end of the certificate is told in time, once, and one without an end is no alarm.

use std::process::Command;

use super::{Shop, check, rows};
use crate::support::daemon::Daemon;

fn expiring(daemon: &Daemon) -> usize {
    daemon.door.get("/v1/events?after=0&limit=1000").text().matches("\"identity.expiring\"").count()
}

/// A certificate of nobody that this bank knows, in use because the files say so.
fn with_life(shop: &Shop, days: &str) {
    shop.openssl("ecparam -name prime256v1 -genkey -noout -out own.key");
    shop.openssl(&format!(
        "req -x509 -new -key own.key -subj /CN=own -addext basicConstraints=critical,CA:FALSE {days} -out own.crt"
    ));
    named(shop);
}

/// The configuration names the two files.
fn named(shop: &Shop) {
    let path = |name: &str| shop.file(name).display().to_string();
    let section = format!("[identity]\nkey_file = \"{}\"\ncertificate_file = \"{}\"", path("own.key"), path("own.crt"));
    shop.home.change(&section);
}

#[test]
fn the_end_is_told_once_across_restarts() {
    let shop = Shop::new("");
    with_life(&shop, "-days 6");
    for _ in 0..2 {
        let daemon = Daemon::start(&shop.home);
        daemon.door.get("/v1/events?after=0&wait=20s").expect(200);
        assert_eq!(expiring(&daemon), 1, "once, whatever restarts come between");
        let health = daemon.door.get("/v1/health").expect(200);
        assert_eq!(health["identity"]["days_left"], 5);
        let metrics = daemon.door.get("/metrics").text();
        assert!(metrics.contains("kaspid_certificate_days_left 5"), "{metrics}");
        let rows = rows(&daemon);
        assert!(rows[0]["error_message"].as_str().unwrap().contains("in 5 days"), "{rows:?}");
        assert!(rows[0]["actor"].is_null() && rows.len() == 1, "{rows:?}");
        assert!(daemon.stop().success());
    }
    assert_eq!(shop.home.stderr().matches("ask the bank for a new one").count(), 1);
    // Another one, exchanged while no daemon ran, is told, and then the next of the days in its turn.
    with_life(&shop, "-days 2");
    let daemon = Daemon::start(&shop.home);
    for after in [1, 2] {
        daemon.door.get(&format!("/v1/events?after={after}&wait=20s")).expect(200);
    }
    let events = daemon.door.get("/v1/events?after=1&limit=1").expect(200);
    assert_eq!(events["events"][0]["type"], "identity.changed", "{events}");
    assert!(rows(&daemon)[1]["error_message"].as_str().unwrap().contains("found at the start"));
    assert_eq!(expiring(&daemon), 2);
}

/// A certificate of the key `own.key` that begins and ends then (`YYYYMMDDHHMMSSZ`).
fn from_to(shop: &Shop, from: &str, to: &str) {
    let ca = "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\n\
              policy=any\n[any]\ncommonName=supplied\n";
    for (name, text) in [("ca.conf", ca), ("index.txt", ""), ("serial", "01\n")] {
        std::fs::write(shop.file(name), text).unwrap();
    }
    shop.openssl("ecparam -name prime256v1 -genkey -noout -out own.key");
    shop.openssl("req -new -key own.key -subj /CN=own -out own.csr");
    shop.openssl(&format!(
        "ca -batch -config ca.conf -selfsign -keyfile own.key -in own.csr -startdate {from} -enddate {to} -out own.crt"
    ));
    named(shop);
}

/// Promise: a certificate with which the bank takes no payments now is in order to nobody: not to `kaspid check`, not to the
/// doctor of a stopped daemon or of a running one, not to status. A daemon starts with it all the same.
#[test]
fn a_certificate_that_is_over_or_not_begun_is_in_order_to_nobody() {
    let shop = Shop::new("");
    for (from, to, said, code) in [
        ("20200101000000Z", "20210101000000Z", "a certificate that ended on 2021-01-01", "certificate_expiring"),
        ("20900101000000Z", "20910101000000Z", "a certificate that begins on 2090-01-01", "certificate_unfit"),
    ] {
        from_to(&shop, from, to);
        let mut judged = Command::new(env!("CARGO_BIN_EXE_kaspid"));
        let judged = judged.arg("check").arg("--config").arg(shop.home.config()).output().unwrap();
        let told = String::from_utf8_lossy(&judged.stderr).into_owned();
        assert_eq!(judged.status.code(), Some(1), "{told}");
        assert!(told.contains(&format!("own.crt holds {said}")), "{told}");
        assert!(!String::from_utf8_lossy(&judged.stdout).contains("in order"));

        let config = format!("doctor --config {}", shop.home.config().display());
        let stopped = shop.ctl(&config, 1);
        let words = stopped.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("FAILED certificate") && words.contains(said), "{stopped}");

        let daemon = Daemon::start(&shop.home);
        let found = check(&daemon.door.get("/v1/doctor").expect(200), "certificate");
        assert_eq!(found["status"], "failed", "{found}");
        let health = daemon.door.get("/v1/health").expect(200);
        assert!(health["problems"].to_string().contains(code), "{health}");
        assert!(daemon.stop().success());
    }
}

/// Promise: while a new key waits, the end of the old certificate sends nobody to ask for another one.
#[test]
fn the_end_of_a_certificate_knows_of_the_key_that_waits() {
    let shop = Shop::new("");
    with_life(&shop, "-days 6");
    std::fs::create_dir_all(shop.home.state().join("identity")).unwrap();
    let both = ["own.key", "own.crt"].map(|name| std::fs::read_to_string(shop.file(name)).unwrap()).concat();
    std::fs::write(shop.home.state().join("identity/identity.pem"), both).unwrap();
    shop.home.remove("identity");
    // A bank that is away says nothing of the certificate itself.
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    shop.home.change(&format!("[kaspi]\nurl = \"https://{away}\""));
    let daemon = Daemon::start(&shop.home);
    let said = |daemon: &Daemon| {
        let health = daemon.door.get("/v1/health").expect(200)["problems"].to_string();
        (health, check(&daemon.door.get("/v1/doctor").expect(200), "certificate").to_string())
    };
    let (health, doctor) = said(&daemon);
    assert!(health.contains("ask the bank for a new one") && doctor.contains("ask the bank for a new one"), "{health}");
    shop.ctl("identity generate --subject CN=shop.kz --key-type p256", 0);
    let (health, doctor) = said(&daemon);
    for text in [&health, &doctor] {
        assert!(text.contains("identity install CERT") && !text.contains("ask the bank for a new one"), "{text}");
    }
}

#[test]
fn a_certificate_without_an_end_is_shown_as_one() {
    let shop = Shop::new("");
    from_to(&shop, "20200101000000Z", "99991231235959Z");
    // A bank that is away says nothing of the certificate itself.
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    shop.home.change(&format!("[kaspi]\nurl = \"https://{away}\""));
    let daemon = Daemon::start(&shop.home);
    for command in ["identity show", "status"] {
        let said = shop.ctl(command, 0);
        assert!(said.contains("no end") || said.contains("without an end"), "{said}");
        assert!(!said.contains("2912") && !said.contains("9999"), "{said}");
    }
    let health = daemon.door.get("/v1/health").expect(200);
    assert_eq!(health["identity"]["no_end"], true, "{health}");
    assert!(!health["problems"].to_string().contains("certificate_"), "{health}");
    let metrics = daemon.door.get("/metrics").text();
    for name in ["kaspid_certificate_days_left", "kaspid_certificate_not_after_timestamp_seconds"] {
        assert!(metrics.contains(&format!("\n{name} +Inf\n")), "{metrics}");
    }
    let doctor = check(&daemon.door.get("/v1/doctor").expect(200), "certificate").to_string();
    assert!(doctor.contains("has no end") && !doctor.contains("9999"), "{doctor}");
    let mut judged = Command::new(env!("CARGO_BIN_EXE_kaspid"));
    let judged = judged.arg("check").arg("--config").arg(shop.home.config()).output().unwrap();
    let said = String::from_utf8_lossy(&judged.stdout).into_owned();
    assert!(judged.status.success() && said.contains("the certificate has no end") && !said.contains("9999"), "{said}");
    assert_eq!(expiring(&daemon), 0);
}
