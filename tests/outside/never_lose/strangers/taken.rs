//! Logs that are taken in, row by row the same whoever wrote them.

use std::process::Command;

use serde_json::json;

use super::writers::{Writer, all, bare, doubled, enclosed, escaped, json_lines, message, objects, optionally, rows};
use super::{Stranger, messages};
use crate::support::behaviour::Till;
use crate::support::fixture::Dialect;
use crate::support::scripted_bank::BIN;

const CSV: Writer = Writer { separator: ",", end: "\n", header: true, none: "", value: doubled };
const OUTFILE: Writer = Writer { separator: "\t", end: "\n", header: false, none: "\\N", value: escaped };
const EXCEL: Writer = Writer { separator: ";", end: "\r\n", header: true, none: "", value: doubled };

/// The text of a writer's file about a payment of this number.
fn writers() -> Vec<(&'static str, Writer, &'static str)> {
    vec![
        ("mysql INTO OUTFILE, mysqldump --tab", OUTFILE, "tabs, backslash escapes and no quotes, \\N"),
        ("mysql --batch", Writer { header: true, none: "NULL", ..OUTFILE }, "NULL, \\N or nothing"),
        (
            "mysql --batch on Windows",
            Writer { header: true, none: "NULL", end: "\r\n", ..OUTFILE },
            "lines end with CRLF",
        ),
        (
            "mysql FIELDS TERMINATED BY ',' ENCLOSED BY '\"'",
            Writer { separator: ",", value: enclosed, ..OUTFILE },
            "values in quotes with backslash",
        ),
        (
            "the same, OPTIONALLY ENCLOSED",
            Writer { separator: ",", value: optionally, ..OUTFILE },
            "values in quotes with backslash",
        ),
        (
            "the same, LINES TERMINATED BY '\\r\\n'",
            Writer { separator: ",", end: "\r\n", value: enclosed, ..OUTFILE },
            "CRLF, no header",
        ),
        (
            "mysql ENCLOSED, semicolons",
            Writer { separator: ";", value: enclosed, ..OUTFILE },
            "semicolons, values in quotes",
        ),
        ("phpMyAdmin CSV", Writer { separator: ";", none: "NULL", value: all, ..CSV }, "semicolons, quotes doubled"),
        ("psql \\copy CSV HEADER", CSV, "commas, quotes doubled inside of quotes"),
        ("psql \\copy CSV", Writer { header: false, ..CSV }, "no header (the guide's columns in its order)"),
        ("psql \\copy CSV NULL '\\N'", Writer { none: "\\N", ..CSV }, "quotes doubled"),
        ("psql \\copy CSV FORCE QUOTE *", Writer { value: all, ..CSV }, "quotes doubled"),
        ("psql \\copy text", OUTFILE, "backslash escapes"),
        ("psql -A", Writer { separator: "|", value: bare, ..CSV }, "bars, neither quotes nor escapes"),
        ("psql -A -F tab", Writer { separator: "\t", value: bare, ..CSV }, "tabs, neither quotes nor escapes"),
        ("sqlite3 -csv -header", Writer { end: "\r\n", ..CSV }, "CRLF, a header"),
        ("sqlite3 -csv", Writer { end: "\r\n", header: false, ..CSV }, "CRLF, no header"),
        ("sqlite3 -list -header", Writer { separator: "|", value: bare, ..CSV }, "bars"),
        (
            "sqlite3 -list",
            Writer { separator: "|", header: false, value: bare, ..CSV },
            "bars, neither quotes nor escapes",
        ),
        ("sqlite3 -tabs", Writer { separator: "\t", header: false, value: bare, ..CSV }, "tabs, neither quotes"),
        ("LibreOffice, semicolons", Writer { end: "\n", ..EXCEL }, "semicolons, quotes doubled"),
        ("Excel, text with tabs", Writer { separator: "\t", ..EXCEL }, "tabs, quotes doubled"),
        ("a Mac of old", Writer { end: "\r", ..CSV }, "lines end with CR, a header"),
    ]
}

/// Files that need more than a writer.
fn others(number: u64) -> Vec<(&'static str, String, &'static str)> {
    let (table, csv) = (rows(number), CSV.write(&rows(number)));
    let upside_down = csv.replace("operation_type", "OPERATION_TYPE").replace("created_at", " \"Created_At\"".trim());
    vec![
        ("Excel, CSV UTF-8", format!("\u{feff}{}", EXCEL.write(&table)), "a byte order mark: semicolons"),
        (
            "Excel, tabs with a mark",
            format!("\u{feff}{}", Writer { separator: "\t", ..EXCEL }.write(&table)),
            "mark: tabs, quotes",
        ),
        (
            "two marks, and spaces that nobody sees",
            format!("\u{feff}\u{feff}{}", EXCEL.write(&table).replacen("status", "\u{a0}status\u{a0}", 1)),
            "a byte order mark: semicolons",
        ),
        (
            "texts of digits, a spreadsheet's way",
            EXCEL
                .write(&table)
                .replace(BIN, &format!("\"=\"\"{BIN}\"\"\""))
                .replace(&format!(";{number};"), &format!(";=\"{number}\";")),
            "semicolons, quotes doubled",
        ),
        ("Python, QUOTE_ALL", Writer { none: "\"\"", value: all, ..CSV }.write(&table), "commas, quotes doubled"),
        ("no line end behind the last row", csv.trim_end().to_owned(), "commas"),
        ("blank lines between rows", csv.replace('\n', "\n\n\r\n"), "commas"),
        ("a header in capitals and quotes", upside_down, "a header"),
        ("psql text with its end mark", OUTFILE.write(&table) + "\\.\n", "tabs, backslash escapes"),
        ("JSON lines", json_lines(&table), "one object after the other"),
        ("JSON lines with a mark", format!("\u{feff}{}", json_lines(&table)), "a byte order mark: one object"),
        ("sqlite3 -json, a list on one line", serde_json::to_string(&objects(&table)).unwrap(), "a list of objects"),
        (
            "a list that is printed prettily",
            serde_json::to_string_pretty(&objects(&table)).unwrap(),
            "a list of objects",
        ),
        (
            "objects that are printed prettily",
            objects(&table).iter().map(|it| format!("{it:#}\n")).collect(),
            "one object after",
        ),
    ]
}

/// Whoever wrote it: three rows, one payment, its refund, the text of the failure to the letter, and the sums.
#[test]
fn logs_are_read_as_they_were_written() {
    let till = Till::open(Dialect::Bank, "");
    let mut number = 900_000_000_000;
    let mut next = || {
        number += 1;
        number
    };
    let mut files: Vec<(u64, Stranger)> = Vec::new();
    for (name, writer, says) in writers() {
        let number = next();
        files.push((number, Stranger::new(name, writer.write(&rows(number)), says)));
    }
    for place in 0..others(0).len() {
        let number = next();
        let (name, text, says) = others(number).swap_remove(place);
        files.push((number, Stranger::new(name, text, says)));
    }
    for (number, file) in &files {
        let answer = file.import(&till, "log");
        assert_eq!(answer.status, 200, "{}: {}", file.name, answer.text());
        let said = answer.json();
        assert_eq!((&said["imported"], &said["adopted"]), (&json!(3), &json!(1)), "{}: {said}", file.name);
        let understood = said["understood"].as_str().unwrap();
        assert!(understood.contains(file.says), "{} is {understood:?} and not {:?}", file.name, file.says);
        let sum = json!({"rows": 3, "payments": 1, "billed_tiyn": 15_050, "refunded_tiyn": 5_000});
        assert_eq!(said["sums"], json!([{"organization_bin": BIN, "file": sum, "taken_in": sum}]), "{}", file.name);
        let payment = till.daemon.door.get(&format!("/v1/payments/{number}")).expect(200);
        assert_eq!(
            (&payment["amount_tiyn"], &payment["refunded_tiyn"]),
            (&json!(15_050), &json!(5_000)),
            "{}",
            file.name
        );
        file.tell(understood, "taken in");
        // And again: nothing is new.
        let again = file.import(&till, "log").expect(200);
        assert_eq!((&again["imported"], &again["skipped"]), (&json!(0), &json!(3)), "{}: {again}", file.name);
        assert_eq!(again["sums"][0]["taken_in"]["rows"], 0, "{again}");
    }
    let found = messages(&till);
    for (number, file) in &files {
        assert!(found.contains(&message(*number)), "{}: its text is not in {found:#?}", file.name);
    }
    eprintln!("{} files", files.len());
}

/// What the real program writes, in each of its modes.
#[test]
fn logs_of_the_real_sqlite_are_read() {
    let till = Till::open(Dialect::Bank, "");
    let quoted =
        |cell: &Option<String>| cell.as_ref().map_or("NULL".to_owned(), |it| format!("'{}'", it.replace('\'', "''")));
    let modes: [&[&str]; 7] = [
        &["-csv", "-header"],
        &["-csv"],
        &["-list", "-header"],
        &["-list"],
        &["-tabs"],
        &["-tabs", "-header"],
        &["-json"],
    ];
    for (number, mode) in (910_000_000_001..).zip(modes) {
        let rows = rows(number);
        let lines = rows.iter().map(|row| format!("({})", row.iter().map(quoted).collect::<Vec<_>>().join(",")));
        let values = lines.collect::<Vec<_>>().join(",");
        let columns = super::writers::COLUMNS.join(",");
        let sql = format!(
            "CREATE TABLE kaspi_pay_log({columns}); INSERT INTO kaspi_pay_log VALUES {values}; SELECT * FROM kaspi_pay_log"
        );
        let Ok(output) = Command::new("sqlite3").args(mode).args([":memory:", &sql]).output() else {
            return eprintln!("SKIPPED: needs sqlite3");
        };
        assert!(output.status.success(), "{output:?}");
        let file = Stranger::new("sqlite3", output.stdout, "");
        let answer = file.import(&till, "log");
        assert_eq!(answer.status, 200, "{mode:?}: {}", answer.text());
        let said = answer.json();
        assert_eq!((&said["imported"], &said["adopted"]), (&json!(3), &json!(1)), "{mode:?}: {said}");
        assert!(messages(&till).contains(&message(number)), "{mode:?}: {said}");
        file.tell(said["understood"].as_str().unwrap(), "taken in");
    }
}

/// What PostgreSQL 15 has written (tests/fixtures/files), with a line end and a tab inside of a text.
#[test]
fn logs_of_the_real_postgresql_are_read() {
    let till = Till::open(Dialect::Bank, "");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/files/postgresql-");
    let file =
        |name: &'static str, says| Stranger::new(name, std::fs::read(format!("{folder}{name}.txt")).unwrap(), says);
    for (name, says) in [
        ("csv-header", "commas, quotes doubled"),
        ("csv", "no header"),
        ("text", "tabs, backslash escapes"),
        ("csv-semicolons", "semicolons, quotes doubled"),
        ("csv-forced", "quotes doubled"),
        ("text-bars", "bars, backslash escapes"),
        ("csv-tabs", "tabs, quotes doubled"),
    ] {
        let file = file(name, says);
        let said = file.import(&till, "log").expect(200);
        assert_eq!(
            (&said["imported"], &said["adopted"]),
            (&json!(if name == "csv-header" { 3 } else { 2 }), &json!(1)),
            "{name}: {said}"
        );
        assert!(said["understood"].as_str().unwrap().contains(says), "{name}: {said}");
        file.tell(said["understood"].as_str().unwrap(), "taken in");
    }
    // The failed row is the same in all of them, so it was taken in once: each file has brought the same text.
    assert_eq!(
        messages(&till).iter().filter(|text| text.contains("связи")).collect::<Vec<_>>(),
        ["нет \"связи\", путь C:\\new;\nстрока 2\tтаб"]
    );
    file("for-people", "prints for people").is_refused(&till, "log", 1);
    file("unaligned", "it has 1 values and the header 10").is_refused(&till, "log", 4);
}
