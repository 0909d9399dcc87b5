//! The accountant's statement (architecture §5, §7): each payment and each refund on one line, and sums that are those of the
//! report, of the log and of the bank's books.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::day_reports::{
    OTHER, QUIET, day_of, details, invoice, looked_at, part, pays, seen_in_part, today, yesterday,
};
use crate::doors::rights::{as_nobody, as_nobody_text};
use crate::support::behaviour::Till;
use crate::support::chance::{Chance, seed};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::Door;
use crate::support::scripted_bank::BIN;

const COLUMNS: [&str; 12] = [
    "at",
    "organization_bin",
    "organization",
    "kind",
    "invoice",
    "amount",
    "state",
    "who",
    "qr_payment_id",
    "payment_id",
    "refund_id",
    "comment",
];

/// The lines of a statement as JSON, and behind them its sums.
#[track_caller]
fn lines(door: &Door, query: &str) -> (Vec<Value>, Vec<Value>) {
    let answer = door.get(&format!("/v1/statement?format=jsonl&{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let all = answer.text().lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    let at = all.iter().position(|line| line["at"] == "total").unwrap_or(all.len());
    assert!(all[at..].iter().all(|line| line["at"] == "total"), "sums come last");
    (all[..at].to_vec(), all[at..].to_vec())
}

/// Tenge as written, in tiyn; nothing where there is none.
fn tiyn(amount: &Value) -> i64 {
    let Some(text) = amount.as_str() else { return 0 };
    let (whole, rest) = text.split_once('.').unwrap();
    assert_eq!(rest.len(), 2, "{text}");
    format!("{whole}{rest}").parse().unwrap()
}

fn sum_of(lines: &[Value], bin: &str) -> i64 {
    lines.iter().filter(|line| line["organization_bin"] == bin).map(|line| tiyn(&line["amount"])).sum()
}

/// What the bank has of an organisation on a day, in tiyn.
type Books = BTreeMap<(String, String), i64>;

/// A shop's month: payments of two organisations on thirty days, with refunds, declines, lost answers and money that goes back
/// in the app. What was booked, and the ids of what there is.
fn month(till: &Till, chance: &Chance) -> (Books, BTreeSet<String>) {
    let door = &till.daemon.door;
    let (mut books, mut ids) = (Books::new(), BTreeSet::new());
    let mut book = |bin: &str, day: String, tiyn: i64| *books.entry((bin.to_owned(), day)).or_default() += tiyn;
    for _ in 0..40 {
        let bin = [BIN, OTHER][usize::from(chance.below(3) == 0)];
        let amount = 100 + chance.below(1_000_000);
        if chance.below(8) == 0 {
            till.bank.answer("POST", "/r3/v01/remote/create", Answer::page(502, "Bad Gateway"));
            let body = json!({"kind": "remote", "amount_tiyn": amount, "phone_number": "77015211545", "organization_bin": bin});
            let lost = door.post("/v1/payments", &body).problem("outcome_unknown");
            ids.insert(lost["payment"].as_str().unwrap().to_owned());
            crate::support::behaviour::behave(&till.bank, Dialect::Bank);
            continue;
        }
        let (id, qr) = invoice(door, bin, amount);
        ids.insert(id.clone());
        if chance.below(5) == 0 {
            door.post(&format!("/v1/payments/{id}/cancel"), &json!({})).expect(200);
            continue;
        }
        let hours = i64::try_from(chance.below(29 * 24)).unwrap();
        let at = Timestamp::now() - (hours + 1).hours();
        let clock = at.to_zoned_datetime(jiff::tz::TimeZone::fixed(jiff::tz::offset(5)));
        let date = clock.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        pays(till, &qr, amount, Some(&date));
        assert_eq!(looked_at(door, &id)["state"], "paid");
        book(bin, day_of(at), i64::try_from(amount).unwrap());
        let back = 1 + chance.below(amount / 2);
        match chance.below(3) {
            0 => {
                let refunds = format!("/v1/payments/{id}/refunds");
                let payment = door.post(&refunds, &json!({"amount_tiyn": back})).expect(200);
                ids.insert(payment["refunds"][0]["id"].as_str().unwrap().to_owned());
                book(bin, today(), -i64::try_from(back).unwrap());
            }
            // In the app; seen when a refund reads the balance.
            1 => {
                details(till, &qr, amount, amount - back, None);
                let too_much = json!({"amount_tiyn": amount});
                door.post(&format!("/v1/payments/{id}/refunds"), &too_much).problem("refund_exceeds_balance");
                book(bin, today(), -i64::try_from(back).unwrap());
            }
            _ => {}
        }
    }
    (books, ids)
}

/// Promise: lines, their sums, the report and the bank's books say the same of any days of a month, and each payment and each
/// refund stands on one line of one day.
#[test]
fn a_month_adds_up_everywhere() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    door.post("/v1/configs", &json!({"organization_bin": OTHER, "description": "=Shop; two"})).expect(201);
    let seed = seed();
    let chance = Chance::new(u64::try_from(seed).unwrap());
    let (books, ids) = month(&till, &chance);
    let days: Vec<String> = (0..31).rev().map(|ago| day_of(Timestamp::now() - (ago * 24).hours())).collect();
    let mut met = BTreeSet::new();
    for day in &days {
        let (lines, _) = lines(door, &format!("from={day}&to={day}"));
        for line in &lines {
            let id = line["refund_id"].as_str().or(line["payment_id"].as_str()).unwrap();
            let is_elsewhere = line["kind"] == "refund" && line["refund_id"].is_null();
            assert!(is_elsewhere || met.insert(id.to_owned()), "{seed}: twice: {line}");
            assert!(line["at"].as_str().unwrap().starts_with(day.as_str()), "{line} is of {day}");
        }
    }
    // A refund that was refused for the balance is one that failed: its line has no money.
    assert!(met.is_superset(&ids), "{seed}: missing {:?}", ids.difference(&met).collect::<Vec<_>>());
    for _ in 0..12 {
        let (one, other) = (chance.below(31), chance.below(31));
        let [from, to] = [one.min(other), one.max(other)].map(|day| &days[usize::try_from(day).unwrap()]);
        let (lines, totals) = lines(door, &format!("from={from}&to={to}"));
        let report = door.get(&format!("/v1/reports/range?from={from}&to={to}")).expect(200);
        assert_eq!(totals.len(), report["organizations"].as_array().unwrap().len(), "{seed}");
        assert!(lines.windows(2).all(|pair| pair[0]["at"].as_str() <= pair[1]["at"].as_str()), "in the order of time");
        for total in &totals {
            let bin = total["organization_bin"].as_str().unwrap();
            let booked = books.iter().filter(|((whose, day), _)| whose == bin && (from..=to).contains(&day));
            let booked: i64 = booked.map(|(_, tiyn)| tiyn).sum();
            let net = part(&report, bin)["net_tiyn"].as_i64().unwrap();
            let sums = [tiyn(&total["amount"]), sum_of(&lines, bin), net];
            assert_eq!(sums, [booked; 3], "{seed}: {bin} from {from} to {to}");
        }
    }
}

/// Promise: a line says what the contract says of it, in each format alike: times with the shop's offset, tenge with two
/// digits, who it was, and nothing that a spreadsheet would run.
#[test]
fn a_line_is_what_it_says() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    let body = json!({"kind": "remote", "amount_tiyn": 15_050, "phone_number": "77015211545", "invoice": "007",
                      "comment": "=1+1"});
    let sale = door.post("/v1/payments", &body).expect(201);
    let (id, qr) = (sale["id"].as_str().unwrap(), sale["qr_payment_id"].as_str().unwrap());
    pays(&till, qr, 15_050, Some(&format!("{}T09:30:00.000+05:00", yesterday())));
    looked_at(door, id);
    let refund = door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 50})).expect(200);
    let (open, _) = invoice(door, BIN, 700);
    let (lines, totals) = lines(door, &format!("from={}", yesterday()));
    let who = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
    let who = String::from_utf8(who).unwrap().trim().to_owned();
    let line = |at: usize, fields: Value| {
        for (name, value) in fields.as_object().unwrap() {
            assert_eq!(&lines[at][name], value, "{name} of {}", lines[at]);
        }
    };
    line(
        0,
        json!({"at": format!("{}T09:30:00.000+05:00", yesterday()), "organization_bin": BIN, "kind": "remote",
               "invoice": "007", "amount": "150.50", "state": "paid", "who": who, "qr_payment_id": qr,
               "payment_id": id, "refund_id": null, "comment": "=1+1"}),
    );
    let refund = &refund["refunds"][0];
    line(
        1,
        json!({"kind": "refund", "amount": "-0.50", "state": "success", "who": who, "payment_id": id,
               "refund_id": refund["id"]}),
    );
    line(2, json!({"kind": "remote", "amount": null, "state": "waiting", "payment_id": open}));
    assert_eq!((lines.len(), totals.len(), &totals[0]["amount"]), (3, 1, &json!("150.00")));
    assert!(lines[1]["at"].as_str().unwrap().ends_with("+05:00"));

    let answer = door.get(&format!("/v1/statement?from={}", yesterday()));
    assert_eq!(answer.header("content-type"), Some("text/csv"));
    let mut reader = csv::Reader::from_reader(answer.body.as_slice());
    assert_eq!(reader.headers().unwrap(), &COLUMNS[..]);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    for (row, line) in rows.iter().zip(lines.iter().chain(&totals)) {
        for (cell, name) in row.iter().zip(COLUMNS) {
            let expected = line[name].as_str().unwrap_or_default();
            let expected = if expected == "=1+1" { "'=1+1" } else { expected };
            assert_eq!(cell, expected, "{name}");
        }
    }
    assert_eq!(rows.len(), 4);
    // For Excel in Russian: a byte order mark, semicolons, a decimal comma, and numbers of sales that stay as they are.
    let excel = door.get(&format!("/v1/statement?from={}&format=excel&lang=ru", yesterday())).text();
    assert!(excel.starts_with("\u{feff}Время;БИН;Организация;Вид;"), "{excel}");
    for cell in
        [";\"=\"\"007\"\"\";150,50;оплачен;", ";-0,50;возвращён;", "Итого;", ";\"=\"\"=1+1\"\"\"\r\n", ";;ждёт оплаты;"]
    {
        assert!(excel.contains(cell), "{cell} in {excel}");
    }
    let kazakh = door.get("/v1/statement?format=excel&lang=kk").text();
    assert!(kazakh.contains("Уақыты;БСН;") && kazakh.contains("Барлығы;"), "{kazakh}");
}

/// Promise: without days it is the month so far; what means nothing is refused in words, and kaspictl writes the same.
#[test]
fn the_days_are_the_readers() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    let (id, _) = invoice(door, BIN, 10_000);
    let first = format!("{}-01", &today()[..7]);
    let month = door.get("/v1/statement").text();
    assert!(month.contains(&id));
    assert_eq!(month, door.get(&format!("/v1/statement?from={first}&to=today")).text());
    for (query, word) in [
        ("from=tomorrow", "2026-11-24"),
        ("from=today&to=yesterday", "is after"),
        ("from=2020-01-01", "at most 366 days"),
        ("from=9999-12-30&to=9999-12-30", "has not begun"),
        ("format=xlsx", "excel"),
        ("lang=ru", "format=excel"),
        ("lang=de", "ru"),
        ("month=11", "month"),
    ] {
        let problem = door.get(&format!("/v1/statement?{query}")).problem("invalid_request");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{query}: {problem}");
    }
    door.get(&format!("/v1/statement?bin={OTHER}")).problem("not_found");
    // A month that runs may be asked for by a day that lies ahead.
    let last = today().parse::<jiff::civil::Date>().unwrap().last_of_month();
    assert_eq!(month, door.get(&format!("/v1/statement?to={last}")).text());
    let file = till.home.path().join("month.csv");
    let kaspictl = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
        let command = command.args(args).env("KASPID_SOCKET", till.daemon.socket()).env("LC_ALL", "ru_RU.UTF-8");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(kaspictl(&["statement"]), month);
    kaspictl(&["statement", "--excel", "-o", file.to_str().unwrap()]);
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written, door.get("/v1/statement?format=excel&lang=ru").text());
    let api = kaspictl(&["statement", "--from", "today", "--bin", BIN, "--api"]);
    assert!(api.contains("http://kaspid/v1/statement") && api.contains(&format!("bin={BIN}")), "{api}");
}

/// Promise: what a customer has paid a moment ago stands in the statement as it does in the report, and what Kaspi could not be
/// asked about is said.
#[test]
fn open_payments_are_asked_about() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    let (_, qr) = invoice(door, BIN, 10_000);
    pays(&till, &qr, 10_000, None);
    let (paid, totals) = lines(door, "from=today");
    assert_eq!((&paid[0]["state"], &totals[0]["amount"]), (&json!("paid"), &json!("100.00")));
    let told = json!({"kind": "remote", "amount_tiyn": 700, "phone_number": "77015211545", "comment": "Roses"});
    let told = door.post("/v1/payments", &told).expect(201);
    pays(&till, told["qr_payment_id"].as_str().unwrap(), 900, None);
    let (seen, _) = lines(door, "from=today");
    let words = "Kaspi names another amount: not counted; Roses";
    assert!(seen.iter().any(|line| line["comment"] == words && line["amount"].is_null()), "{seen:?}");
    invoice(door, BIN, 20_000);
    till.bank.answer("GET", "/r3/v01/payment/status/*", Answer::page(502, "Bad Gateway"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    let output = command.args(["statement"]).env("KASPID_SOCKET", till.daemon.socket()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("Kaspi could not be asked about 1 open payment"), "{said}");
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_kaspictl"))
        .args(["statement"])
        .env("KASPID_SOCKET", till.daemon.socket())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1), "what is asked for again is no unknown outcome: {ended:?}");
}

/// Promise: a statement is of what its reader sees, and needs `audit`.
#[test]
fn a_statement_is_of_what_the_caller_sees() {
    let Some(till) = seen_in_part() else { return };
    let door = &till.daemon.door;
    for bin in [BIN, OTHER] {
        let (id, qr) = invoice(door, bin, 10_000);
        pays(&till, &qr, 10_000, None);
        looked_at(door, &id);
    }
    let (status, text) = as_nobody_text(&till, "GET", "/v1/statement?format=csv", None);
    assert_eq!(status, 200, "{text}");
    assert!(text.contains(OTHER) && !text.contains(BIN), "{text}");
    assert_eq!(as_nobody(&till, "GET", &format!("/v1/statement?bin={BIN}"), None).0, 404);
    till.home.change("[access]\naudit = [\"root\"]");
    door.post("/v1/reload", &json!({})).expect(200);
    assert_eq!(as_nobody(&till, "GET", "/v1/statement", None).0, 403);
}
