//! What a monitoring system reads: numbers that are what happened, nobody's secrets, nobody else's business.

use std::process::Command;

use serde_json::{Value, json};

use crate::doors::rights::{as_nobody_text, open_to_all};
use crate::support::behaviour::{Till, paid};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::fresh_key;
use crate::support::prometheus::Page;
use crate::support::scripted_bank::{BIN, TOKEN};

/// The guide's second organisation.
const OTHER: &str = "210440028324";
const CREATE: &str = "/r3/v01/remote/create";
const PHONE: &str = "77015211545";

fn remote(amount: u64) -> Value {
    json!({"kind": "remote", "amount_tiyn": amount, "phone_number": PHONE})
}

#[track_caller]
fn page(till: &Till) -> Page {
    Page::of(&till.daemon.door.get("/metrics"))
}

/// Creates with these answers of the bank; the status of each.
fn creates(till: &Till, answers: Vec<Answer>) -> Vec<(u16, Value)> {
    till.bank.answers("POST", CREATE, answers.clone());
    let create = |_| till.daemon.door.post("/v1/payments", &remote(20_000));
    answers.iter().map(create).map(|answer| (answer.status, answer.json())).collect()
}

fn created(id: u64) -> Answer {
    Answer::json(format!(r#"{{"Data":{{"QrPaymentId":{id}}},"StatusCode":0}}"#))
}

fn refused() -> Answer {
    Answer::json(r#"{"StatusCode":990000028,"Message":"Wrong amount"}"#)
}

fn lost() -> Answer {
    Answer::page(502, "Bad Gateway")
}

/// Three creates, two refused, one lost; one paid and refunded in part, one cancelled: each number says so, and after
/// a power cut what stands is the same and what is counted begins anew.
#[test]
fn numbers_are_what_happened() {
    let till = Till::open(Dialect::Bank, "");
    let answers = vec![created(900_001), refused(), created(900_002), lost(), refused(), created(900_003)];
    let said = creates(&till, answers);
    assert_eq!(said.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [201, 422, 201, 504, 422, 201]);
    let id = |place: usize| said[place].1["id"].as_str().unwrap().to_owned();
    let door = &till.daemon.door;
    till.bank.answer_for("GET", "/r3/v01/payment/status/*", "900001", paid(Dialect::Bank));
    assert_eq!(door.get(&format!("/v1/payments/{}", id(0))).expect(200)["state"], "paid");
    door.post(&format!("/v1/payments/{}/refunds", id(0)), &json!({"amount_tiyn": 5_000})).expect(200);
    door.post(&format!("/v1/payments/{}/cancel", id(2)), &json!({})).expect(200);
    door.get("/v1/nowhere");

    let now = page(&till);
    let payments = |outcome: &str| {
        now.value(&format!("kaspid_payments_total{{config=\"1\",kind=\"remote\",outcome=\"{outcome}\"}}"))
    };
    let counted = ["begun", "accepted", "refused", "unknown", "paid", "cancelled", "expired"].map(payments);
    assert_eq!(counted, [6.0, 3.0, 2.0, 1.0, 1.0, 1.0, 0.0], "{}", now.text);
    let refunds = ["begun", "success", "failed"];
    let refunds = refunds.map(|word| now.value(&format!("kaspid_refunds_total{{config=\"1\",outcome=\"{word}\"}}")));
    assert_eq!(refunds, [1.0, 1.0, 0.0]);
    let calls = |call: &str, outcome: &str| {
        now.value(&format!("kaspid_bank_calls_total{{call=\"{call}\",outcome=\"{outcome}\"}}"))
    };
    let outcomes = ["value", "refusal", "may_have_happened", "never_sent", "given_up"];
    assert_eq!(outcomes.map(|outcome| calls("create", outcome)), [3.0, 2.0, 1.0, 0.0, 0.0]);
    assert_eq!((calls("cancel", "value"), calls("refund", "value"), calls("register", "value")), (1.0, 1.0, 1.0));
    assert_eq!(now.value("kaspid_bank_call_duration_seconds_count{call=\"create\"}"), 6.0);
    assert_eq!(now.sum("kaspid_bank_calls_total", &[]), till.bank.seen().len() as f64, "every call is counted");
    assert_eq!(now.value("kaspid_bank_provider_codes_total{code=\"990000028\"}"), 2.0);
    assert_eq!(now.sum("kaspid_bank_provider_codes_total", &[]), 2.0);
    let requests = |route: &str, status: u16| {
        now.sum("kaspid_requests_total", &[&format!("route=\"{route}\""), &format!("status=\"{status}\"")])
    };
    assert_eq!([201, 422, 504].map(|status| requests("/v1/payments", status)), [3.0, 2.0, 1.0]);
    assert_eq!((requests("none", 404), requests("/v1/payments/{ref}/refunds", 200)), (1.0, 1.0));
    let events = door.get("/v1/log/verify").expect(200)["events"].as_f64().unwrap();
    assert_eq!(now.value("kaspid_log_head_sequence"), events);
    // Each event of this one till was a commit of its own, but those of enrolling and reading share some.
    let commits = now.value("kaspid_store_commit_duration_seconds_count");
    assert!((10.0..=events).contains(&commits), "{commits} commits of {events} events");
    assert_eq!(now.value("kaspid_store_write_failures_total"), 0.0);
    assert_eq!(now.value("kaspid_problems{code=\"payment_unknown\"}"), 1.0);
    stands(&now);

    let oldest = now.value("kaspid_oldest_open_payment_timestamp_seconds{config=\"1\"}");
    let verified = now.value("kaspid_config_last_verified_timestamp_seconds{config=\"1\"}");
    let till = till.crash();
    let mut after = page(&till);
    // The follower takes in what it is to follow in pieces, while others are answered.
    while after.value("kaspid_follow_queue") == 0.0 {
        after = page(&till);
    }
    stands(&after);
    assert_eq!(after.value("kaspid_oldest_open_payment_timestamp_seconds{config=\"1\"}"), oldest);
    assert_eq!(after.value("kaspid_config_last_verified_timestamp_seconds{config=\"1\"}"), verified);
    assert_eq!(after.value("kaspid_log_head_sequence"), events);
    assert_eq!(after.sum("kaspid_payments_total", &[]), 0.0);
    assert!(after.value("process_start_time_seconds") > now.value("process_start_time_seconds"));
}

/// What the till of [`numbers_are_what_happened`] has open, before and after a restart.
#[track_caller]
fn stands(page: &Page) {
    let open =
        |state: &str| page.value(&format!("kaspid_payments_open{{config=\"1\",kind=\"remote\",state=\"{state}\"}}"));
    assert_eq!(["creating", "waiting", "unknown"].map(open), [0.0, 1.0, 1.0], "{}", page.text);
    assert_eq!(page.sum("kaspid_payments_open", &[]), 2.0);
    assert_eq!(page.value("kaspid_refunds_in_doubt{config=\"1\"}"), 0.0);
    assert_eq!(page.value("kaspid_configs{standing=\"verified\"}"), 1.0);
    assert_eq!(page.value("kaspid_configs_verify_overdue"), 0.0);
    assert!(page.value("kaspid_certificate_not_after_timestamp_seconds") > 1.7e9);
    // One invoice waits and the one called over is looked at for a day; the unknown one needs a person.
    assert_eq!(page.get("kaspid_follow_queue").map(|queue| queue >= 1.0), Some(true));
}

/// A refund in doubt is on the page until it is settled.
#[test]
fn a_refund_in_doubt_is_seen() {
    let till = Till::open(Dialect::Guide, "");
    let link = json!({"kind": "link", "amount_tiyn": 20_000});
    let payment = till.daemon.door.post("/v1/payments", &link).expect(201);
    let id = payment["id"].as_str().unwrap();
    till.bank.answer("GET", "/r3/v01/payment/status/*", paid(Dialect::Guide));
    till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
    till.bank.answer("POST", "/r3/v01/payment/refund/", lost());
    till.daemon.door.post(&format!("/v1/payments/{id}/refunds"), &json!({})).problem("outcome_unknown");
    let now = page(&till);
    assert_eq!(now.value("kaspid_refunds_in_doubt{config=\"1\"}"), 1.0);
    assert_eq!(now.value("kaspid_problems{code=\"refund_pending\"}"), 1.0);
    let payment = till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
    let refund = payment["refunds"][0]["id"].clone();
    let resolve = json!({"refund": refund, "happened": true, "reason": "seen in the app"});
    till.daemon.door.post(&format!("/v1/payments/{id}/resolve"), &resolve).expect(200);
    let now = page(&till);
    assert_eq!(now.value("kaspid_refunds_in_doubt{config=\"1\"}"), 0.0);
    assert_eq!(now.value("kaspid_refunds_total{config=\"1\",outcome=\"success\"}"), 1.0);
}

/// Labels are numbers of configs and words of ours: whatever went through the till, none of it is on the page.
#[test]
fn nobody_is_named() {
    let till = Till::open(Dialect::Bank, "");
    let echo = format!(r#"{{"StatusCode":123456789,"Message":"token {TOKEN} phone {PHONE}"}}"#);
    let key = fresh_key();
    let mut payment = remote(20_000);
    payment["invoice"] = json!("order-0815");
    let made = till.daemon.door.post_with_key(&key, "/v1/payments", &payment).expect(201);
    till.bank.answer("POST", CREATE, Answer::json(echo));
    till.daemon.door.post("/v1/payments", &remote(30_000)).problem("outcome_unknown");
    till.daemon.door.get(&format!("/v1/payers/{PHONE}")).expect(200);
    till.daemon.door.get("/v1/payers/77015211545?a=\"b");
    let now = page(&till);
    assert_eq!(now.value("kaspid_bank_provider_codes_total{code=\"other\"}"), 1.0, "an unlisted code has no series");
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let named = [BIN, PHONE, "7015211545", TOKEN, &key, "order-0815", &text("id"), &text("qr_payment_id"), "123456789"];
    for secret in named {
        assert!(!now.text.contains(secret), "{secret} stands on the page");
    }
}

/// `kaspictl metrics` prints the same page, and `--json` the shape of the native reply.
#[test]
fn kaspictl_prints_the_page() {
    let till = Till::open(Dialect::Bank, "");
    let kaspictl = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
        let output = command.arg("--socket").arg(till.daemon.socket()).args(args).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = Page::read(&kaspictl(&["metrics"]));
    let over_http = page(&till);
    assert_eq!(printed.families(), over_http.families());
    let native = "kaspid_requests_total{encoding=\"native\",method=\"GET\",route=\"/metrics\",status=\"200\"}";
    assert_eq!(over_http.value(native), 1.0);
    let json: Value = serde_json::from_str(&kaspictl(&["metrics", "--json"])).unwrap();
    Page::read(json["text"].as_str().unwrap());
}

/// What a limit refuses is counted by the limit's name.
#[test]
fn refusals_of_limits_are_counted() {
    let till = Till::open(Dialect::Bank, "[limits]\nrate_per_uid = 1\nburst_per_uid = 3");
    let refused = (0..6).filter(|_| till.daemon.door.get("/v1/version").status == 429).count();
    assert!(refused >= 2, "{refused}");
    // The page itself needs a turn.
    let mut answer = till.daemon.door.get("/metrics");
    let mut more = 0;
    while answer.status == 429 {
        more += 1;
        std::thread::sleep(std::time::Duration::from_millis(200));
        answer = till.daemon.door.get("/metrics");
    }
    let now = Page::of(&answer);
    assert_eq!(now.value("kaspid_limit_refusals_total{limit=\"rate_per_uid\"}"), (refused + more) as f64);
    assert!(now.value("kaspid_connections_total") >= 8.0);
    assert_eq!(now.value("kaspid_connections"), 1.0, "the one that asks");
}

/// By architecture §7: every metric is filtered by the caller's window, and what is made of everybody's is not in it.
#[test]
fn a_narrowed_caller_sees_his_organisations_only() {
    let name = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(65534)).unwrap().map(|user| user.name);
    let Some(name) = name else { return eprintln!("SKIPPED: user 65534 has no name here") };
    let config =
        format!("[access]\nobserve = [\"root\", \"{name}\"]\n[[access.shop]]\nwho = \"{name}\"\nbins = [\"{OTHER}\"]");
    let Some(till) = open_to_all(&config) else { return };
    let door = &till.daemon.door;
    door.post("/v1/configs", &json!({"organization_bin": OTHER})).expect(201);
    let link = |bin: &str| json!({"kind": "link", "amount_tiyn": 100, "organization_bin": bin});
    for bin in [BIN, BIN, OTHER] {
        door.post("/v1/payments", &link(bin)).expect(201);
    }
    let all = page(&till);
    assert_eq!(all.sum("kaspid_payments_total", &["accepted"]), 3.0);
    let (status, text) = as_nobody_text(&till, "GET", "/metrics", None);
    assert_eq!(status, 200, "{text}");
    let mine = Page::read(&text);
    assert_eq!(mine.sum("kaspid_payments_total", &["accepted"]), 1.0);
    assert_eq!(mine.sum("kaspid_payments_open", &[]), 1.0);
    assert_eq!(mine.sum("kaspid_configs", &[]), 1.0);
    let foreign: Vec<&str> = mine.series().filter(|series| series.contains("config=\"1\"")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    for made_of_all in
        ["kaspid_bank_calls_total", "kaspid_requests_total", "kaspid_log_head_sequence", "kaspid_follow_queue"]
    {
        assert!(all.families().contains(made_of_all));
        assert!(!mine.families().contains(made_of_all), "{made_of_all}");
    }
}
