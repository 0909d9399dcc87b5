//! Devices (architecture §6.8): one flight per (BIN, trade point) whoever asks, no loop against a refusal that only a person
//! can end, and a token that an admin brings.

use serde_json::{Value, json};

use crate::support::behaviour::Till;
use crate::support::fixture::{Answer, Dialect};
use crate::support::scripted_bank::{BIN, TOKEN};
use crate::watch::trade_points::{remote, text};

const REGISTER: &str = "/r3/v01/device/register";
const CREATE: &str = "/r3/v01/remote/create";
const POINTS: &str = "/r3/v01/partner/tradepoints/891027350515";

fn refusal(code: i64) -> Answer {
    Answer::json(format!(r#"{{"StatusCode":{code},"Message":"-"}}"#))
}

fn token(token: &str) -> Answer {
    Answer::json(format!(r#"{{"Data":{{"DeviceToken":"{token}"}},"StatusCode":0}}"#))
}

fn registered(till: &Till) -> usize {
    till.bank.seen_at("POST", REGISTER, "").len()
}

fn created(till: &Till) -> usize {
    till.bank.seen_at("POST", CREATE, "").len()
}

fn rows(till: &Till, operation: &str) -> Vec<Value> {
    let log = till.daemon.door.get(&format!("/v1/log?operation={operation}")).expect(200);
    log["rows"].as_array().unwrap().clone()
}

/// Sends ten requests at once and gives their answers. The bank holds its own back until all ten have sent it this.
fn at_once(till: &Till, (method, path): (&str, &str), ask: impl Fn() -> u16 + Sync) -> Vec<u16> {
    till.bank.hold();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..10).map(|_| scope.spawn(&ask)).collect();
        till.bank.wait_for(method, path, 10);
        till.bank.release();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn enrol_at_once(till: &Till) -> Vec<u16> {
    at_once(till, ("GET", POINTS), || till.daemon.door.post("/v1/configs", &json!({"organization_bin": BIN})).status)
}

/// Ten enrolments of one BIN at the same time register one device, and one of them is the one that made it.
#[test]
fn ten_enrolments_at_once_register_once() {
    let till = Till::bare(Dialect::Bank, "");
    let mut answers = enrol_at_once(&till);
    answers.sort_unstable();
    assert_eq!(answers, [[200; 9].as_slice(), &[201]].concat());
    assert_eq!(registered(&till), 1);
    assert_eq!(rows(&till, "register").len(), 1);
    till.daemon.door.post(&format!("/v1/configs/{BIN}/register"), &json!({})).expect(200);
    assert_eq!(registered(&till), 2, "an admin who asks later asks anew");
}

/// The same when Kaspi refuses: all ten are told, Kaspi was asked once.
#[test]
fn ten_refused_enrolments_at_once_ask_once() {
    let till = Till::bare(Dialect::Bank, "");
    till.bank.answer("POST", REGISTER, refusal(-1503));
    let answers = enrol_at_once(&till);
    assert_eq!((answers, registered(&till)), (vec![502; 10], 1));
}

/// Ten tills find their token gone at the same time: one registration, and each of their payments is made once.
#[test]
fn ten_payments_with_a_dead_token_register_once() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer_for("POST", CREATE, TOKEN, refusal(-1501));
    till.bank.answer("POST", REGISTER, token("another-token"));
    let answers = at_once(&till, ("POST", CREATE), || till.daemon.door.post("/v1/payments", &remote()).status);
    assert_eq!((answers, registered(&till), created(&till)), (vec![201; 10], 2, 20));
    assert_eq!(till.bank.seen_at("POST", CREATE, "another-token").len(), 10);
    let mut sent: Vec<_> = till.bank.seen_at("POST", CREATE, "").iter().map(number).collect();
    let mut noted: Vec<_> = rows(&till, "create").iter().map(|row| text(row, "x_request_id").to_owned()).collect();
    sent.sort();
    noted.sort();
    assert_eq!(sent, noted, "every request that was sent is in the log by its number");
}

/// −1502, "switched off", is for a person also when no new token is to be had.
#[test]
fn a_device_that_was_switched_off_for_good_is_told() {
    let till = Till::open(Dialect::Bank, "");
    let problems = || till.daemon.door.get("/v1/health").expect(200)["problems"].clone();
    till.bank.answer("POST", CREATE, refusal(-1502));
    till.bank.answer("POST", REGISTER, refusal(-1503));
    for _ in 0..2 {
        till.daemon.door.post("/v1/payments", &remote()).problem("device_token_invalid");
    }
    let told = problems();
    assert_eq!((told.as_array().unwrap().len(), &told[0]["code"]), (1, &json!("device_alarm")), "{told}");
    assert!(text(&told[0], "detail").contains("could not be registered again"), "{told}");
    assert_eq!(rows(&till, "register").last().unwrap()["status"], "failed");
    till.daemon.door.post(&format!("/v1/configs/{BIN}/verify"), &json!({})).expect(200);
    assert_eq!(problems(), json!([]));
}

fn number(sent: &crate::support::scripted_bank::Seen) -> String {
    sent.header("x-request-id").unwrap().to_owned()
}

/// −1503, "already at another trade point": told with its code, in the log with its number, and never asked again by
/// itself, however often the till tries.
#[test]
fn a_device_elsewhere_is_not_registered_in_a_loop() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer("POST", CREATE, refusal(-1501));
    till.bank.answer("POST", REGISTER, refusal(-1503));
    for _ in 0..5 {
        let problem = till.daemon.door.post("/v1/payments", &remote()).problem("device_token_invalid");
        assert_eq!((&problem["provider_code"], &problem["money"]), (&json!(-1503), &json!("not_moved")));
        assert!(text(&problem, "detail").contains("another trade point"), "{problem}");
    }
    assert_eq!((created(&till), registered(&till)), (5, 2));
    let registered_rows = rows(&till, "register");
    let last = registered_rows.last().unwrap();
    assert_eq!((&last["status"], &last["provider_code"]), (&json!("failed"), &json!(-1503)));
    assert_eq!(text(last, "x_request_id"), number(&till.bank.seen_at("POST", REGISTER, "")[1]));
    let asked = till.daemon.door.post(&format!("/v1/configs/{BIN}/register"), &json!({}));
    asked.problem("device_token_invalid");
    assert_eq!(registered(&till), 3);
}

/// A token that is new each time and refused each time ends after one repetition, and is left alone for a while.
#[test]
fn fresh_tokens_that_are_refused_end() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer("POST", CREATE, refusal(-1501));
    till.bank.answers("POST", REGISTER, ["one", "two", "three"].map(token));
    for _ in 0..5 {
        till.daemon.door.post("/v1/payments", &remote()).problem("device_token_invalid");
    }
    assert_eq!((created(&till), registered(&till)), (6, 2));
}

/// −10000, "no client certificate": told once per call; neither registers anything nor is repeated.
#[test]
fn a_missing_certificate_is_not_asked_about_in_a_loop() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer("POST", CREATE, refusal(-10_000));
    for _ in 0..3 {
        let problem = till.daemon.door.post("/v1/payments", &remote()).problem("certificate_refused");
        assert!(text(&problem, "remedy").contains("kaspictl identity show"), "{problem}");
    }
    assert_eq!((created(&till), registered(&till), till.bank.seen().len()), (3, 1, 5));
}

/// A token that an admin brings is not registered, and the config stands verified, because its point was looked up;
/// should the token be none of Kaspi's, the first payment finds that out and heals it.
#[test]
fn a_brought_token_is_used_and_its_point_is_verified() {
    let till = Till::bare(Dialect::Bank, "");
    let body = json!({"organization_bin": BIN, "device_token": "brought-token", "is_default": true});
    let config = till.daemon.door.post("/v1/configs", &body).expect(201);
    assert_eq!((text(&config, "standing"), &config["standing_reason"]), ("verified", &Value::Null));
    assert!(config["last_verified_at"].is_string() && !config.to_string().contains("brought-token"));
    till.daemon.door.post("/v1/payments", &remote()).expect(201);
    assert_eq!((registered(&till), till.bank.seen_at("POST", CREATE, "brought-token").len()), (0, 1));
    till.bank.answer_for("POST", CREATE, "brought-token", refusal(-1501));
    till.daemon.door.post("/v1/payments", &remote()).expect(201);
    assert_eq!((registered(&till), till.bank.seen_at("POST", CREATE, TOKEN).len()), (1, 1));
}

/// A brought token for a point that Kaspi does not list is not taken.
#[test]
fn a_brought_token_does_not_stand_in_for_a_listed_point() {
    let till = Till::bare(Dialect::Bank, "");
    let body = json!({"organization_bin": BIN, "device_token": "brought-token", "trade_point_id": "999"});
    till.daemon.door.post("/v1/configs", &body).problem("trade_point_inactive");
    assert_eq!(till.daemon.door.get("/v1/configs").expect(200)["configs"], json!([]));
}
