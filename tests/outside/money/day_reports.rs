//! What a day brought (architecture §5 to §7): each sum is of the shop's day, of what the caller sees, and of the log.

use std::process::Command;
use std::time::{Duration, Instant};

use jiff::tz::{TimeZone, offset};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::doors::rights::{as_nobody, open_to_all};
use crate::support::behaviour::{Till, paid};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::Door;
use crate::support::scripted_bank::BIN;

pub(crate) const OTHER: &str = "210440028324";
const STATUS: &str = "/r3/v01/payment/status/";
const DETAILS: &str = "/r3/v01/payment/details";

/// Invoices of one amount may repeat, and nothing but the tests looks at them.
pub(crate) const QUIET: &str = "[payments]\none_per_invoice = false\n[follow]\nremote_sweep = \"off\"";

/// The day that `at` is in Almaty, reckoned without kaspid.
pub(crate) fn day_of(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::fixed(offset(5))).date().to_string()
}

pub(crate) fn today() -> String {
    day_of(Timestamp::now())
}

pub(crate) fn yesterday() -> String {
    day_of(Timestamp::now() - 24.hours())
}

/// An invoice of `tiyn` for an organisation, and its QrPaymentId.
#[track_caller]
pub(crate) fn invoice(door: &Door, bin: &str, tiyn: u64) -> (String, String) {
    let body = json!({"kind": "remote", "amount_tiyn": tiyn, "phone_number": "77015211545", "organization_bin": bin});
    let payment = door.post("/v1/payments", &body).expect(201);
    let text = |field: &str| payment[field].as_str().unwrap().to_owned();
    (text("id"), text("qr_payment_id"))
}

/// From now on Kaspi says that it was paid, and when.
pub(crate) fn pays(till: &Till, qr: &str, tiyn: u64, date: Option<&str>) {
    till.bank.answer_for("GET", &format!("{STATUS}{qr}"), qr, paid(Dialect::Bank));
    details(till, qr, tiyn, tiyn, date);
}

pub(crate) fn details(till: &Till, qr: &str, tiyn: u64, left: u64, date: Option<&str>) {
    let date = date.map(|date| format!(",\"TransactionDate\":\"{date}\"")).unwrap_or_default();
    let tenge = |tiyn: u64| format!("{}.{:02}", tiyn / 100, tiyn % 100);
    let (total, left) = (tenge(tiyn), tenge(left));
    let body = format!(
        r#"{{"Data":{{"QrPaymentId":{qr},"TotalAmount":{total},"AvailableReturnAmount":{left}{date}}},"StatusCode":0}}"#
    );
    till.bank.answer_for("GET", DETAILS, qr, Answer::json(body));
}

#[track_caller]
pub(crate) fn looked_at(door: &Door, id: &str) -> Value {
    door.get(&format!("/v1/payments/{id}")).expect(200)
}

/// An organisation's part of a report.
#[track_caller]
pub(crate) fn part<'r>(report: &'r Value, bin: &str) -> &'r Value {
    let all = report["organizations"].as_array().unwrap();
    all.iter().find(|found| found["organization_bin"] == bin).unwrap_or_else(|| panic!("no {bin} in {report}"))
}

#[track_caller]
fn day(door: &Door, date: &str) -> Value {
    part(&door.get(&format!("/v1/reports/day?date={date}")).expect(200), BIN).clone()
}

/// payments, taken, refunds, refunded, refunded elsewhere, net.
fn sums(found: &Value) -> [i64; 6] {
    ["payments", "taken_tiyn", "refunds", "refunded_tiyn", "refunded_elsewhere_tiyn", "net_tiyn"]
        .map(|field| found[field].as_i64().unwrap_or_else(|| panic!("no {field} in {found}")))
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().filter_map(|line| line["id"].as_str()).collect()
}

/// A day is 00:00 to 24:00 in Almaty: a payment of the last millisecond and one of midnight are of two days. A refund
/// counts when it was asked for, not on the day of its payment. A range is its days together.
#[test]
fn a_day_is_the_shops_and_a_refund_has_a_time_of_its_own() {
    let till = Till::open(Dialect::Bank, QUIET);
    let (door, today, yesterday) = (&till.daemon.door, today(), yesterday());
    let late = invoice(door, BIN, 10_000);
    pays(&till, &late.1, 10_000, Some(&format!("{yesterday}T23:59:59.999+05:00")));
    let early = invoice(door, BIN, 20_050);
    pays(&till, &early.1, 20_050, Some(&format!("{today}T00:00:00.000+05:00")));
    let undated = invoice(door, BIN, 7);
    pays(&till, &undated.1, 7, None);
    let seen = [&late, &early, &undated].map(|(id, _)| looked_at(door, id));
    assert_eq!(seen.each_ref().map(|payment| &payment["paid_at_source"]), ["bank", "bank", "seen"]);
    door.post(&format!("/v1/payments/{}/refunds", late.0), &json!({"amount_tiyn": 4_000})).expect(200);
    assert_eq!(sums(&day(door, &yesterday)), [1, 10_000, 0, 0, 0, 10_000]);
    let now = day(door, &today);
    assert_eq!(sums(&now), [2, 20_057, 1, 4_000, 0, 16_057]);
    assert_eq!(now["by_kind"]["remote"], json!({"payments": 2, "taken_tiyn": 20_057}));
    assert_eq!(now["by_paid_at_source"]["seen"], json!({"payments": 1, "taken_tiyn": 7}));
    assert_eq!(now["by_paid_at_source"]["bank"], json!({"payments": 1, "taken_tiyn": 20_050}));
    let range = door.get(&format!("/v1/reports/range?from={yesterday}&to={today}")).expect(200);
    assert_eq!(sums(part(&range, BIN)), [3, 30_057, 1, 4_000, 0, 26_057]);
    let each: Vec<_> =
        range["days"].as_array().unwrap().iter().map(|day| (&day["date"], sums(part(day, BIN)))).collect();
    let expected = [(json!(yesterday), [1, 10_000, 0, 0, 0, 10_000]), (json!(today), [2, 20_057, 1, 4_000, 0, 16_057])];
    assert_eq!(each, expected.each_ref().map(|(date, sums)| (date, *sums)));
}

/// The head on a report is one that the log still has, and refunds add up to those of the export.
#[test]
fn a_report_is_the_logs() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    for (tiyn, back) in [(10_000, 2_500), (20_000, 1), (30_000, 30_000)] {
        let (id, qr) = invoice(door, BIN, tiyn);
        pays(&till, &qr, tiyn, None);
        looked_at(door, &id);
        door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": back})).expect(200);
    }
    let range = door.get("/v1/reports/range?from=yesterday").expect(200);
    let export = door.get("/v1/log/export?format=jsonl").text();
    let rows = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let refunds: Vec<i64> = rows
        .filter(|row| row["operation_type"] == "refund" && row["status"] == "success")
        .map(|row| row["amount"].as_i64().unwrap())
        .collect();
    let found = sums(part(&range, BIN));
    assert_eq!((found[2], found[3]), (3, refunds.iter().sum()));
    assert_eq!((found[1], found[5]), (60_000, 60_000 - 32_501));
    let head = range["head"].as_str().unwrap();
    let verified = door.get(&format!("/v1/log/verify?head={head}")).expect(200);
    assert_eq!((&verified["ok"], &verified["head_matches"]), (&json!(true), &json!(true)));
    let (seq, _) = head.split_once(':').unwrap();
    assert_eq!(seq, verified["events"].to_string(), "the head is the end of the log");
}

/// A day report asks once for each open payment of that day (architecture §6.6), and what it learns stands in it. Asked again at
/// once it answers from memory; a range asks nothing.
#[test]
fn a_report_asks_once_for_what_is_open() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    let (open, open_qr) = invoice(door, BIN, 10_000);
    let (done, done_qr) = invoice(door, BIN, 5_000);
    pays(&till, &done_qr, 5_000, None);
    let asked = || [&open_qr, &done_qr].map(|qr| till.bank.seen_at("GET", &format!("{STATUS}{qr}"), qr).len());
    let range = door.get("/v1/reports/range?from=yesterday").expect(200);
    assert_eq!((asked(), ids(&part(&range, BIN)["open"]).len()), ([0, 0], 2));
    let report = door.get("/v1/reports/day").expect(200);
    let found = part(&report, BIN);
    assert_eq!((asked(), ids(&found["open"])), ([1, 1], vec![open.as_str()]), "{found}");
    assert_eq!((sums(found)[0], sums(found)[1]), (1, 5_000), "{done} is paid: {found}");
    assert!(found["open"][0]["not_asked"].is_null());
    door.get("/v1/reports/day").expect(200);
    assert_eq!(asked(), [1, 1]);
}

/// A bank that does not answer holds a report up for a bounded time, and the report says for which payments it could
/// not ask; also a moment later, when it does not ask again.
#[test]
fn a_report_does_not_wait_for_a_dead_bank() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    // More than are asked about at one time.
    let open: Vec<String> = (0..10).map(|number| invoice(door, BIN, 100 + number).0).collect();
    till.bank.hold();
    let begun = Instant::now();
    let found = day(door, &today());
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    let not_asked = |found: &Value| {
        let lines = found["open"].as_array().unwrap();
        lines.iter().filter(|line| line["not_asked"].as_str().is_some_and(|why| !why.is_empty())).count()
    };
    assert_eq!((ids(&found["open"]).len(), not_asked(&found)), (open.len(), open.len()), "{found}");
    assert_eq!(sums(&found)[1], 0);
    till.bank.release();
}

/// What may have been paid does not vanish: a lost create and one that was given up stand in the report of the day.
#[test]
fn what_may_have_been_paid_is_shown() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    till.bank.answer("POST", "/r3/v01/remote/create", Answer::page(502, "Bad Gateway"));
    let lost: Vec<String> = [10_000, 20_000]
        .map(|tiyn| {
            let body = json!({"kind": "remote", "amount_tiyn": tiyn, "phone_number": "77015211545"});
            door.post("/v1/payments", &body).problem("outcome_unknown")["payment"].as_str().unwrap().to_owned()
        })
        .to_vec();
    let resolve = json!({"abandon": true, "reason": "the customer paid cash"});
    door.post(&format!("/v1/payments/{}/resolve", lost[0]), &resolve).expect(200);
    let found = day(door, &today());
    let lines = found["unknown"].as_array().unwrap();
    assert!(lines.iter().all(|line| line["may_have_been_paid"] == true), "{found}");
    let mut states: Vec<_> = lines.iter().map(|line| (line["id"].as_str().unwrap(), &line["state"])).collect();
    states.sort_by_key(|(id, _)| *id);
    let mut expected = vec![(lost[0].as_str(), &json!("abandoned")), (lost[1].as_str(), &json!("unknown"))]
        .into_iter()
        .map(|(id, state)| (id, state.clone()))
        .collect::<Vec<_>>();
    expected.sort_by(|a, b| a.0.cmp(b.0));
    assert_eq!(states, expected.iter().map(|(id, state)| (*id, state)).collect::<Vec<_>>());
    assert_eq!(sums(&found), [0; 6], "nothing is counted that nobody knows");
}

/// Paid after it was called over: counted by the bank's date, and listed both there and on the day it was found.
#[test]
fn a_late_payment_is_listed_where_it_is_counted_and_where_it_was_found() {
    let till = Till::open(Dialect::Bank, QUIET);
    let (door, today, yesterday) = (&till.daemon.door, today(), yesterday());
    let (id, qr) = invoice(door, BIN, 10_000);
    door.post(&format!("/v1/payments/{id}/cancel"), &json!({})).expect(200);
    pays(&till, &qr, 10_000, Some(&format!("{yesterday}T12:00:00.000+05:00")));
    assert_eq!(looked_at(door, &id)["late"], true);
    let (then, now) = (day(door, &yesterday), day(door, &today));
    assert_eq!((sums(&then)[1], ids(&then["late"])), (10_000, vec![id.as_str()]));
    assert_eq!((sums(&now)[1], ids(&now["late"])), (0, vec![id.as_str()]));
}

/// Money that went back in the Kaspi Pay app is counted when kaspid sees it, each tiyn once; an adopted payment
/// counts on the day the bank says, however long before it was taken in.
#[test]
fn what_went_back_elsewhere_is_counted_once() {
    let till = Till::open(Dialect::Bank, QUIET);
    let (door, today) = (&till.daemon.door, today());
    let (qr, before) = ("12700000001", day_of(Timestamp::now() - (40 * 24).hours()));
    till.bank.answer_for("GET", &format!("{STATUS}{qr}"), qr, paid(Dialect::Bank));
    details(&till, qr, 50_000, 45_000, Some(&format!("{before}T12:00:00.000+05:00")));
    let adopted = door.post("/v1/payments/adopt", &json!({"qr_payment_id": qr, "organization_bin": BIN})).expect(201);
    let id = adopted["id"].as_str().unwrap();
    details(&till, qr, 50_000, 30_000, None);
    door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 10_000})).expect(200);
    assert_eq!(sums(&day(door, &before)), [1, 50_000, 0, 0, 0, 50_000]);
    assert_eq!(sums(&day(door, &today)), [0, 0, 1, 10_000, 20_000, -30_000]);
    let payment = looked_at(door, id);
    let range = door.get(&format!("/v1/reports/range?from={before}")).expect(200);
    let found = sums(part(&range, BIN));
    assert_eq!(payment["refunded_elsewhere_tiyn"], found[4]);
    assert_eq!(found[5], 20_000, "what is left of the payment");
}

/// A refund of which nobody knows is listed and not counted.
#[test]
fn a_refund_in_doubt_is_listed_and_not_counted() {
    let till = Till::open(Dialect::Guide, QUIET);
    let door = &till.daemon.door;
    let (id, qr) = invoice(door, BIN, 10_000);
    till.bank.answer_for("GET", &format!("{STATUS}{qr}"), &qr, paid(Dialect::Guide));
    looked_at(door, &id);
    till.bank.answer("POST", "/r3/v01/payment/refund/", Answer::page(502, "Bad Gateway"));
    door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 3_000})).problem("outcome_unknown");
    let found = day(door, &today());
    assert_eq!(sums(&found), [1, 10_000, 0, 0, 0, 10_000]);
    let refund = &found["refunds_pending"][0];
    assert_eq!((&refund["payment"], &refund["amount_tiyn"]), (&json!(id), &json!(3_000)), "{found}");
}

/// A shop whose user 65534 has `audit` of [`OTHER`] and of nothing else; none where that user has no name.
pub(crate) fn seen_in_part() -> Option<Till> {
    let name = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(65534)).unwrap().map(|user| user.name);
    let Some(name) = name else {
        eprintln!("SKIPPED: user 65534 has no name here");
        return None;
    };
    let till = open_to_all(&format!(
        "[access]\naudit = [\"root\", \"{name}\"]\n[[access.shop]]\nwho = \"{name}\"\nbins = [\"{OTHER}\"]\n{QUIET}"
    ))?;
    till.daemon.door.post("/v1/configs", &json!({"organization_bin": OTHER})).expect(201);
    Some(till)
}

/// A caller sees the report of what it may see: `audit` is needed and enough, another shop's organisation is not
/// there, and the views of an organisation are the same for all who see it.
#[test]
fn a_report_is_of_what_the_caller_sees() {
    let Some(till) = seen_in_part() else { return };
    let door = &till.daemon.door;
    for (bin, tiyn) in [(BIN, 10_000), (OTHER, 300), (OTHER, 4_000)] {
        let (id, qr) = invoice(door, bin, tiyn);
        pays(&till, &qr, tiyn, None);
        looked_at(door, &id);
    }
    invoice(door, BIN, 999);
    let asked = till.bank.seen().len();
    let (status, report) = as_nobody(&till, "GET", "/v1/reports/day", None);
    assert_eq!((status, report["organizations"].as_array().unwrap().len()), (200, 1), "{report}");
    assert_eq!(till.bank.seen().len(), asked, "asked for another's open payment");
    assert_eq!((sums(part(&report, OTHER))[0], sums(part(&report, OTHER))[1]), (2, 4_300));
    let all = door.get("/v1/reports/day").expect(200);
    assert_eq!(part(&all, OTHER), part(&report, OTHER));
    assert_eq!(sums(part(&all, BIN))[1], 10_000);
    for target in [format!("/v1/reports/day?bin={BIN}"), format!("/v1/reports/range?from=today&bin={BIN}")] {
        let (status, problem) = as_nobody(&till, "GET", &target, None);
        assert_eq!((status, &problem["code"]), (404, &json!("not_found")), "{target}");
    }
    till.home.change("[access]\naudit = [\"root\"]");
    door.post("/v1/reload", &json!({})).expect(200);
    assert_eq!(as_nobody(&till, "GET", "/v1/reports/day", None).0, 403);
}

/// What is no day, no range and no organisation of ours is refused in words.
#[test]
fn a_question_that_means_nothing_is_refused() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    for (query, word) in [
        ("day?date=2026-02-30", "2026-11-24"),
        ("day?date=tomorrow", "2026-11-24"),
        ("day?date=9999-12-30", "has not begun"),
        ("day?day=today", "day"),
        ("range", "from"),
        ("range?from=today&to=yesterday", "is after"),
        ("range?from=2024-01-01&to=yesterday", "at most 366 days"),
        ("range?from=yesterday&to=", "2026-11-24"),
    ] {
        let problem = door.get(&format!("/v1/reports/{query}")).problem("invalid_request");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{query}: {problem}");
    }
    // A month that is still running may be named by its last day.
    let month = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let range = format!("range?from={}&to={}", month.first_of_month(), month.last_of_month().tomorrow().unwrap());
    door.get(&format!("/v1/reports/{range}")).expect(200);
    door.get(&format!("/v1/reports/day?bin={OTHER}")).problem("not_found");
    door.get("/v1/reports/day?bin=123").problem("invalid_request");
}

/// `kaspictl report` is the same report over the other encoding, and for people it has sums in tenge and a command
/// for each thing to do.
#[test]
fn kaspictl_shows_the_report() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    let (id, qr) = invoice(door, BIN, 1_250_050);
    pays(&till, &qr, 1_250_050, None);
    looked_at(door, &id);
    let (_, open) = invoice(door, BIN, 999);
    let kaspictl = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_kaspictl"))
            .args(args)
            .env("KASPID_SOCKET", till.daemon.socket())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let json: Value = serde_json::from_str(&kaspictl(&["report", "--json"])).unwrap();
    assert_eq!(json, door.get("/v1/reports/day").expect(200));
    let range: Value = serde_json::from_str(&kaspictl(&["report", "--from", "yesterday", "--json"])).unwrap();
    assert_eq!(range, door.get("/v1/reports/range?from=yesterday").expect(200));
    let text = kaspictl(&["report", "--date", "today", "--bin", BIN]).replace('\u{a0}', " ");
    let head = json["head"].as_str().unwrap();
    for words in ["12 500.50 ₸", "OPEN", &format!("kaspictl payment show {open}"), head] {
        assert!(text.contains(words), "no {words:?} in:\n{text}");
    }
}
