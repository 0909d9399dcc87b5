//! The first day of a shop: there is no key, one is made inside of the daemon, the bank signs its request, and it sells,
//! without a restart.

use std::os::unix::fs::PermissionsExt;

use super::{BIN, Shop, rows, sells, subject};
use crate::support::daemon::Daemon;

#[test]
fn a_key_is_made_here_and_never_leaves() {
    let shop = Shop::new("");
    let daemon = Daemon::start(&shop.home);
    let missing = daemon.door.get("/v1/identity").problem("identity_missing");
    let remedy = missing["remedy"].as_str().unwrap();
    assert!(remedy.contains("kaspictl identity generate") && remedy.contains("kaspictl identity import"), "{remedy}");

    let asked = ["identity", "generate", "--subject", "CN=shop.kz, O=ТОО «Әйгерім\\, Гүлдер», C=KZ"];
    for (number, kind) in ["rsa2048", "p256"].into_iter().enumerate() {
        let mut words = asked.to_vec();
        words.extend(["--key-type", kind]);
        if number > 0 {
            let refused = shop.ctl_with(&words, "");
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(1), "{said}");
            assert!(said.contains("A key waits for its certificate") && said.contains("--replace"), "{said}");
            assert!(refused.stdout.is_empty(), "no other request is printed");
            words.push("--replace");
        }
        let made = shop.ctl_with(&words, "");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        std::fs::write(shop.file("shop.csr"), &made.stdout).unwrap();
        let seen = shop.openssl("req -in shop.csr -verify -noout -text -subject -nameopt utf8,sep_comma_plus");
        let (out, err) = (String::from_utf8_lossy(&seen.stdout), String::from_utf8_lossy(&seen.stderr));
        assert!(out.contains("verify OK") || err.contains("verify OK"), "{out}{err}");
        assert!(out.contains("TLS Web Client Authentication"), "{out}");
        assert!(out.contains("CN=shop.kz") && out.contains("ТОО «Әйгерім, Гүлдер»") && out.contains("C=KZ"), "{out}");
        assert!(out.contains(if kind == "p256" { "prime256v1" } else { "2048 bit" }), "{out}");
    }
    // The request can be had again; and nothing but its own certificate fits.
    let again = shop.ctl_with(&["identity", "generate"], "");
    assert_eq!(again.stdout, std::fs::read(shop.file("shop.csr")).unwrap());
    shop.make("other", "ec");
    let said = shop.ctl("identity install other.crt", 1);
    assert!(said.contains("does not belong to any certificate"), "{said}");

    let request = std::fs::read_to_string(shop.file("shop.csr")).unwrap();
    std::fs::write(shop.file("shop.crt"), shop.sign(&request)).unwrap();
    std::fs::copy(&shop.bank.place.ca_file, shop.file("ca.crt")).unwrap();
    shop.openssl("crl2pkcs7 -nocrl -certfile ca.crt -certfile shop.crt -out shop.p7b");
    let said = shop.ctl("identity install shop.p7b --chain ca.crt", 0);
    assert!(said.contains("it takes the certificate"), "{said}");
    assert!(subject(&daemon).contains("CN=shop.kz"));
    // Whoever has lost the answer and asks again is not sent to make another key.
    let said = shop.ctl("identity install shop.p7b", 1);
    assert!(said.contains("in use already") && said.contains("identity show") && !said.contains("generate"), "{said}");
    let said = shop.ctl("identity install other.crt", 1);
    assert!(said.contains("no key waits"), "{said}");
    daemon.door.enrol(BIN);
    sells(&daemon);

    let folder = shop.home.state().join("identity");
    let names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names, [folder.join("identity.pem")], "nothing waits and nothing is left over");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&names[0])), (0o700, 0o600));
    let messages: Vec<String> =
        rows(&daemon).iter().map(|row| row["error_message"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(messages[0].contains("a key was made"), "{messages:?}");
    assert!(messages.iter().any(|message| message.ends_with(", installed")), "{messages:?}");
    assert!(daemon.stop().success());
    let again = Daemon::start(&shop.home);
    sells(&again);
}

#[test]
fn a_subject_that_is_none_is_refused_in_words() {
    let shop = Shop::new("");
    let _daemon = Daemon::start(&shop.home);
    for (subject, said) in [
        ("shop.kz", "has a part without ="),
        ("O=Name", "has no CN"),
        ("CN=", "has an empty CN"),
        ("CN=a,XX=b", "has 'XX', which is none of CN, O"),
        ("CN=a,C=kz", "two capital letters"),
        ("CN=a,CN=b", "has CN twice"),
        ("CN=a+O=b", "has a +"),
        ("CN=\"a", "has a quote that does not end"),
        ("CN=a\\", "ends with a \\"),
        ("CN=0123456789012345678901234567890123456789012345678901234567890123456789", "70 characters; 64 are allowed"),
    ] {
        let done = shop.ctl_with(&["identity", "generate", "--subject", subject], "");
        let found = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{subject}: {found}");
        assert!(found.contains(said), "{subject}: {found}");
    }
    let said = shop.ctl("identity generate", 1);
    assert!(said.contains("--subject"), "{said}");
    assert!(!shop.home.state().join("identity").exists(), "nothing was made");
}

/// Promise: a key that waits beside the one in use is not forgotten: status, show and an import say so, until it has its
/// certificate; whoever repeats the certificate in use hears that it is in use.
#[test]
fn a_key_that_waits_beside_another_is_told() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    let daemon = Daemon::start(&shop.home);
    shop.ctl("identity generate --subject CN=shop.kz --key-type p256", 0);
    let said = shop.ctl("identity import --key one.key --cert one.crt", 0);
    assert!(said.contains("Another key still waits") && said.contains("identity install CERT"), "{said}");
    assert!(shop.ctl("status", 0).contains("another key waits for its certificate"));
    assert!(shop.ctl("identity show", 0).contains("another key waits"));
    assert_eq!(daemon.door.get("/v1/identity").expect(200)["key_waits"], true);
    let said = shop.ctl("identity install one.crt", 1);
    assert!(said.contains("in use already"), "{said}");
    let request = shop.ctl_with(&["identity", "generate"], "").stdout;
    std::fs::write(shop.file("shop.crt"), shop.sign(&String::from_utf8(request).unwrap())).unwrap();
    let said = shop.ctl("identity install shop.crt", 0);
    assert!(!said.contains("Another key"), "{said}");
    assert!(!shop.ctl("status", 0).contains("another key waits"));
    assert!(subject(&daemon).contains("CN=shop.kz"));
}

/// Promise: who gives a key and no certificate, or a key where PKCS#12 is asked for, is told which option is missing.
#[test]
fn an_option_that_is_missing_is_named() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    let _daemon = Daemon::start(&shop.home);
    let said = shop.ctl("identity import --key one.key", 1);
    assert!(said.contains("give that too, --cert FILE"), "{said}");
    for file in ["one.key", "one.crt"] {
        let said = shop.ctl(&format!("identity import --pkcs12 {file}"), 1);
        assert!(said.contains("is no PKCS#12 file") && said.contains("--key FILE --cert FILE"), "{said}");
    }
}
