//! Every form in which openssl writes keys and certificates is imported, and opens a connection with the bank.

use super::{BIN, Shop, sells, subject};
use crate::support::daemon::Daemon;

/// How openssl writes the key NAME.key as the file that the first word names.
const KEYS: [(&str, &str, &str); 22] = [
    ("rsa", "rsa.pkcs1.pem", "rsa -in rsa.key -traditional -out"),
    ("rsa", "rsa.pkcs1.der", "rsa -in rsa.key -traditional -outform DER -out"),
    ("rsa", "rsa.pkcs8.pem", "pkcs8 -topk8 -nocrypt -in rsa.key -out"),
    ("rsa", "rsa.pkcs8.der", "pkcs8 -topk8 -nocrypt -in rsa.key -outform DER -out"),
    ("rsa", "rsa.des3.old", "rsa -in rsa.key -traditional -des3 -passout file:pass.txt -out"),
    ("rsa", "rsa.aes128.old", "rsa -in rsa.key -traditional -aes128 -passout file:pass.txt -out"),
    ("rsa", "rsa.aes256.old", "rsa -in rsa.key -traditional -aes256 -passout file:pass.txt -out"),
    ("rsa", "rsa.aes128", "pkcs8 -topk8 -in rsa.key -v2 aes-128-cbc -passout file:pass.txt -out"),
    ("rsa", "rsa.aes256", "pkcs8 -topk8 -in rsa.key -v2 aes-256-cbc -passout file:pass.txt -out"),
    ("rsa", "rsa.des3", "pkcs8 -topk8 -in rsa.key -v2 des3 -passout file:pass.txt -out"),
    ("rsa", "rsa.sha1", "pkcs8 -topk8 -in rsa.key -v2 aes256 -v2prf hmacWithSHA1 -passout file:pass.txt -out"),
    ("rsa", "rsa.scrypt", "pkcs8 -topk8 -in rsa.key -scrypt -passout file:pass.txt -out"),
    ("rsa", "rsa.locked.der", "pkcs8 -topk8 -in rsa.key -v2 aes256 -outform DER -passout file:pass.txt -out"),
    (
        "rsa",
        "rsa.v1.des",
        "pkcs8 -topk8 -in rsa.key -v1 PBE-MD5-DES -passout file:pass.txt -provider legacy -provider default -out",
    ),
    ("rsa", "rsa.v1.3des", "pkcs8 -topk8 -in rsa.key -v1 PBE-SHA1-3DES -passout file:pass.txt -out"),
    (
        "rsa",
        "rsa.v1.rc2",
        "pkcs8 -topk8 -in rsa.key -v1 PBE-SHA1-RC2-40 -passout file:pass.txt -provider legacy -provider default -out",
    ),
    ("ec", "ec.sec1.pem", "ec -in ec.key -out"),
    ("ec", "ec.sec1.der", "ec -in ec.key -outform DER -out"),
    ("ec", "ec.aes256.old", "ec -in ec.key -aes256 -passout file:pass.txt -out"),
    ("ec", "ec.pkcs8.pem", "pkcs8 -topk8 -nocrypt -in ec.key -out"),
    ("ec", "ec.pkcs8.der", "pkcs8 -topk8 -nocrypt -in ec.key -outform DER -out"),
    ("ec", "ec.aes256", "pkcs8 -topk8 -in ec.key -v2 aes-256-cbc -passout file:pass.txt -out"),
];

/// How it writes key and certificate as one file, but for what all of these have in common.
const STORES: [(&str, &str); 6] = [
    ("new.p12", ""),
    ("legacy.pfx", "-legacy -provider legacy -provider default "),
    ("rc2.pfx", "-keypbe PBE-SHA1-RC2-40 -certpbe PBE-SHA1-RC2-40 -provider legacy -provider default "),
    ("3des.pfx", "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 "),
    ("no-mac.p12", "-nomac "),
    ("windows.pfx", "-legacy -provider legacy -provider default -name Кассалық_терминал -CSP Microsoft_RSA_SChannel "),
];

#[test]
fn every_form_of_openssl_opens_a_connection_with_the_bank() {
    let shop = Shop::new("");
    let daemon = Daemon::start(&shop.home);
    shop.make("rsa", "rsa");
    shop.make("ec", "ec");
    shop.openssl("x509 -in rsa.crt -outform DER -out rsa.cer");
    shop.openssl("crl2pkcs7 -nocrl -certfile ec.crt -outform DER -out ec.p7b");
    shop.ctl("identity import --key rsa.key --cert rsa.cer", 0);
    daemon.door.enrol(BIN);
    let took = |arguments: &str, name: &str| {
        let said = shop.ctl(arguments, 0);
        assert!(said.contains("it lists the trade points of config 1"), "{arguments}: {said}");
        assert!(subject(&daemon).contains(&format!("CN={name}")), "{arguments}");
    };
    for (name, file, how) in KEYS {
        shop.openssl(&format!("{how} {file}"));
        let certificate = if name == "ec" { "ec.p7b" } else { "rsa.cer" };
        let rotate = format!("identity rotate --key {file} --cert {certificate}");
        match how.contains("-passout") {
            true => {
                let said = shop.ctl(&rotate, 1);
                assert!(said.contains(&format!("{file} is protected by a passphrase")), "{said}");
                took(&format!("{rotate} --passphrase-file pass.txt"), name);
            }
            false => took(&rotate, name),
        }
    }
    for (file, how) in STORES {
        let name = if file.starts_with("new") { "ec" } else { "rsa" };
        shop.openssl(&format!(
            "pkcs12 -export -inkey {name}.key -in {name}.crt -passout file:pass.txt {how}-out {file}"
        ));
        took(&format!("identity rotate --pkcs12 {file} --passphrase-file pass.txt"), name);
    }
    // As it comes out of Windows, through openssl and Notepad: CRLF, a byte order mark, attributes in Kazakh letters.
    shop.openssl(
        "pkcs12 -in windows.pfx -nodes -passin file:pass.txt -legacy -provider legacy -provider default -out out.pem",
    );
    // openssl itself writes such letters as it finds them, which is no UTF-8.
    let text = String::from_utf8_lossy(&std::fs::read(shop.file("out.pem")).unwrap()).into_owned();
    let text = text.replacen("Bag Attributes", "Bag Attributes\n    атауы: Кассалық терминал № 1, Әйгерім", 1);
    std::fs::write(shop.file("windows.pem"), format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    took("identity rotate --key windows.pem", "rsa");
    sells(&daemon);
}

/// The passphrase comes by stdin, the source is removed, and the request that `--api` shows does the same by curl.
#[test]
fn what_kaspictl_prints_for_curl_does_the_same() {
    let shop = Shop::new("");
    let daemon = Daemon::start(&shop.home);
    shop.make("rsa", "rsa");
    shop.make("ec", "ec");
    shop.openssl("pkcs12 -export -inkey rsa.key -in rsa.crt -passout file:pass.txt -out rsa.p12");
    let import = ["identity", "import", "--pkcs12", "rsa.p12", "--passphrase-file", "-", "--remove-source"];
    let done = shop.ctl_with(&import, &format!("{}\n", super::PASSPHRASE));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(!shop.file("rsa.p12").exists() && String::from_utf8_lossy(&done.stderr).contains("removed rsa.p12"));
    assert!(subject(&daemon).contains("CN=rsa"));

    shop.openssl("pkcs8 -topk8 -in ec.key -v2 aes256 -passout file:pass.txt -out ec.locked");
    let line = shop.ctl("identity rotate --key ec.locked --cert ec.crt --passphrase-file pass.txt --api", 0);
    assert!(!line.contains(super::PASSPHRASE) && !line.contains("MII"), "{line}");
    let done = std::process::Command::new("sh").args(["-c", &line]).current_dir(shop.files.path()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("CN=ec"), "{line}\n{said}");
    assert!(subject(&daemon).contains("CN=ec"));
}
