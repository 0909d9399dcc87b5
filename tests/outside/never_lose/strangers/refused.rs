//! Logs that are refused, with the line and what to do.

use super::Stranger;
use super::writers::{COLUMNS, Writer, bare, doubled, json_lines, rows};
use crate::support::behaviour::Till;
use crate::support::fixture::Dialect;
use crate::support::scripted_bank::BIN;

const CSV: Writer = Writer { separator: ",", end: "\n", header: true, none: "", value: doubled };

/// Python's QUOTE_ALL.
const CSV_ALL: Writer = Writer { value: super::writers::all, none: "\"\"", ..CSV };

/// "ошибка" and the end of its line.
const KOI8: &[u8] = b"\xCF\xDB\xC9\xC2\xCB\xC1\n";

/// A column of so many bytes was too short for the last letter of a text.
fn cut_off(csv: &str) -> Vec<u8> {
    let (before, behind) = csv.split_once("связи").unwrap();
    [before.as_bytes(), "связ".as_bytes(), b"\xD0", behind.as_bytes()].concat()
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
}

/// The Russian letters of a text, in an encoding where `а` has this number and the rest follow.
fn one_byte(text: &str, first: u32) -> Vec<u8> {
    let byte = |c: char| if c.is_ascii() { u32::from(c) } else { u32::from(c) - 0x430 + first };
    text.chars().map(|c| u8::try_from(byte(c)).unwrap()).collect()
}

/// The line that is refused, and the file.
fn files() -> Vec<(u64, Stranger)> {
    let csv = CSV.write(&rows(1));
    let row = |cells: &str| format!("operation_type,external_id,organization_bin,amount,status,created_at\n{cells}\n");
    let good = format!("create,2,{BIN},100,success,2025-01-01 10:00:00");
    let with = |old: &str, new: &str| row(&good.replace(old, new));
    let excel = format!("\u{feff}{}\r\n", COLUMNS.join(";").replace("amount", "amount_tenge"));
    vec![
        (1, Stranger::new("Excel, Unicode text", utf16(&csv, u16::to_le_bytes), "UTF-16")),
        (1, Stranger::new("UTF-16, big end first", utf16(&csv, u16::to_be_bytes), "iconv -f UTF-16")),
        (
            1,
            Stranger::new(
                "UTF-16 without a mark",
                csv.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
                "UTF-16",
            ),
        ),
        (
            2,
            Stranger::new(
                "Excel, CSV",
                one_byte(&row(&(good.clone() + "\nнет связи")).replace("100", "связи"), 0xE0),
                "CP1251",
            ),
        ),
        (2, Stranger::new("a DOS program", one_byte(&with("success", "нет"), 0xA0), "CP866")),
        (
            1,
            Stranger::new(
                "UTF-16 without a mark, big end first",
                csv.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>(),
                "iconv -f UTF-16BE",
            ),
        ),
        (
            1,
            Stranger::new(
                "UTF-32",
                csv.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect::<Vec<_>>(),
                "UTF-32LE",
            ),
        ),
        (3, Stranger::new("an old Unix program", [row("").as_bytes(), KOI8].concat(), "iconv -f KOI8-R")),
        (4, Stranger::new("a text that was cut off in a letter", cut_off(&csv), "UTF-8 but for one broken letter")),
        (2, Stranger::new("mysql --raw, a BIT of 0", with(",100,", ",\0,"), "leave --raw out")),
        (
            4,
            Stranger::new(
                "all in quotes, a backslash",
                CSV_ALL.write(&rows(1)).replace("нет \"\"связи\"\", ", ""),
                "in value 9 can be part of it or not",
            ),
        ),
        (1, Stranger::new("Excel workbook", b"PK\x03\x04\x14\0".to_vec(), "CSV UTF-8")),
        (1, Stranger::new("Excel workbook of old", b"\xD0\xCF\x11\xE0\xA1\xB1".to_vec(), "CSV UTF-8")),
        (1, Stranger::new("gzip", b"\x1F\x8B\x08\0".to_vec(), "zcat FILE |")),
        (1, Stranger::new("SQLite database", b"SQLite format 3\0\x10".to_vec(), "sqlite3 -csv -header")),
        (1, Stranger::new("mysqldump", "-- MySQL dump 10.19\n--\n", "mysql --batch")),
        (1, Stranger::new("pg_dump", "--\n-- PostgreSQL database dump\n--\n", "\\copy")),
        (1, Stranger::new("pg_dump -Fc", b"PGDMP\x01\x0E".to_vec(), "\\copy")),
        (1, Stranger::new("statements", "INSERT INTO kaspi_pay_log VALUES (1);\n", "it is SQL")),
        (
            1,
            Stranger::new(
                "mysql for people",
                "+----+---------+\n| id | shop_id |\n+----+---------+\n",
                "mysql --batch",
            ),
        ),
        (1, Stranger::new("psql for people", " id | shop_id \n----+---------\n  1 |       8\n", "\\copy")),
        (1, Stranger::new("phpMyAdmin XML", "<?xml version=\"1.0\"?>\n", "HTML or XML")),
        (1, Stranger::new("a backup of kaspid", "{\"kaspid_backup\":1,\"layout\":2}\n", "kaspictl restore")),
        (1, Stranger::new("nothing", "", "the file is empty")),
        (1, Stranger::new("blank lines", "\r\n\r\n", "the file is empty")),
        (1, Stranger::new("a header alone", COLUMNS.join(",") + "\n", "no row behind the header")),
        (1, Stranger::new("a header alone, CR", COLUMNS.join(",") + "\r", "no row behind the header")),
        (1, Stranger::new("an empty list", "[]", "no row")),
        (1, Stranger::new("no header, other columns", "1,8,create\n", "has not the 10 columns")),
        (
            1,
            Stranger::new(
                "no header, another order",
                csv.split_once('\n').unwrap().1.replace(",create,", ",").replace(",success,", ",success,create,"),
                "is no operation_type",
            ),
        ),
        (
            1,
            Stranger::new(
                "no header, first a status row",
                format!("1,status,8,,900,{BIN},1,success,,2025-01-01 10:00:00\n"),
                "is no shop_id",
            ),
        ),
        (
            1,
            Stranger::new(
                "a header without what is needed",
                csv.replace("created_at", "when"),
                "does not name created_at",
            ),
        ),
        (1, Stranger::new("a column twice", csv.replace("shop_id", "id"), "names id twice")),
        (1, Stranger::new("our own export for Excel", excel, "without --excel")),
        (2, Stranger::new("long numbers by a spreadsheet", with(",2,", ",1.27E+10,"), "external_id: ")),
        (
            2,
            Stranger::new(
                "the same, by its cause",
                with(",2,", ",1.27E+10,"),
                "a spreadsheet has made an inexact number",
            ),
        ),
        (2, Stranger::new("an amount by pandas", with(",100,", ",15000.0,"), "may be in tenge or in tiyn")),
        (2, Stranger::new("a number by pandas", with(",2,", ",12737694350.0,"), "without a point and zeros")),
        (2, Stranger::new("an amount by a spreadsheet", with(",100,", ",1E+05,"), "inexact number")),
        (2, Stranger::new("a BIN without its zeros", with(BIN, "40740005347"), "takes zeros before a number away")),
        (2, Stranger::new("a BIN with a typing error", with(BIN, "891027350516"), "last digit")),
        (2, Stranger::new("amounts in tenge", with(",100,", ",150.50,"), "150.50 tenge is 15050")),
        (
            2,
            Stranger::new(
                "dates of a spreadsheet",
                with("2025-01-01 10:00:00", "01.01.2025 10:00"),
                "write 2026-11-24 18:00:00",
            ),
        ),
        (
            2,
            Stranger::new(
                "a date of zeros where one is needed",
                with("2025-01-01 10:00:00", "0000-00-00 00:00:00"),
                "created_at is missing",
            ),
        ),
        (2, Stranger::new("a day that there is not", with("2025-01-01", "2025-02-30"), "created_at: ")),
        (2, Stranger::new("a word that is no operation", with("create", "SECRET"), "operation_type: ")),
        (
            3,
            Stranger::new(
                "a row that is cut off",
                row(&format!("{good}\ncreate,3,{BIN}")),
                "it has 3 values and the header 6",
            ),
        ),
        (2, Stranger::new("a quote left open", row(&good.replace("create", "\"create")), "a quote is left open")),
        (2, Stranger::new("text behind a quote", row(&good.replace("create", "\"cre\"ate")), "behind a closing quote")),
        (
            3,
            Stranger::new(
                "JSON lines that are cut off",
                json_lines(&rows(1)).rsplit_once('"').unwrap().0.to_owned(),
                "has no end",
            ),
        ),
        (
            1,
            Stranger::new(
                "a list that is cut off",
                format!("[{}", json_lines(&rows(1)).lines().next().unwrap()),
                "the list has no end",
            ),
        ),
        (1, Stranger::new("a list of lists", "[[1,2]]", "not a JSON object")),
        (
            1,
            Stranger::new(
                "an object that names a column twice",
                "{\"status\":\"success\",\"Status\":\"failed\"}\n",
                "names status twice",
            ),
        ),
        (3, Stranger::new("a backslash that can be read in two ways", two_ways(), "does not tell which")),
    ]
}

/// Comma-separated, without a header and without anything absent: MySQL's escapes, or plain text?
fn two_ways() -> String {
    let writer = Writer { separator: ",", end: "\n", header: false, none: "", value: bare };
    let full = rows(7).into_iter().map(|cells| cells.map(|cell| cell.or(Some("7".to_owned()))));
    writer.write(&full.collect::<Vec<_>>()).replace("нет \"связи\", ", "")
}

#[test]
fn what_cannot_be_read_is_refused_by_line_and_with_what_to_do() {
    let till = Till::open(Dialect::Bank, "");
    let files = files();
    for (line, file) in &files {
        file.is_refused(&till, "log", *line);
    }
    eprintln!("{} files", files.len());
}
