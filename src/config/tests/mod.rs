//! Promises of the configuration: what is refused and how it is told, and what the rows are for.

mod papers;

use super::*;

const FILE: &str = "/etc/kaspid/kaspid.toml";

/// The configuration of a file with this text, for tests.
pub(crate) fn written(text: &str) -> Configuration {
    parsed(text).unwrap()
}

fn parsed(text: &str) -> Result<Configuration, String> {
    Configuration::parse(text, Path::new(FILE)).map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_is_the_documented_default() {
    let config = written("");
    assert_eq!(config.kaspi.url.as_str(), "https://qrapi-cert-ip.kaspi.kz");
    assert!(config.kaspi.formerly.is_empty());
    assert_eq!((config.daemon.shop_id, config.payments.require_key, config.kaspi.dialect), (1, true, None));
    assert_eq!((config.follow.remote_sweep.len(), config.follow.rate), (3, 50));
}

/// Promise: a default can be meant, and reads like the same text in the file.
#[test]
fn every_default_can_be_written() {
    for section in SECTIONS.iter().filter(|section| !section.optional) {
        for row in section.rows {
            let Some(default) = row.default else { panic!("[{}] {} has no default", section.name, row.key) };
            let config = written(&format!("[{}]\n{} = {default}", section.name, row.key));
            // A file that only the default names may be missing.
            let same = config == written("") || row.key == "ca_file";
            assert!(same, "[{}] {} = {default}", section.name, row.key);
        }
    }
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_right_one() {
    let error = parsed("[daemon]\nsockett = \"x\"\n").unwrap_err();
    assert!(error.contains("sockett") && error.contains("did you mean `socket`"), "{error}");
    let error = parsed("[paymints]\n").unwrap_err();
    assert!(error.contains("did you mean `payments`"), "{error}");
}

/// Promise: a key in the wrong section is sent to its own.
#[test]
fn a_key_of_another_section_is_named_with_it() {
    let error = parsed("[limits]\nrate = 5\n").unwrap_err();
    assert!(error.contains("`rate` stands under [follow]"), "{error}");
}

#[test]
fn relative_paths_begin_at_the_file() {
    let config = written("[identity]\ncertificate_file = \"client.cer\"\nkey_file = \"/k/client.key\"\n");
    let identity = config.identity.unwrap();
    assert_eq!(identity.certificate_file, Path::new("/etc/kaspid/client.cer"));
    assert_eq!(identity.key_file, Path::new("/k/client.key"));
    assert_eq!(identity.passphrase_file, None);
}

#[test]
fn values_that_cannot_be_meant_are_refused_by_key() {
    for (text, key) in [
        ("[kaspi]\nurl = \"http://x\"", "url"),
        ("[kaspi]\nurl = \"https://x/r3\"", "url"),
        ("[kaspi]\nformerly = [\"http://x\"]", "formerly"),
        ("[kaspi]\nformerly = \"https://x\"", "formerly"),
        ("[kaspi]\nstatus_version = \"1\"", "status_version"),
        ("[payments]\nphone_prefix = \"+7\"", "phone_prefix"),
        ("[payments]\nrefund_settle = \"10s\"", "refund_settle"),
        ("[payments]\nmax_amount_tiyn = 0", "max_amount_tiyn: must be at least 1 (tiyn)"),
        ("[payments]\nsupersede = \"nobody\"", "expected `pay` or `admin`"),
        ("[limits]\nconnections = 0", "connections"),
        ("[limits]\nrate_per_uid = 0", "rate_per_uid: must be at least 1"),
        ("[verify]\nevery = \"59s\"", "every: must be at least 60s"),
        ("[follow]\nremote_sweep = \"never\"", "remote_sweep"),
        ("[follow]\nremote_sweep = [\"1h\", \"1s\"]", "remote_sweep: must be at least 60s"),
        ("[follow]\nrate = 0", "rate: must be from 1 to 100000 (reads a second)"),
        ("[follow]\nrate = 100001", "rate"),
        ("[daemon]\ntimezone = \"Mars/Base\"", "timezone"),
        ("[kaspi]\ntimeout = \"10\"", "timeout"),
        ("[kaspi]\ntimeout = \"999ms\"", "timeout: must be at least 1s"),
        ("[identity]\ncertificate_file = \"c\"", "[identity] key_file: must be written"),
        ("[access]\npay = [\"till\", \"! till\"]", "pay: \"! till\" is not a name"),
        ("[access]\npay = [\"!!till\"]", "pay: \"!!till\" is not a name"),
        ("[access]\npay = [\"@!tills\"]", "pay: \"@!tills\" is not a name"),
        ("[access]\nadmin = [\"!\"]", "admin: \"!\" is not a name"),
        ("[access]\nadmin = [\"\"]", "admin: \"\" is not a name"),
        ("[[access.shop]]\nwho = \"!till\"", "who = \"!till\" is not a name"),
        ("[identity]\n", "[identity] certificate_file: must be written"),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(error.contains(key), "{text}: {error}");
    }
}

/// Promise: a reload is told of each setting that differs, and of which only a restart changes.
#[test]
fn what_differs_is_named() {
    let (old, mut new) = (written(""), written("[limits]\nconnections = 7\n[follow]\nrate = 7"));
    let names = |rows: Vec<&SettingRow>| rows.iter().map(|row| (row.key, row.at_start)).collect::<Vec<_>>();
    assert_eq!(names(old.differing(&new)), [("connections", true), ("rate", false)]);
    new.keep_started(&old);
    assert_eq!(names(old.differing(&new)), [("rate", false)]);
    let named = written("[identity]\ncertificate_file = \"c\"\nkey_file = \"k\"");
    assert_eq!(names(old.differing(&named)), [("certificate_file", false)]);
}

/// Promise: a report for support has each setting, and neither a path nor a person.
#[test]
fn a_report_has_every_setting_and_names_nobody() {
    let config = written(
        "[daemon]\nsocket = \"/home/aigerim/s\"\n[access]\nadmin = [\"aigerim\", \"@tills\"]\n\
         shop = [{ who = \"aigerim\", bins = [\"891027350515\"] }]\n\
         [identity]\ncertificate_file = \"/home/aigerim/c\"\nkey_file = \"/home/aigerim/k\"",
    );
    let report = config.reported();
    for section in SECTIONS {
        for row in section.rows {
            assert!(report[section.name].get(row.key).is_some(), "[{}] {}", section.name, row.key);
        }
    }
    assert_eq!(report["access"]["admin"], serde_json::json!({"groups": ["@tills"], "users": 1}));
    let told = (&report["payments"]["phone_prefix"], &report["payments"]["max_amount_tiyn"], &report["follow"]["rate"]);
    assert_eq!(told, (&"7".into(), &100_000_000.into(), &50.into()));
    let text = report.to_string();
    assert!(!text.contains("aigerim") && !text.contains("891027350515"), "{text}");
}

/// Promise: what a set-up writes beside the file holds, the last word last, each path beginning at the file it stands in; and
/// what is wrong there is named with its own file.
#[test]
fn files_of_the_folder_are_read_behind_the_file() {
    let place = tempfile::tempdir().unwrap();
    let (file, folder) = (place.path().join("kaspid.toml"), place.path().join("conf.d"));
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    std::fs::write(&file, "[daemon]\nshop_id = 8\ntimezone = \"UTC\"\n[access]\npay = [\"a\", \"b\"]\n").unwrap();
    assert_eq!(Configuration::load(&file).unwrap().daemon.shop_id.to_string(), "8");
    std::fs::create_dir(&folder).unwrap();
    write("10-shop.toml", "[daemon]\nshop_id = 9\n[kaspi]\nca_file = \"ca.crt\"\n");
    write("20-late.toml", "[daemon]\nshop_id = 10\n[access]\npay = [\"c\"]\n");
    for name in [".20.toml", "30.toml~", "30.toml.dpkg-old", "readme"] {
        write(name, "no TOML");
    }
    std::fs::write(folder.join("ca.crt"), "").unwrap();
    let config = Configuration::load(&file).unwrap();
    assert_eq!((config.daemon.shop_id.to_string(), config.daemon.timezone.iana_name()), ("10".to_owned(), Some("UTC")));
    assert_eq!(config.kaspi.ca_file, Some(folder.join("ca.crt")));
    assert_eq!(config.access, written("[access]\npay = [\"c\"]").access);
    nix::unistd::mkfifo(&folder.join("30.toml"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    let error = Configuration::load(&file).unwrap_err().to_string();
    assert!(error.contains("30.toml: it is not a file"), "{error}");
    std::fs::remove_file(folder.join("30.toml")).unwrap();
    // A file that narrows one user leaves others as narrow as they were.
    let narrow = |who: &str, shop| format!("[[access.shop]]\nwho = \"{who}\"\nshops = [{shop}]\n");
    write("10-shop.toml", &narrow("a", 8));
    write("20-late.toml", &narrow("b", 9));
    assert_eq!(
        Configuration::load(&file).unwrap().access.shop,
        written(&(narrow("a", 8) + &narrow("b", 9))).access.shop
    );
    for wrong in ["[daemon]\nshop = 1", "[payments]\nrefund_settle = \"1s\"", "[limits]\nrate_per_uid = 0", "[daemon"] {
        write("20-late.toml", wrong);
        let error = Configuration::load(&file).unwrap_err().to_string();
        assert!(error.contains("conf.d/20-late.toml"), "{error}");
    }
}
