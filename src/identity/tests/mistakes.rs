//! Each mistake with a file has words of its own, which name the file and what to do, and nothing that is secret.

use super::super::locks::Effort;
use super::super::*;
use super::forms::{Bench, PASSPHRASE};

/// The words of a mistake.
#[track_caller]
fn words(result: Result<Staged, IdentityTrouble>, file: &str, said: &str) {
    let text = match result.and_then(|staged| staged.check(Moment::now())) {
        Ok(()) => panic!("{file} was taken; expected: {said}"),
        Err(trouble) => trouble.to_string(),
    };
    assert!(text.contains(file) && text.contains(said), "{file} / {said}: {text}");
    assert!(!text.contains("құпия") && !text.contains("PRIVATE KEY-----\nMII"), "{text}");
}

#[test]
fn what_is_no_key_is_named() {
    let bench = Bench::new();
    bench.run("rsa -in rsa.key -pubout -out public.pem");
    bench.run("rsa -in rsa.key -RSAPublicKey_out -out public.pkcs1");
    bench.run("rsa -in rsa.key -traditional -aes256 -passout stdin -out locked.key");
    bench.run("ecparam -name prime256v1 -out parameters.pem");
    bench.write("empty.key", "\r\n ");
    bench.write("big.key", vec![b'x'; (1 << 20) + 1]);
    bench.write("page.key", "\n<!DOCTYPE html><html><title>Log in</title></html>");
    bench.write("putty.ppk", "PuTTY-User-Key-File-3: ssh-rsa\r\n");
    bench.write("java.jks", b"\xfe\xed\xfe\xed\x00\x00\x00\x02");
    bench.write("noise.key", "hello");
    bench.write("wide.key", bench.read("rsa.key").iter().flat_map(|&byte| [byte, 0]).collect::<Vec<_>>());
    bench.write("cut.key", bench.read("rsa.key").get(..900).unwrap());
    bench.write("changed.key", String::from_utf8(bench.read("rsa.key")).unwrap().replacen("MII", "M!I", 1));
    bench.write(
        "openssh",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n",
    );
    bench.write("pvk.key", "-----BEGIN PRIVATE KEY-----\nTm90IGEga2V5\n-----END PRIVATE KEY-----\n");
    for (key, said) in [
        ("rsa.crt", "holds a certificate and no private key"),
        ("rsa.csr", "holds a certificate request (CSR) and no private key"),
        ("public.pem", "holds a public key and no private key"),
        ("public.pkcs1", "holds a public key and no private key"),
        ("parameters.pem", "holds parameters and no private key"),
        ("openssh", "holds a key of OpenSSH and no private key"),
        ("putty.ppk", "holds a key of PuTTY and no private key"),
        ("java.jks", "Java keystore"),
        ("empty.key", "is empty"),
        ("big.key", "larger than 1 MiB"),
        ("page.key", "is a web page and not a private key"),
        ("noise.key", "is no private key in any form"),
        ("wide.key", "UTF-16"),
        ("cut.key", "END line is missing"),
        ("changed.key", "is not base64"),
        ("pvk.key", "is not whole"),
        ("locked.key", "is protected by a passphrase"),
        ("ec.key", "does not belong to any certificate"),
    ] {
        words(bench.staged(key, "rsa.crt"), key, said);
    }
}

#[test]
fn keys_of_other_kinds_are_named() {
    let bench = Bench::new();
    bench.run("genrsa -out short.key 1024");
    bench.run("dsaparam -genkey -out dsa.key 1024");
    bench.run("ecparam -name secp521r1 -genkey -noout -out p521.key");
    bench.run("ecparam -name secp256k1 -genkey -noout -out k1.key");
    bench.run("genpkey -algorithm x25519 -out x25519.key");
    bench.run("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.key");
    for (key, said) in [
        ("short.key", "an RSA key of 1024 bits"),
        ("dsa.key", "a DSA key"),
        ("p521.key", "a P-521 key"),
        ("k1.key", "a key on the curve 1.3.132.0.10"),
        ("x25519.key", "a key of kind 1.3.101.110"),
        ("pss.key", "for PSS only"),
    ] {
        words(bench.staged(key, "rsa.crt"), key, said);
    }
}

#[test]
fn what_is_no_usable_certificate_is_named() {
    let bench = Bench::new();
    bench.write("server.cnf", "extendedKeyUsage=serverAuth,codeSigning\n");
    for name in ["server", "authority", "past", "future"] {
        bench.write(&format!("{name}.key"), bench.read("rsa.key"));
    }
    bench.certify("server", "server.cnf", "365");
    bench.certify("authority", "ca.cnf", "365");
    // openssl has no word for a certificate of yesterday; its authority has.
    bench.write("index.txt", "");
    bench.write("serial", "01\n");
    bench.write(
        "ca.conf",
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\norganizationName=optional\n",
    );
    for (name, from, to) in
        [("past", "20200101000000Z", "20210101000000Z"), ("future", "20900101000000Z", "20910101000000Z")]
    {
        bench.run(&format!("req -new -key {name}.key -subj /CN=shop.kz -out {name}.csr"));
        bench.run(&format!(
            "ca -batch -config ca.conf -cert issuer.crt -keyfile issuer.key -in {name}.csr -startdate {from} -enddate {to} -out {name}.crt"
        ));
    }
    bench.run("rsa -in rsa.key -pubout -out public.pem");
    bench.write("page.cer", "<html>");
    bench.write("empty.cer", "");
    bench.write("cut.cer", bench.read("rsa.crt").get(..400).unwrap());
    for (certificate, said) in [
        ("rsa.key", "holds a private key and no certificate"),
        ("rsa.csr", "holds a certificate request (CSR) and no certificate"),
        ("public.pem", "holds a public key and no certificate"),
        ("page.cer", "is a web page and not a certificate"),
        ("empty.cer", "is empty"),
        ("cut.cer", "END line is missing"),
        ("ec.crt", "does not belong to any certificate"),
        ("server.crt", "its extended key usage is serverAuth, codeSigning"),
        ("authority.crt", "the certificate of an authority (CA)"),
        ("past.crt", "ended on 2021-01-01"),
        ("future.crt", "begins on 2090-01-01"),
    ] {
        words(bench.staged("rsa.key", certificate), certificate, said);
    }
}

/// No file makes the daemon work for minutes or take a gigabyte.
#[test]
fn a_file_that_wants_too_much_work_is_refused() {
    let bench = Bench::new();
    bench.run("pkcs8 -topk8 -in ec.key -v2 aes-256-cbc -iter 3000000 -passout stdin -out rounds.key");
    words(bench.staged_with("rounds.key", "ec.crt", Some(PASSPHRASE)), "rounds.key", "wants 3000000 rounds");
    bench.run("pkcs8 -topk8 -in ec.key -scrypt -outform DER -passout stdin -out scrypt.der");
    // 16384 times 8 blocks, made 64.
    let mut der = bench.read("scrypt.der");
    let at = der.windows(7).position(|window| window == [0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x08]).unwrap();
    *der.get_mut(at + 6).unwrap() = 64;
    bench.write("scrypt.der", der);
    words(bench.staged_with("scrypt.der", "ec.crt", Some(PASSPHRASE)), "scrypt.der", "more than 32 MiB of memory");
}

/// Nor does a file of many parts, each of which alone is affordable; the words for a PKCS#12 file are for a PKCS#12 file.
#[test]
fn the_parts_of_a_file_are_bounded_together() {
    let mut effort = Effort::of_a_file();
    let spent = (0..100).map(|_| effort.spend(2_000_000)).take_while(Result::is_ok).count();
    assert_eq!(spent, 3, "MAC, certificates and key");
    assert!(effort.spend(1).unwrap_err().to_string().contains("more than 6000000 rounds of its passphrase in all"));
    assert!(Effort::of_a_file().spend(2_000_001).is_err());
    let bench = Bench::new();
    bench.run("pkcs12 -export -inkey ec.key -in ec.crt -iter 3000000 -nomaciter -passout stdin -out rounds.p12");
    let read = bench.staged_with("rounds.p12", "rounds.p12", Some(PASSPHRASE));
    words(read, "rounds.p12", "openssl pkcs12 -legacy -in OLD.p12 -nodes | openssl pkcs12 -export");
}

/// A PKCS#12 file that is encrypted in a way that is not known is written anew by the command that its words name.
#[test]
fn a_pkcs12_file_of_an_unknown_cipher_is_written_anew_by_the_command_named() {
    let bench = Bench::new();
    for cipher in ["CAMELLIA-256-CBC", "PBE-SHA1-RC4-128"] {
        bench.run(&format!(
            "pkcs12 -export -legacy -inkey ec.key -in ec.crt -keypbe {cipher} -certpbe {cipher} -passout stdin -out old.p12"
        ));
        let said = "openssl pkcs12 -legacy -in OLD.p12 -nodes | openssl pkcs12 -export -keypbe aes-256-cbc";
        words(bench.staged_with("old.p12", "old.p12", Some(PASSPHRASE)), "old.p12", said);
        bench.run("pkcs12 -legacy -in old.p12 -nodes -passin stdin -out between.pem");
        bench
            .run("pkcs12 -export -keypbe aes-256-cbc -certpbe aes-256-cbc -in between.pem -passout stdin -out new.p12");
        let new = bench.staged_with("new.p12", "new.p12", Some(PASSPHRASE)).unwrap();
        assert!(new.check(Moment::now()).is_ok(), "{cipher}");
    }
}

/// An EC key that spells its curve out is told apart from a damaged one, and the command named makes one that is read, also
/// beside the certificate that was made for it.
#[test]
fn a_key_that_spells_its_curve_out_is_written_anew_by_the_command_named() {
    let bench = Bench::new();
    let said = "openssl ec -in OLD.key -param_enc named_curve -out NEW.key";
    bench.run("ecparam -name prime256v1 -genkey -noout -param_enc explicit -out spelled.key");
    bench.run("pkcs8 -topk8 -nocrypt -in spelled.key -out spelled.pk8");
    bench.certify("spelled", "client.cnf", "365");
    for key in ["spelled.key", "spelled.pk8"] {
        words(bench.staged(key, "spelled.crt"), key, said);
        bench.run(&format!("ec -in {key} -param_enc named_curve -out named.key"));
        assert!(bench.staged("named.key", "spelled.crt").is_ok(), "{key}");
        words(bench.staged("ec.key", "spelled.crt"), "spelled.crt", "does not belong to any certificate");
    }
}

/// A file that was damaged or cut anywhere is refused in words, or read as what it was; nothing stops the reader.
#[test]
fn no_damage_stops_the_reader() {
    let bench = Bench::new();
    bench.run("pkcs12 -export -inkey ec.key -in ec.crt -iter 1 -passout stdin -out one.p12");
    bench.run("pkcs8 -topk8 -in ec.key -v2 aes-256-cbc -iter 1 -outform DER -passout stdin -out key.der");
    bench.run("crl2pkcs7 -nocrl -certfile ec.crt -outform DER -out chain.p7b");
    bench.run("x509 -in ec.crt -outform DER -out leaf.der");
    let (key, certificate) = (bench.read("ec.key"), bench.read("ec.crt"));
    let mut refused = 0;
    for name in ["one.p12", "key.der", "chain.p7b", "leaf.der", "ec.key", "ec.crt"] {
        let whole = bench.read(name);
        let damaged = (0..whole.len()).flat_map(|at| {
            let cut = whole.get(..at).unwrap().to_vec();
            let changed = [0x01, 0x80, 0xff].map(|bits| {
                let mut bytes = whole.clone();
                *bytes.get_mut(at).unwrap() ^= bits;
                bytes
            });
            changed.into_iter().chain([cut])
        });
        for bytes in damaged {
            let file = Handed { name, bytes: &bytes };
            let other = |bytes| Handed { name: "other", bytes };
            let passphrase = Some(PASSPHRASE.as_bytes());
            let read = match name {
                "one.p12" => Staged::read(file, file, passphrase),
                "key.der" | "ec.key" => Staged::read(file, other(&certificate), passphrase),
                _ => Staged::read(other(&key), file, passphrase),
            };
            refused += usize::from(read.is_err());
        }
    }
    assert!(refused > 5_000, "{refused}");
}

/// The bound is that of the file, however many stores stand in it. A MAC of a kind that is not known costs no work here, and
/// counts like any other.
#[test]
fn the_stores_of_a_file_are_bounded_together() {
    let bench = Bench::new();
    bench.run("pkcs12 -export -inkey ec.key -in ec.crt -keypbe NONE -certpbe NONE -macalg sha3-256 -iter 2000000 -passout stdin -out one.p12");
    let mut section = Zeroizing::new(Vec::new());
    pem::write(&mut section, "PKCS12", &bench.read("one.p12"));
    bench.write("one.pem", &section);
    for (count, taken) in [(3, true), (4, false)] {
        bench.join("many.pem", &vec!["one.pem"; count]);
        let read = bench.staged_with("many.pem", "ec.crt", Some(PASSPHRASE));
        match taken {
            true => assert!(read.is_ok(), "{read:?}"),
            false => words(read, "many.pem", "more than 6000000 rounds of its passphrase in all"),
        }
    }
}
