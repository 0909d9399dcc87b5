//! Every form that openssl writes is read, and is the key and the chain that went in.

use std::io::Write;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::super::*;

pub(super) const PASSPHRASE: &str = "құпия сөз 1";

/// A folder in which openssl works.
pub(super) struct Bench(TempDir);

impl Bench {
    /// A root, an issuing authority, and a certificate of each kind of key for a client.
    pub(super) fn new() -> Self {
        let bench = Self(TempDir::new().unwrap());
        bench.write("ca.cnf", "basicConstraints=critical,CA:TRUE\n");
        bench.write("client.cnf", "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n");
        bench.run("ecparam -name prime256v1 -genkey -noout -out ca.key");
        bench.run("req -x509 -new -key ca.key -subj /CN=Root -days 3650 -out root.crt");
        bench.run("ecparam -name prime256v1 -genkey -noout -out issuer.key");
        bench.run("req -new -key issuer.key -subj /CN=Issuer -out issuer.csr");
        bench.run("x509 -req -in issuer.csr -CA root.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile ca.cnf -out issuer.crt");
        bench.run("genrsa -out rsa.key 2048");
        bench.run("ecparam -name prime256v1 -genkey -noout -out ec.key");
        bench.certify("rsa", "client.cnf", "365");
        bench.certify("ec", "client.cnf", "365");
        bench
    }

    /// `NAME.crt` for `NAME.key`.
    pub(super) fn certify(&self, name: &str, extensions: &str, days: &str) {
        self.run(&format!("req -new -utf8 -key {name}.key -subj /CN=shop.kz/O=ТОО_Әйгерім -out {name}.csr"));
        self.run(&format!(
            "x509 -req -in {name}.csr -CA issuer.crt -CAkey issuer.key -CAcreateserial -days {days} -extfile {extensions} -out {name}.crt"
        ));
    }

    /// Runs openssl with these arguments, the passphrase on its standard input where `stdin` is named.
    pub(super) fn run(&self, arguments: &str) {
        let mut child = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(self.0.path())
            .env("OPENSSL_CONF", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that asks for none may have ended by then.
        let _ = child.stdin.take().unwrap().write_all(format!("{PASSPHRASE}\n{PASSPHRASE}\n").as_bytes());
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
    }

    /// One file behind the other.
    pub(super) fn join(&self, name: &str, parts: &[&str]) {
        self.write(name, parts.iter().flat_map(|part| self.read(part)).collect::<Vec<_>>());
    }

    pub(super) fn staged(&self, key: &str, certificate: &str) -> Result<Staged, IdentityTrouble> {
        self.staged_with(key, certificate, None)
    }

    pub(super) fn staged_with(
        &self,
        key: &str,
        certificate: &str,
        passphrase: Option<&str>,
    ) -> Result<Staged, IdentityTrouble> {
        let (key_bytes, certificate_bytes) = (self.read(key), self.read(certificate));
        let key = Handed { name: key, bytes: &key_bytes };
        let certificate = Handed { name: certificate, bytes: &certificate_bytes };
        Staged::read(key, certificate, passphrase.map(str::as_bytes))
    }
}

#[track_caller]
fn reads(bench: &Bench, key: &str, certificate: &str, passphrase: Option<&str>) {
    let staged = bench.staged_with(key, certificate, passphrase).unwrap_or_else(|error| panic!("{key}: {error}"));
    staged.check(Moment::now()).unwrap_or_else(|error| panic!("{key}: {error}"));
    assert!(staged.identity().view(Moment::now()).subject.contains("CN=shop.kz"), "{key}");
}

#[test]
fn plain_keys_of_openssl_are_read() {
    let bench = Bench::new();
    for (key, how) in [
        ("rsa.pkcs1.pem", "rsa -in rsa.key -traditional -out"),
        ("rsa.pkcs8.pem", "pkcs8 -topk8 -nocrypt -in rsa.key -out"),
        ("rsa.pkcs1.der", "rsa -in rsa.key -traditional -outform DER -out"),
        ("rsa.pkcs8.der", "pkcs8 -topk8 -nocrypt -in rsa.key -outform DER -out"),
        ("ec.sec1.pem", "ec -in ec.key -out"),
        ("ec.sec1.der", "ec -in ec.key -outform DER -out"),
        ("ec.pkcs8.pem", "pkcs8 -topk8 -nocrypt -in ec.key -out"),
        ("ec.pkcs8.der", "pkcs8 -topk8 -nocrypt -in ec.key -outform DER -out"),
    ] {
        bench.run(&format!("{how} {key}"));
        reads(&bench, key, if key.starts_with("rsa") { "rsa.crt" } else { "ec.crt" }, None);
    }
    // As `openssl ecparam -genkey` writes it: parameters first.
    bench.run("ecparam -name prime256v1 -in /dev/null -genkey -out with-parameters.key");
    bench.run("ecparam -name secp384r1 -genkey -out p384.key");
    bench.certify("p384", "client.cnf", "365");
    reads(&bench, "p384.key", "p384.crt", None);
    bench.run("genpkey -algorithm ed25519 -out ed.key");
    bench.certify("ed", "client.cnf", "365");
    reads(&bench, "ed.key", "ed.crt", None);
}

#[test]
fn locked_keys_of_openssl_are_read_and_a_wrong_passphrase_is_told() {
    let bench = Bench::new();
    let mut made = Vec::new();
    for cipher in ["aes128", "aes192", "aes256", "des3", "des"] {
        let legacy = if cipher == "des" { "-provider legacy -provider default " } else { "" };
        bench.run(&format!("rsa -in rsa.key -traditional -{cipher} -passout stdin {legacy}-out old-{cipher}.key"));
        made.push(format!("old-{cipher}.key"));
    }
    for cipher in ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des3"] {
        bench.run(&format!("pkcs8 -topk8 -in rsa.key -v2 {cipher} -passout stdin -out v2-{cipher}.key"));
        made.push(format!("v2-{cipher}.key"));
    }
    bench.run("pkcs8 -topk8 -in rsa.key -v2 aes-256-cbc -v2prf hmacWithSHA512 -passout stdin -out v2-sha512.key");
    bench.run("pkcs8 -topk8 -in rsa.key -v2 aes-256-cbc -v2prf hmacWithSHA1 -passout stdin -out v2-sha1.key");
    bench.run("pkcs8 -topk8 -in rsa.key -scrypt -passout stdin -out scrypt.key");
    bench.run("pkcs8 -topk8 -in rsa.key -v2 aes-256-cbc -outform DER -passout stdin -out v2.der");
    made.extend(["v2-sha512.key", "v2-sha1.key", "scrypt.key", "v2.der"].map(str::to_owned));
    for (name, cipher) in [
        ("v1-md5-des.key", "PBE-MD5-DES"),
        ("v1-sha1-des.key", "PBE-SHA1-DES"),
        ("v1-sha1-3des.key", "PBE-SHA1-3DES"),
        ("v1-sha1-2des.key", "PBE-SHA1-2DES"),
        ("v1-sha1-rc2.key", "PBE-SHA1-RC2-40"),
        ("v1-sha1-rc2-128.key", "PBE-SHA1-RC2-128"),
    ] {
        bench.run(&format!(
            "pkcs8 -topk8 -in rsa.key -v1 {cipher} -passout stdin -provider legacy -provider default -out {name}"
        ));
        made.push(name.to_owned());
    }
    for key in &made {
        reads(&bench, key, "rsa.crt", Some(PASSPHRASE));
        let wrong = bench.staged_with(key, "rsa.crt", Some("wrong horse")).unwrap_err();
        assert!(matches!(wrong, IdentityTrouble::Unfit { why: Unfit::WrongPassphrase, .. }), "{key}: {wrong}");
        let none = bench.staged(key, "rsa.crt").unwrap_err();
        assert!(matches!(none, IdentityTrouble::Unfit { why: Unfit::PassphraseNeeded, .. }), "{key}: {none}");
    }
}

#[test]
fn pkcs12_of_openssl_is_read_new_and_legacy() {
    let bench = Bench::new();
    let from = "pkcs12 -export -inkey rsa.key -in rsa.crt -certfile issuer.crt -passout stdin";
    let legacy = "-provider legacy -provider default";
    for (name, how) in [
        ("new.p12", ""),
        ("sha512.p12", "-macalg sha512"),
        ("legacy.pfx", "-legacy -provider legacy -provider default"),
        ("no-mac.p12", "-nomac"),
        ("3des.p12", "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1"),
        ("plain-certificates.p12", "-certpbe NONE"),
        ("named.p12", "-name ТОО_Әйгерім -CSP Microsoft"),
    ] {
        bench.run(format!("{from} {how} -out {name}").replace("  ", " ").as_str());
        reads(&bench, name, name, Some(PASSPHRASE));
        assert_eq!(bench.staged_with(name, name, Some(PASSPHRASE)).unwrap().identity().certified().cert.len(), 2);
        for (passphrase, wanted) in [(Some("wrong"), Unfit::WrongPassphrase), (None, Unfit::PassphraseNeeded)] {
            let trouble = bench.staged_with(name, name, passphrase).unwrap_err();
            assert!(matches!(&trouble, IdentityTrouble::Unfit { why, .. } if *why == wanted), "{name}: {trouble}");
        }
    }
    bench.run(&format!("{from} -keypbe PBE-SHA1-RC2-128 -certpbe PBE-SHA1-RC2-40 {legacy} -out rc2.p12"));
    reads(&bench, "rc2.p12", "rc2.p12", Some(PASSPHRASE));
    bench.run("pkcs12 -export -inkey ec.key -in ec.crt -passout pass: -out empty.p12");
    reads(&bench, "empty.p12", "empty.p12", None);
    reads(&bench, "empty.p12", "empty.p12", Some(""));
}

#[test]
fn certificates_are_read_in_every_form_and_order() {
    let bench = Bench::new();
    bench.run("x509 -in rsa.crt -outform DER -out rsa.cer");
    bench.run("x509 -in rsa.crt -trustout -addtrust clientAuth -out trusted.crt");
    bench.run("x509 -in rsa.crt -text -out text.crt");
    bench.run("crl2pkcs7 -nocrl -certfile root.crt -certfile issuer.crt -certfile rsa.crt -out chain.p7b");
    bench.run("crl2pkcs7 -nocrl -certfile rsa.crt -certfile issuer.crt -outform DER -out chain.p7c");
    bench.join("turned.pem", &["root.crt", "issuer.crt", "rsa.crt"]);
    bench.join("mixed.pem", &["ec.crt", "issuer.crt", "rsa.crt", "root.crt"]);
    bench.join("all.pem", &["rsa.crt", "rsa.key", "issuer.crt"]);
    let bare = String::from_utf8(bench.read("rsa.crt")).unwrap().replace("-----BEGIN CERTIFICATE-----\n", "");
    bench.write("bare.txt", bare.replace("-----END CERTIFICATE-----\n", ""));
    for (name, length) in [
        ("rsa.cer", 1),
        ("trusted.crt", 1),
        ("text.crt", 1),
        ("bare.txt", 1),
        ("chain.p7b", 3),
        ("chain.p7c", 2),
        ("turned.pem", 3),
        ("mixed.pem", 3),
        ("all.pem", 2),
    ] {
        reads(&bench, "rsa.key", name, None);
        let staged = bench.staged("rsa.key", name).unwrap();
        let chain = staged.identity().certified();
        assert_eq!(chain.cert.len(), length, "{name}");
        assert_eq!(chain.cert.first().unwrap().as_ref(), bench.read("rsa.cer"), "{name}: the leaf is first");
    }
    reads(&bench, "all.pem", "all.pem", None);
}

/// As Windows' tools and mail leave them: CRLF, a byte order mark, bag attributes in Kazakh letters, in two encodings.
#[test]
fn what_windows_makes_of_them_is_read() {
    let bench = Bench::new();
    bench.run("pkcs12 -export -inkey rsa.key -in rsa.crt -certfile issuer.crt -name Кассалық_терминал -passout stdin -out in.pfx");
    bench.run("pkcs12 -in in.pfx -nodes -passin stdin -out out.pem");
    let text = String::from_utf8_lossy(&bench.read("out.pem")).replace('\n', "\r\n");
    assert!(text.contains("Bag Attributes") && text.contains("friendlyName"), "{text}");
    let named = text.replace("Bag Attributes", "Bag Attributes\r\n    атауы: Кассалық терминал № 1: Әйгерім");
    bench.write("utf8.pem", format!("\u{feff}{named}"));
    reads(&bench, "utf8.pem", "utf8.pem", None);
    // The same letters in CP1251, which is no UTF-8.
    let (before, after) = text.split_once("Bag Attributes").unwrap();
    bench.write("cp1251.pem", [before.as_bytes(), b"\xca\xe0\xf1\xf1\xe0 \x9a\r\n", after.as_bytes()].concat());
    reads(&bench, "cp1251.pem", "cp1251.pem", None);
}

/// What is kept is read again as it is.
#[test]
fn what_is_written_to_be_kept_is_the_same_identity() {
    let bench = Bench::new();
    bench.join("chain.pem", &["root.crt", "rsa.crt", "issuer.crt"]);
    bench.run("pkcs8 -topk8 -nocrypt -in ec.key -out ec.pkcs8");
    for (key, certificate) in [("rsa.key", "chain.pem"), ("ec.key", "ec.crt"), ("ec.pkcs8", "ec.crt")] {
        let staged = bench.staged(key, certificate).unwrap();
        bench.write("kept.pem", &*staged.to_pem());
        let again = bench.staged("kept.pem", "kept.pem").unwrap();
        assert_eq!(again.identity().fingerprint(), staged.identity().fingerprint());
        bench.run("pkey -in kept.pem -noout");
    }
}
