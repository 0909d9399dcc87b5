//! Whose token it is: a DeviceToken stands for one (BIN, trade point), a payment is refunded with the device of its own
//! point, and a token that Kaspi has forgotten comes back by itself, once.

use std::time::Duration;

use kaspid::client::Client;
use kaspid::failure::{Code, Money};
use kaspid::operation::CreatePayment;
use serde_json::{Value, json};

use crate::doors::rights::{as_nobody, open_to_all};
use crate::support::behaviour::{Till, behave, paid};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::{exchange, fresh_key};
use crate::support::scripted_bank::{BIN, TOKEN};
use crate::watch::trade_points::{remote, text};

/// The guide's second organisation.
const OTHER: &str = "210440028324";
const REGISTER: &str = "/r3/v01/device/register";
const DELETE: &str = "/r3/v01/device/delete";
const CREATE: &str = "/r3/v01/remote/create";
const CANCEL: &str = "/r3/v01/remote/cancel";
const RETURN: &str = "/r3/v01/payment/return";
const DETAILS: &str = "/r3/v01/payment/details";
const STATUS: &str = "/r3/v01/payment/status/*";

fn refusal(code: i64) -> Answer {
    Answer::json(format!(r#"{{"StatusCode":{code},"Message":"-"}}"#))
}

fn token(token: &str) -> Answer {
    Answer::json(format!(r#"{{"Data":{{"DeviceToken":"{token}"}},"StatusCode":0}}"#))
}

fn balance() -> Answer {
    Answer::json(
        r#"{"Data":{"QrPaymentId":{asked_id},"TotalAmount":200.00,"AvailableReturnAmount":200.00,"TransactionDate":"2026-11-24T17:01:02.345+05:00"},"StatusCode":0}"#,
    )
}

/// Two points for everybody.
fn two_points(till: &Till) {
    let points = r#"{"Data":[{"TradePointId":104039,"TradePointName":"A"},{"TradePointId":104040,"TradePointName":"B"}],"StatusCode":0}"#;
    till.bank.answer("GET", "/r3/v01/partner/tradepoints/*", Answer::json(points));
}

fn registered(till: &Till) -> usize {
    till.bank.seen_at("POST", REGISTER, "").len()
}

fn config(till: &Till, bin: &str) -> Value {
    till.daemon.door.get(&format!("/v1/configs/{bin}")).expect(200)
}

/// Names BIN and point of whoever has the token, and never the token.
#[track_caller]
fn names_the_holder(failure: &Value) {
    let detail = text(failure, "detail");
    assert!(detail.contains(BIN) && detail.contains("104039"), "{failure}");
    assert!(!failure.to_string().contains(TOKEN), "{failure}");
    assert_eq!(failure["money"], "not_moved");
}

/// Promise: a token that is brought for one organisation or point and stands for another is refused, naming it.
#[test]
fn a_brought_token_of_another_is_refused() {
    let till = Till::open(Dialect::Bank, "");
    two_points(&till);
    let bring =
        |bin: &str, point: &str| json!({"organization_bin": bin, "trade_point_id": point, "device_token": TOKEN});
    for (bin, point) in [(OTHER, "104039"), (OTHER, "104040"), (BIN, "104040")] {
        let failure = till.daemon.door.post("/v1/configs", &bring(bin, point)).problem("invalid_request");
        names_the_holder(&failure);
        assert!(text(&failure, "remedy").contains("kaspictl bin add"), "{failure}");
    }
    assert_eq!(till.daemon.door.get("/v1/configs").expect(200)["configs"].as_array().unwrap().len(), 1);
    assert_eq!(config(&till, BIN)["trade_point_id"], "104039");
    // The same for the same is the same.
    till.daemon.door.post("/v1/configs", &bring(BIN, "104039")).expect(200);
}

/// Promise: who may not know of the other organisation is told that there is one, not which.
#[test]
fn a_stranger_to_the_other_organisation_is_not_told_which() {
    let narrow = "[access]\nadmin = [\"root\", \"nobody\"]\n[[access.shop]]\nwho = \"nobody\"\nshops = [9]";
    let Some(till) = open_to_all(narrow) else { return };
    let body = json!({"organization_bin": OTHER, "shop_id": 9, "device_token": TOKEN});
    let (status, said) = as_nobody(&till, "POST", "/v1/configs", Some(&body));
    assert_eq!((status, &said["code"]), (400, &json!("invalid_request")), "{said}");
    let said = said.to_string();
    assert!(said.contains("another organisation") && !said.contains(BIN) && !said.contains(TOKEN), "{said}");
}

/// Promise: a bank that registers one organisation and gives the token of another is not believed: not at enrolment, not
/// at a move, not when an admin asks, not in the middle of a payment. Nothing is sent with that token, and what was stays.
#[test]
fn a_token_that_the_bank_gives_twice_is_not_taken() {
    let till = Till::open(Dialect::Bank, "");
    two_points(&till);
    till.bank.answer("POST", REGISTER, token(TOKEN));
    let enrol = json!({"organization_bin": OTHER, "trade_point_id": "104039"});
    names_the_holder(&till.daemon.door.post("/v1/configs", &enrol).problem("device_token_invalid"));
    let log = till.daemon.door.get("/v1/log?operation=register&order=desc").expect(200);
    assert_eq!((&log["rows"][0]["status"], &log["rows"][0]["organization_bin"]), (&json!("failed"), &json!(OTHER)));
    till.daemon.door.get(&format!("/v1/configs/{OTHER}")).problem("not_found");

    till.bank.answer("POST", REGISTER, token("token-of-the-other"));
    till.daemon.door.post("/v1/configs", &enrol).expect(201);
    till.bank.answer("POST", REGISTER, token(TOKEN));
    let register = format!("/v1/configs/{OTHER}/register");
    names_the_holder(&till.daemon.door.post(&register, &json!({})).problem("device_token_invalid"));
    let target = format!("/v1/configs/{OTHER}");
    let moved = till.daemon.door.send("PATCH", &target, &[], Some(r#"{"trade_point_id":"104040"}"#));
    names_the_holder(&moved.problem("device_token_invalid"));
    assert_eq!(config(&till, OTHER)["trade_point_id"], "104039");

    let mut bill = remote();
    bill["organization_bin"] = json!(OTHER);
    till.daemon.door.post("/v1/payments", &bill).expect(201);
    assert_eq!(till.bank.seen_at("POST", CREATE, "token-of-the-other").len(), 1);
    till.bank.answer_for("POST", CREATE, "token-of-the-other", refusal(-1501));
    let failure = till.daemon.door.post("/v1/payments", &bill).problem("device_token_invalid");
    assert_eq!(failure["money"], "not_moved");
    assert!(till.bank.seen_at("POST", CREATE, OTHER).iter().all(|seen| !seen.body.contains(TOKEN)));
    let health = till.daemon.door.get("/v1/health").expect(200);
    assert_eq!(health["problems"][0]["code"], "device_alarm", "{health}");
    let command = format!("kaspictl bin register {OTHER} --trade-point 104039");
    assert!(health["problems"][0]["remedy"].as_str().unwrap().contains(&command), "{health}");
    // The alarm is of this trade point: that another one has its own token ends nothing.
    till.bank.answer("POST", REGISTER, token("token-at-the-other-point"));
    till.daemon.door.post(&register, &json!({"trade_point_id": "104040"})).expect(200);
    assert_eq!(till.daemon.door.get("/v1/health").expect(200)["problems"], json!([health["problems"][0]]));
    till.bank.answer("POST", REGISTER, token("a-token-of-its-own"));
    till.daemon.door.post(&register, &json!({})).expect(200);
    assert_eq!(till.daemon.door.get("/v1/health").expect(200)["problems"], json!([]));
    till.daemon.door.post("/v1/payments", &bill).expect(201);
}

#[track_caller]
fn import(till: &Till, rows: &str) -> Value {
    let file = format!("shop_id,organization_bin,trade_point_id,device_token\n{rows}");
    let head = format!(
        "POST /v1/import/configs HTTP/1.1\r\nHost: kaspid\r\nConnection: close\r\nContent-Type: text/csv\r\nContent-Length: {}\r\n\r\n",
        file.len()
    );
    exchange(till.daemon.door.connect(), &[head.as_bytes(), file.as_bytes()].concat()).unwrap().json()
}

/// Promise: a file that gives the token of one organisation to another is refused by line, whether the first is here or in
/// the same file; nothing of it is taken in.
#[test]
fn an_import_of_a_token_of_another_is_a_bad_row() {
    let till = Till::open(Dialect::Bank, "");
    let refused = import(&till, &format!("8,{OTHER},104040,{TOKEN}\n8,990140000007,1,fresh\n")).to_string();
    assert!(refused.contains(BIN) && refused.contains("104039") && !refused.contains(TOKEN), "{refused}");
    assert!(refused.contains("\"line\":2") && !refused.contains("\"line\":3"), "{refused}");
    let twice = import(&till, &format!("8,{OTHER},104040,one\n8,990140000007,1,two\n8,990140000806,1,one\n"));
    assert!(twice.to_string().contains("\"line\":4") && twice.to_string().contains("line 2"), "{twice}");
    assert_eq!(till.daemon.door.get("/v1/configs").expect(200)["configs"].as_array().unwrap().len(), 1);
    let taken = import(&till, &format!("8,{OTHER},104040,one\n8,{BIN},104039,{TOKEN}\n"));
    assert_eq!((&taken["imported"], &taken["skipped"]), (&json!(1), &json!(1)), "{taken}");
}

/// Our id of an invoice of 200 tenge that the customer has paid.
fn paid_remote(till: &Till) -> String {
    let body = json!({"kind": "remote", "amount_tiyn": 20_000, "phone_number": "77015211545"});
    let payment = till.daemon.door.post("/v1/payments", &body).expect(201);
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    let id = text(&payment, "id").to_owned();
    assert_eq!(till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "paid");
    id
}

fn refund(till: &Till, id: &str) -> crate::support::http::Answer {
    till.daemon.door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 3_000}))
}

/// Promise: "no such payment" from the details of a payment that is paid here means a forgotten device: it is registered
/// again, once, and the refund goes on, with another token and with the same one.
#[test]
fn a_forgotten_token_does_not_stop_a_refund() {
    for given in ["another-token", TOKEN] {
        let till = Till::open(Dialect::Bank, "");
        let id = paid_remote(&till);
        till.bank.answer("POST", REGISTER, token(given));
        till.bank.answers("GET", DETAILS, [refusal(-1601), balance()]);
        let before = registered(&till);
        assert_eq!(refund(&till, &id).expect(200)["refunded_tiyn"], 3_000);
        assert_eq!((registered(&till), till.bank.seen_at("POST", RETURN, given).len()), (before + 1, 1));
    }
}

/// Promise: once, and no loop. A payment that stays unknown is not refundable; the remedy is the command for its own point.
#[test]
fn a_payment_that_stays_unknown_registers_once() {
    let till = Till::open(Dialect::Bank, "");
    let id = paid_remote(&till);
    till.bank.answer("GET", DETAILS, refusal(-1601));
    let before = (registered(&till), till.bank.seen_at("GET", DETAILS, "").len());
    for _ in 0..3 {
        let failure = refund(&till, &id).problem("not_refundable");
        assert_eq!((&failure["money"], &failure["provider_code"]), (&json!("not_moved"), &json!(-1601)));
        let command = format!("kaspictl bin register {BIN} --trade-point 104039");
        assert!(text(&failure, "remedy").contains(&command), "{failure}");
    }
    // Twice for the first refund, once for each of the others.
    assert_eq!((registered(&till), till.bank.seen_at("GET", DETAILS, "").len()), (before.0 + 1, before.1 + 4));
    assert_eq!(till.bank.seen_at("POST", RETURN, "").len(), 0);
}

/// Promise: after a move an old payment's device is registered at the old point, by itself and by hand, and the config
/// stays where it is.
#[test]
fn after_a_move_the_old_point_is_registered_again() {
    let till = Till::open(Dialect::Bank, "");
    let id = paid_remote(&till);
    two_points(&till);
    till.bank.answer("POST", REGISTER, token("token-of-b"));
    let target = format!("/v1/configs/{BIN}");
    till.daemon.door.send("PATCH", &target, &[], Some(r#"{"trade_point_id":"104040"}"#)).expect(200);
    till.bank.answer_for("POST", REGISTER, "104039", token("token-of-a-again"));
    till.bank.answer_for("GET", DETAILS, TOKEN, refusal(-1601));
    assert_eq!(refund(&till, &id).expect(200)["refunded_tiyn"], 3_000);
    assert_eq!(till.bank.seen_at("POST", RETURN, "token-of-a-again").len(), 1);

    let left =
        r#"{"Data":{"QrPaymentId":{asked_id},"TotalAmount":200.00,"AvailableReturnAmount":170.00},"StatusCode":0}"#;
    till.bank.answer("GET", DETAILS, Answer::json(left));
    till.bank.answer_for("POST", REGISTER, "104039", token("token-of-a-by-hand"));
    let mut kaspictl = std::process::Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    kaspictl.arg("--socket").arg(till.daemon.socket()).args(["bin", "register", BIN, "--trade-point", "104039"]);
    assert!(kaspictl.status().unwrap().success());
    assert_eq!(refund(&till, &id).expect(200)["refunded_tiyn"], 6_000);
    assert_eq!(till.bank.seen_at("POST", RETURN, "token-of-a-by-hand").len(), 1);
    till.daemon.door.post("/v1/payments", &remote()).expect(201);
    assert_eq!(till.bank.seen_at("POST", CREATE, "token-of-b").len(), 1);
    assert_eq!(config(&till, BIN)["trade_point_id"], "104040");
}

/// Promise: a device is registered only where there was one or where Kaspi lists a point.
#[test]
fn nothing_is_registered_at_a_typing_error() {
    let till = Till::open(Dialect::Bank, "");
    let register = format!("/v1/configs/{BIN}/register");
    let before = registered(&till);
    let failure =
        till.daemon.door.post(&register, &json!({"trade_point_id": "104093"})).problem("trade_point_inactive");
    assert!(text(&failure, "detail").contains("104093"), "{failure}");
    assert_eq!(registered(&till), before);
    two_points(&till);
    till.bank.answer("POST", REGISTER, token("token-of-b"));
    till.daemon.door.post(&register, &json!({"trade_point_id": "104040"})).expect(200);
    assert_eq!(till.bank.seen_at("POST", REGISTER, "104040").len(), 1);
    till.daemon.door.post(&register, &json!({"point": "104040"})).problem("invalid_request");
}

/// Promise: after a refused token the second call has a full time-out, however long the registration took: an answer that
/// is on its way is not cut off.
#[test]
fn a_second_call_has_its_whole_time() {
    let till = Till::open(Dialect::Bank, "[kaspi]\ntimeout = \"3s\"");
    till.bank.answer_for("POST", CREATE, TOKEN, refusal(-1501));
    till.bank.answer("POST", REGISTER, token("another-token"));
    till.bank.hold_at(REGISTER);
    std::thread::scope(|scope| {
        let billed = scope.spawn(|| till.daemon.door.post("/v1/payments", &remote()));
        till.bank.wait_for("POST", REGISTER, 2);
        std::thread::sleep(Duration::from_millis(2_500));
        till.bank.hold_at(CREATE);
        till.bank.wait_for("POST", CREATE, 2);
        std::thread::sleep(Duration::from_millis(2_000));
        till.bank.release();
        assert_eq!(billed.join().unwrap().expect(201)["state"], "waiting");
    });
}

/// Promise: where the caller's deadline leaves no full time-out, the second call is not sent, the caller is told in time
/// that nothing moved, and the next attempt with the same key has the new token.
#[test]
fn a_second_call_without_its_time_is_not_sent() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer_for("POST", CREATE, TOKEN, refusal(-1501));
    till.bank.answer("POST", REGISTER, token("another-token"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(Client::connect(till.daemon.socket(), "till")).unwrap();
    let key = fresh_key();
    let call = |deadline: Option<Duration>| {
        let create: CreatePayment = serde_json::from_value(remote()).unwrap();
        let key = key.parse().unwrap();
        runtime.block_on(client.call(Some(&key), deadline, create)).unwrap()
    };
    let failure = call(Some(Duration::from_secs(20))).unwrap_err();
    assert_eq!((failure.code, failure.money, failure.retryable), (Code::KaspiUnavailable, Money::NotMoved, true));
    assert_eq!((till.bank.seen_at("POST", CREATE, "").len(), registered(&till)), (1, 2));
    assert!(call(Some(Duration::from_secs(20))).is_ok());
    assert_eq!(till.bank.seen_at("POST", CREATE, "another-token").len(), 1);
}

/// Promise: `bin remove --delete-device` beside a move forgets the token that was deleted and no other.
#[test]
fn what_is_deleted_is_what_is_forgotten() {
    let till = Till::open(Dialect::Bank, "");
    let old = paid_remote(&till);
    behave(&till.bank, Dialect::Bank);
    two_points(&till);
    till.bank.answer("POST", REGISTER, token("token-of-b"));
    till.bank.hold_at(DELETE);
    let target = format!("/v1/configs/{BIN}");
    let new = std::thread::scope(|scope| {
        let removed =
            scope.spawn(|| till.daemon.door.send("DELETE", &format!("{target}?delete_device=true"), &[], None));
        till.bank.wait_for("POST", DELETE, 1);
        till.daemon.door.send("PATCH", &target, &[], Some(r#"{"trade_point_id":"104040"}"#)).expect(200);
        let new = till.daemon.door.post("/v1/payments", &remote()).expect(201);
        till.bank.release();
        removed.join().unwrap().expect(200);
        new
    });
    assert!(till.bank.seen_at("POST", DELETE, TOKEN).len() == 1 && registered(&till) == 2);
    till.daemon.door.post(&format!("/v1/payments/{}/cancel", text(&new, "id")), &json!({})).expect(200);
    assert_eq!(till.bank.seen_at("POST", CANCEL, "token-of-b").len(), 1);
    let failure = refund(&till, &old).problem("device_token_invalid");
    assert!(
        text(&failure, "remedy").contains(&format!("kaspictl bin register {BIN} --trade-point 104039")),
        "{failure}"
    );
    assert_eq!(till.bank.seen_at("POST", RETURN, "").len(), 0);
}

/// Promise: a registration waits for a deletion of the same device: what comes after it is kept.
#[test]
fn a_registration_waits_for_a_deletion() {
    let till = Till::open(Dialect::Bank, "");
    let id = paid_remote(&till);
    till.bank.answer("POST", REGISTER, token("token-after-it"));
    till.bank.hold_at(DELETE);
    let target = format!("/v1/configs/{BIN}");
    std::thread::scope(|scope| {
        let removed =
            scope.spawn(|| till.daemon.door.send("DELETE", &format!("{target}?delete_device=true"), &[], None));
        till.bank.wait_for("POST", DELETE, 1);
        let again = scope.spawn(|| till.daemon.door.post(&format!("{target}/register"), &json!({})));
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(registered(&till), 1, "registered beside the deletion");
        till.bank.release();
        removed.join().unwrap().expect(200);
        again.join().unwrap().expect(200);
    });
    assert_eq!(refund(&till, &id).expect(200)["refunded_tiyn"], 3_000);
    assert_eq!(till.bank.seen_at("POST", RETURN, "token-after-it").len(), 1);
}

/// Promise: a device that an admin has deleted is not brought back by a call that was out when it was deleted.
#[test]
fn nothing_brings_a_deleted_device_back_by_itself() {
    let till = Till::open(Dialect::Bank, "");
    let payment = till.daemon.door.post("/v1/payments", &remote()).expect(201);
    till.bank.answer("POST", CANCEL, refusal(-1501));
    till.bank.hold_at(CANCEL);
    std::thread::scope(|scope| {
        let cancel = format!("/v1/payments/{}/cancel", text(&payment, "id"));
        let (door, to) = (&till.daemon.door, cancel);
        let out = scope.spawn(move || door.post(&to, &json!({})));
        till.bank.wait_for("POST", CANCEL, 1);
        let target = format!("/v1/configs/{BIN}?delete_device=true");
        till.daemon.door.send("DELETE", &target, &[], None).expect(200);
        till.bank.release();
        out.join().unwrap().problem("device_token_invalid");
    });
    assert_eq!(registered(&till), 1);
}

/// Promise: what was retired with its device may be retired so again: a caller who lost the first answer asks once more.
#[test]
fn a_device_is_deleted_once_however_often_it_is_asked_for() {
    let till = Till::open(Dialect::Bank, "");
    let target = format!("/v1/configs/{BIN}?delete_device=true");
    till.daemon.door.send("DELETE", &target, &[], None).expect(200);
    let asked = till.bank.seen().len();
    assert_eq!(till.daemon.door.send("DELETE", &target, &[], None).expect(200)["standing_reason"], "retired");
    assert_eq!(till.bank.seen().len(), asked);
}

/// Promise: a token stays inside, also where the bank repeats it as something else than an error, in another case.
#[test]
fn a_token_that_the_bank_repeats_is_not_kept() {
    let till = Till::open(Dialect::Bank, "");
    let repeated = TOKEN.to_uppercase();
    let created = format!(
        r#"{{"Data":{{"QrPaymentId":{{next_id}},"PaymentLink":"https://pay.kaspi.kz/{repeated}"}},"StatusCode":0}}"#
    );
    till.bank.answer("POST", "/r3/v01/qr/create-link", Answer::json(created));
    let link = json!({"kind": "link", "amount_tiyn": 10_000, "organization_bin": BIN});
    let made = till.daemon.door.post("/v1/payments", &link).expect(201);
    let shown =
        [made, till.daemon.door.get("/v1/events?after=0").expect(200), till.daemon.door.get("/v1/log").expect(200)];
    for answer in shown {
        assert!(!answer.to_string().to_lowercase().contains(&TOKEN.to_lowercase()), "{answer}");
    }
}
