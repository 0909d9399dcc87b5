//! Each payment, each refund and each fall that was not ours is in exactly one day, and days add up to their range,
//! whatever the bank's clock and ours say.

use jiff::tz::{TimeZone, offset};
use jiff::{Span, Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::support::behaviour::{Till, behave, paid};
use crate::support::clock::Clock;
use crate::support::daemon::Home;
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::{Door, exchange};
use crate::support::scripted_bank::{BIN, ScriptedBank};

const STATUS: &str = "/r3/v01/payment/status/";
const DETAILS: &str = "/r3/v01/payment/details";
const QUIET: &str = "[payments]\none_per_invoice = false\n[follow]\nremote_sweep = \"off\"";

/// The day in Almaty so long from now.
fn day(from_now: Span) -> String {
    let at = Timestamp::now() + from_now;
    at.to_zoned_datetime(TimeZone::fixed(offset(5))).date().to_string()
}

/// An invoice that the bank says was paid at `date`, looked at: its id.
#[track_caller]
fn sold(till: &Till, tiyn: u64, date: Option<&str>) -> String {
    let body = json!({"kind": "remote", "amount_tiyn": tiyn, "phone_number": "77015211545"});
    let payment = till.daemon.door.post("/v1/payments", &body).expect(201);
    let (id, qr) = (payment["id"].as_str().unwrap(), payment["qr_payment_id"].as_str().unwrap());
    till.bank.answer_for("GET", &format!("{STATUS}{qr}"), qr, paid(Dialect::Bank));
    says(till, qr, tiyn, tiyn, date);
    assert_eq!(till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "paid");
    id.to_owned()
}

/// What the bank's details of a payment say from now on.
fn says(till: &Till, qr: &str, tiyn: u64, left: u64, date: Option<&str>) {
    let date = date.map(|date| format!(",\"TransactionDate\":\"{date}\"")).unwrap_or_default();
    let tenge = |tiyn: u64| format!("{}.{:02}", tiyn / 100, tiyn % 100);
    let (total, left) = (tenge(tiyn), tenge(left));
    let body = format!(
        r#"{{"Data":{{"QrPaymentId":{qr},"TotalAmount":{total},"AvailableReturnAmount":{left}{date}}},"StatusCode":0}}"#
    );
    till.bank.answer_for("GET", DETAILS, qr, Answer::json(body));
}

/// payments, taken, refunds, refunded, refunded elsewhere, net of all organisations.
fn sums(organizations: &Value) -> [i64; 6] {
    let fields = ["payments", "taken_tiyn", "refunds", "refunded_tiyn", "refunded_elsewhere_tiyn", "net_tiyn"];
    fields.map(|field| {
        let found = organizations.as_array().unwrap().iter().map(|found| found[field].as_i64().unwrap());
        found.sum()
    })
}

#[track_caller]
fn of_day(door: &Door, day: &str) -> [i64; 6] {
    sums(&door.get(&format!("/v1/reports/day?date={day}")).expect(200)["organizations"])
}

/// The sums of a range, which are those of its days, and of its day reports asked for one by one.
#[track_caller]
fn of_range(door: &Door, from: i64, to: i64) -> [i64; 6] {
    let name = |days: i64| day((days * 24).hours());
    let range = door.get(&format!("/v1/reports/range?from={}&to={}", name(from), name(to))).expect(200);
    let whole = sums(&range["organizations"]);
    let add = |all: [i64; 6], one: [i64; 6]| std::array::from_fn(|field| all[field] + one[field]);
    let days = range["days"].as_array().unwrap().iter().map(|day| sums(&day["organizations"]));
    assert_eq!(days.fold([0; 6], add), whole, "the days of a range are not the range: {range}");
    let begun = (from..=to).filter(|days| {
        let answer = door.get(&format!("/v1/reports/day?date={}", name(*days)));
        // A day that lies ahead of everything that is known is refused.
        answer.status == 200 || {
            assert!(*days > 0, "{}", answer.text());
            false
        }
    });
    let each = begun.map(|days| of_day(door, &name(days)));
    assert_eq!(each.fold([0; 6], add), whole, "day reports are not the range: {range}");
    whole
}

/// The bank dates a payment two days before and two days after our clock, and hundreds of events stand between: each is
/// in its day and in no other.
#[test]
fn a_payment_is_in_the_day_of_its_date_however_far_from_our_clock() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    let crowd = || {
        for number in 0..300 {
            let body = json!({"kind": "remote", "amount_tiyn": 100 + number, "phone_number": "77015211545"});
            door.post("/v1/payments", &body).expect(201);
        }
    };
    crowd();
    let (before, after) = (day(-48.hours()), day(48.hours()));
    sold(&till, 10_000, Some(&format!("{before}T12:00:00.000+05:00")));
    sold(&till, 20_000, Some(&format!("{after}T12:00:00.000+05:00")));
    let refunded = sold(&till, 40_000, Some(&format!("{before}T00:00:00.000+05:00")));
    door.post(&format!("/v1/payments/{refunded}/refunds"), &json!({"amount_tiyn": 5_000})).expect(200);
    crowd();
    assert_eq!(of_day(door, &before), [2, 50_000, 0, 0, 0, 50_000]);
    assert_eq!(of_day(door, &after), [1, 20_000, 0, 0, 0, 20_000]);
    assert_eq!(of_day(door, &day(0.hours())), [0, 0, 1, 5_000, 0, -5_000]);
    assert_eq!(of_range(door, -5, 5), [3, 70_000, 1, 5_000, 0, 65_000]);
    // Where nothing is booked, a day ahead has not begun.
    door.get(&format!("/v1/reports/day?date={}", day((24 * 6).hours()))).problem("invalid_request");
    let verified = door.get("/v1/log/verify?rebuild=true").expect(200);
    assert_eq!(verified["differences"], json!([]));
}

/// The wall clock is set back and forth by days between sales, refunds and money that went back elsewhere.
#[test]
fn days_add_up_while_our_clock_is_set() {
    let (clock, bank) = (Clock::new(1), ScriptedBank::start());
    behave(&bank, Dialect::Bank);
    let home = Home::new(&bank, QUIET);
    let daemon = clock.start(&home);
    daemon.door.enrol(BIN);
    let till = Till { daemon, home, bank };
    let door = &till.daemon.door;
    let day_in_seconds = 24 * 3600;
    let mut taken = 0;
    for (number, by) in [0, 3, -5, 4, -2, 1, -4, 3].into_iter().enumerate() {
        clock.set_wall(by * day_in_seconds);
        let tiyn = 10_000 + u64::try_from(number).unwrap();
        let date = (number % 2 == 0).then(|| format!("{}T12:00:00.000+05:00", day((24 * by).hours())));
        let id = sold(&till, tiyn, date.as_deref());
        clock.set_wall(-by * day_in_seconds * 2);
        door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 300})).expect(200);
        let payment = door.get(&format!("/v1/payments/{id}")).expect(200);
        // In the Kaspi Pay app 7 tenge went back: seen by the next refund's reading.
        let qr = payment["qr_payment_id"].as_str().unwrap();
        says(&till, qr, tiyn, tiyn - 300 - 700, date.as_deref());
        clock.set_wall(by * day_in_seconds);
        door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 100})).expect(200);
        taken += i64::try_from(tiyn).unwrap();
    }
    // The clock is where the sum of all settings has put it: today.
    let all = of_range(door, -20, 20);
    assert_eq!(all, [8, taken, 16, 8 * 400, 8 * 700, taken - 8 * 1_100]);
    let till = till.crash();
    assert_eq!(of_range(&till.daemon.door, -20, 20), all);
}

/// What an earlier system's log tells counts too: a refund in it on its day, and its payment on the day it was billed,
/// since nobody knows when it was paid.
#[test]
fn what_an_earlier_log_tells_is_counted_once() {
    let till = Till::open(Dialect::Bank, QUIET);
    till.bank.answer_for("GET", &format!("{STATUS}900000000002"), "900000000002", paid(Dialect::Bank));
    says(&till, "900000000002", 7_000, 7_000, Some("2025-01-02T09:00:00.000+05:00"));
    let log = format!(
        "operation_type,external_id,organization_bin,amount,status,created_at\n\
         create,900000000001,{BIN},10000,success,2025-01-01 10:00:00\n\
         refund,900000000001,{BIN},2500,success,2025-01-03 10:00:00\n\
         refund,900000000001,{BIN},500,success,2025-01-04 10:00:00\n\
         create,900000000002,{BIN},7000,success,2025-01-01 10:00:00\n"
    );
    let head = format!(
        "POST /v1/import/log HTTP/1.1\r\nHost: kaspid\r\nConnection: close\r\nContent-Type: text/csv\r\nContent-Length: {}\r\n\r\n",
        log.len()
    );
    exchange(till.daemon.door.connect(), &[head.as_bytes(), log.as_bytes()].concat()).unwrap().expect(200);
    let door = &till.daemon.door;
    assert_eq!(of_day(door, "2025-01-01"), [1, 10_000, 0, 0, 0, 10_000]);
    assert_eq!(of_day(door, "2025-01-03"), [0, 0, 1, 2_500, 0, -2_500]);
    assert_eq!(of_day(door, "2025-01-04"), [0, 0, 1, 500, 0, -500]);
    // A bill of it that the bank says was paid counts on the bank's date.
    let seen = door.get("/v1/payments/900000000002").expect(200);
    assert_eq!(of_day(door, "2025-01-02"), [1, 7_000, 0, 0, 0, 7_000], "{seen}");
    let range = door.get("/v1/reports/range?from=2024-12-01&to=2025-02-01").expect(200);
    assert_eq!(sums(&range["organizations"]), [2, 17_000, 2, 3_000, 0, 14_000]);
}
