//! Files out: what each format looks like to whom it is for, and which of them come back.

use std::process::Command;

use serde_json::json;

use super::Stranger;
use super::writers::{Writer, doubled, message, rows};
use crate::support::behaviour::Till;
use crate::support::fixture::Dialect;
use crate::support::scripted_bank::BIN;

/// A daemon with a log in which a text looks like a formula.
fn with_a_log() -> Till {
    let till = Till::open(Dialect::Bank, "");
    let mut table = rows(900_000_000_001);
    let mut formula = table[2].clone();
    formula[0] = Some("4".to_owned());
    formula[8] = Some("=HYPERLINK(\"http://example.invalid\")".to_owned());
    table.push(formula);
    let csv = Writer { separator: ",", end: "\n", header: true, none: "", value: doubled };
    Stranger::new("a log", csv.write(&table), "").import(&till, "log").expect(200);
    till
}

fn kaspictl(till: &Till, args: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    let output = command.arg("--socket").arg(till.daemon.socket()).args(args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// CSV and JSON lines come back row by row, a formula as the text it is; the file for Excel is for Excel.
#[test]
fn what_leaves_comes_back_or_says_that_it_does_not() {
    let till = with_a_log();
    let csv = String::from_utf8(kaspictl(&till, &["log", "export"])).unwrap();
    assert!(csv.starts_with("id,shop_id,") && csv.contains("\"'=HYPERLINK("), "{csv}");
    let lines = String::from_utf8(kaspictl(&till, &["log", "export", "--format", "jsonl"])).unwrap();
    assert!(lines.contains("\"=HYPERLINK("), "{lines}");
    for (name, text) in [("our CSV", &csv), ("our JSON lines", &lines)] {
        // Rows of a daemon of its own are none of Kaspi's.
        let of_kaspi = |line: &&str| {
            line.starts_with("id,")
                || ["create", "refund"]
                    .iter()
                    .any(|it| line.contains(&format!(",{it},")) || line.contains(&format!("\"{it}\"")))
        };
        let text: String = text.lines().filter(of_kaspi).map(|line| format!("{line}\n")).collect();
        let other = Till::open(Dialect::Bank, "");
        let file = Stranger::new(name, text, "");
        let said = file.import(&other, "log").expect(200);
        assert_eq!((&said["imported"], &said["adopted"]), (&json!(4), &json!(1)), "{name}: {said}");
        let found = super::messages(&other);
        assert!(found.contains(&message(900_000_000_001)), "{name}: {found:?}");
        assert!(found.iter().any(|text| text.starts_with("=HYPERLINK(")), "{name}: {found:?}");
        file.tell(said["understood"].as_str().unwrap(), "comes back");
    }
    // A key that a spreadsheet would take for a date.
    let sale = format!(r#"{{"kind":"qr","amount_tiyn":10000,"organization_bin":"{BIN}"}}"#);
    till.daemon.door.send("POST", "/v1/payments", &[("Idempotency-Key", "1-2")], Some(&sale)).expect(201);
    let excel = kaspictl(&till, &["log", "export", "--excel"]);
    let text = String::from_utf8(excel.clone()).unwrap();
    assert!(text.starts_with("\u{feff}id;shop_id;") && text.contains(";amount_tenge;"), "{text}");
    let wanted = format!(";\"=\"\"900000000001\"\"\";\"=\"\"{BIN}\"\"\";150,50;success;;2025-01-02 10:00:00;");
    assert!(
        text.contains(&wanted)
            && text.contains(";\"=\"\"1-2\"\"\";")
            && text.contains("'=HYPERLINK(")
            && text.contains("\r\n"),
        "{text}"
    );
    Stranger::new("our export for Excel", excel, "without --excel").is_refused(&till, "log", 1);
}

/// What is told to a person: how the file was read, and its sums beside those that were new.
#[test]
fn kaspictl_says_what_was_understood_and_the_sums() {
    let till = Till::open(Dialect::Bank, "");
    let file = till.home.path().join("log.txt");
    let outfile = Writer { separator: "\t", end: "\n", header: false, none: "\\N", value: super::writers::escaped };
    std::fs::write(&file, outfile.write(&rows(900_000_000_001))).unwrap();
    for new in ["3", "0"] {
        let said = String::from_utf8(kaspictl(&till, &["import", "log", file.to_str().unwrap()])).unwrap();
        let line = |begin: &[&str]| said.lines().any(|line| begin.iter().all(|part| line.contains(part)));
        let looked =
            String::from_utf8(kaspictl(&till, &["import", "log", "--dry-run", file.to_str().unwrap()])).unwrap();
        assert!(looked.contains("without --dry-run does it"), "{looked}");
        assert!(line(&["read as", "tabs, backslash escapes", "no header"]), "{said}");
        assert!(line(&[BIN, "in the file", "3", "150.50"]) && line(&[BIN, "taken in", new]), "{said}");
    }
    std::fs::write(&file, "1;8;SECRET\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    let output = command.arg("--socket").arg(till.daemon.socket()).args(["import", "log"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("line 1: ") && !said.contains("SECRET"), "{said}");
    assert!(said.matches("is no header").count() == 1 && said.contains("1 row of the file is not good"), "{said}");
}
