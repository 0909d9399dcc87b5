//! The end of the certificate is told in time, once, and one without an end is no alarm.

use super::{Shop, rows};
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

#[test]
fn a_certificate_without_an_end_is_shown_as_one() {
    let shop = Shop::new("");
    shop.openssl("ecparam -name prime256v1 -genkey -noout -out own.key");
    std::fs::write(
        shop.file("ca.conf"),
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\n\
         policy=any\n[any]\ncommonName=supplied\n",
    )
    .unwrap();
    std::fs::write(shop.file("index.txt"), "").unwrap();
    std::fs::write(shop.file("serial"), "01\n").unwrap();
    with_life(&shop, "-days 3");
    shop.openssl("req -new -key own.key -subj /CN=endless -out own.csr");
    shop.openssl(
        "ca -batch -config ca.conf -selfsign -keyfile own.key -in own.csr -startdate 20200101000000Z -enddate 99991231235959Z -out own.crt",
    );
    let daemon = Daemon::start(&shop.home);
    for command in ["identity show", "status"] {
        let said = shop.ctl(command, 0);
        assert!(said.contains("no end") || said.contains("without an end"), "{said}");
        assert!(!said.contains("2912") && !said.contains("9999"), "{said}");
    }
    let problems = daemon.door.get("/v1/health").expect(200)["problems"].to_string();
    assert!(!problems.contains("certificate_expiring"), "{problems}");
    assert_eq!(expiring(&daemon), 0);
}
