//! Re-validation (architecture §6.8, §10): what becomes of a config when its trade point is removed, renamed,
//! moved, switched off or cannot be asked about, against the sandbox and in both dialects.

use serde_json::{Value, json};

use crate::support::behaviour::{Till, behave};
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::{Answer, Dialect};
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::BIN;

/// Short enough to see a missing point confirmed; `every` stays at six hours, so that only what wants a look gets one.
const CONFIRM: &str = "[verify]\nconfirm = \"1s\"";

/// A bank and a daemon with the guide's first organisation.
pub(crate) struct Shop {
    pub(crate) daemon: Daemon,
    pub(crate) bank: Sandbox,
    pub(crate) home: Home,
}

impl Shop {
    #[track_caller]
    pub(crate) fn open(dialect: Dialect, more: &str) -> Self {
        let bank = Sandbox::start(dialect);
        let home = Home::new(&bank, more);
        let shop = Self { daemon: Daemon::start(&home), bank, home };
        shop.daemon.door.enrol(BIN);
        shop
    }

    #[track_caller]
    pub(crate) fn config(&self) -> Value {
        self.daemon.door.get(&format!("/v1/configs/{BIN}")).expect(200)
    }

    #[track_caller]
    pub(crate) fn verify(&self) -> Value {
        self.daemon.door.post(&format!("/v1/configs/{BIN}/verify"), &json!({})).expect(200)
    }

    /// The control interface's place of the config's trade point.
    pub(crate) fn point(&self) -> String {
        format!("/trade-points/{BIN}/{}", text(&self.config(), "trade_point_id"))
    }

    /// How often the bank was asked this.
    pub(crate) fn asked(&self, call: &str) -> u64 {
        self.bank.control("GET", "/requests?limit=1", None)["by_call"][call].as_u64().unwrap_or(0)
    }

    /// The end of what has changed so far.
    pub(crate) fn now(&self) -> u64 {
        self.daemon.door.get("/v1/events").expect(200)["next"].as_u64().unwrap()
    }

    /// Waits for an event after `after`; every type that was told until then, with it.
    #[track_caller]
    pub(crate) fn until(&self, after: u64, wanted: &str) -> Vec<String> {
        let (mut after, mut told) = (after, Vec::new());
        loop {
            let page = self.daemon.door.get(&format!("/v1/events?after={after}&wait=20s")).expect(200);
            let events = page["events"].as_array().unwrap();
            assert!(!events.is_empty(), "no {wanted} came, only {told:?}\n{}", self.home.stderr());
            told.extend(events.iter().map(|event| text(event, "type").to_owned()));
            if told.iter().any(|found| found == wanted) {
                return told;
            }
            after = page["next"].as_u64().unwrap();
        }
    }

    /// The rows of one operation, oldest first.
    pub(crate) fn log(&self, operation: &str) -> Vec<Value> {
        let log = self.daemon.door.get(&format!("/v1/log?limit=1000&operation={operation}")).expect(200);
        log["rows"].as_array().unwrap().clone()
    }
}

#[track_caller]
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

pub(crate) fn remote() -> Value {
    json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545"})
}

fn problems(shop: &Shop) -> Vec<String> {
    let health = shop.daemon.door.get("/v1/health").expect(200);
    health["problems"].as_array().unwrap().iter().map(|problem| text(problem, "code").to_owned()).collect()
}

/// Removed: absent once is told and changes nothing, absent twice at least `confirm` apart suspends, the last time it
/// was seen stays; nothing is written for a point that stays missing. Listed again lifts it, by itself.
fn removed_and_restored(dialect: Dialect, reason: &str, code: &str) {
    let shop = Shop::open(dialect, CONFIRM);
    let (point, enrolled, start) = (shop.point(), shop.config(), shop.now());
    shop.bank.control("DELETE", &point, None);
    // A refused call brings the look forward; it is not what suspends.
    shop.daemon.door.post("/v1/payments", &remote()).problem("trade_point_inactive");
    let told = shop.until(start, "config.suspended");
    // The refused payment is told with its begin and its end.
    let told: Vec<_> = told.iter().filter(|what| what.starts_with("config.")).collect();
    assert_eq!(told[0], "config.changed", "the first reading suspends nothing: {told:?}");
    let config = shop.config();
    assert_eq!((text(&config, "standing"), text(&config, "standing_reason")), ("suspended", reason));
    assert_eq!(config["last_verified_at"], enrolled["last_verified_at"]);
    let looks = shop.log("verify");
    assert_eq!(looks.len(), 2, "{looks:?}");
    assert!(looks.iter().all(|row| row["status"] == "failed" && row["actor"].is_null()), "{looks:?}");
    assert!(apart(&looks[0], &looks[1]) >= 1.0, "{looks:?}");

    let before = (shop.asked("remote_create"), shop.asked("trade_points"));
    let refused = shop.daemon.door.post("/v1/payments", &remote()).problem(code);
    assert_eq!(refused["money"], "not_moved");
    assert!(text(&refused, "remedy").contains("kaspictl bin trade-points"), "{refused}");
    assert_eq!(shop.asked("remote_create"), before.0, "a suspended config asks nothing of the bank");
    assert_eq!(problems(&shop), ["config_suspended"]);
    while shop.asked("trade_points") < before.1 + 2 {
        std::thread::yield_now();
    }
    assert_eq!(shop.log("verify").len(), 2, "looks that told nothing new were written");

    let suspended = shop.now();
    shop.bank.control("POST", &point, None);
    shop.until(suspended, "config.restored");
    let config = shop.config();
    assert_eq!((text(&config, "standing"), &config["standing_reason"]), ("verified", &Value::Null));
    assert!(text(&config, "last_verified_at") > text(&enrolled, "last_verified_at"));
    assert_eq!(problems(&shop), [""; 0]);
    shop.daemon.door.post("/v1/payments", &remote()).expect(201);
    let journal = shop.home.stderr();
    for line in ["not listed any more", "is suspended, no new payments", "is back: its trade point is listed"] {
        assert_eq!(journal.matches(line).count(), 1, "{line}: {journal}");
    }
    assert!(!journal.contains(BIN), "the journal names an organisation by its row");
}

/// The bank's dialect says "no trade points" with a code.
#[test]
fn a_removed_trade_point_suspends_and_comes_back_at_the_bank() {
    removed_and_restored(Dialect::Bank, "organization_not_registered", "organization_not_registered");
}

/// The guide's dialect with an empty list.
#[test]
fn a_removed_trade_point_suspends_and_comes_back_in_the_guide() {
    removed_and_restored(Dialect::Guide, "trade_point_missing", "trade_point_inactive");
}

/// Seconds between two rows.
fn apart(first: &Value, second: &Value) -> f64 {
    let at = |row: &Value| text(row, "created_at").parse::<jiff::Timestamp>().unwrap();
    at(second).duration_since(at(first)).as_secs_f64()
}

/// A person's look counts as a reading, and is always in the log; two of them in a row suspend nothing.
#[test]
fn a_manual_look_is_a_reading() {
    let shop = Shop::open(Dialect::Guide, "");
    let point = shop.point();
    let enrolled = shop.config();
    let seen = shop.verify();
    assert!(text(&seen, "last_verified_at") > text(&enrolled, "last_verified_at"));
    assert_eq!(seen["updated_at"], enrolled["updated_at"], "a look that changes nothing is no change");
    shop.bank.control("DELETE", &point, None);
    for _ in 0..3 {
        let missing = shop.verify();
        assert_eq!(
            (text(&missing, "standing"), text(&missing, "standing_reason")),
            ("verified", "trade_point_missing")
        );
        assert_eq!(missing["last_verified_at"], seen["last_verified_at"]);
    }
    assert_eq!(problems(&shop), ["trade_point_missing"]);
    let looks = shop.log("verify");
    assert_eq!(looks.len(), 4);
    assert!(looks.iter().all(|row| row["actor"]["uid"].is_u64() && text(row, "x_request_id").len() == 32), "{looks:?}");
    shop.bank.control("POST", &point, None);
    assert_eq!(shop.verify()["standing_reason"], Value::Null);
}

/// Renamed: the next look knows the new name; a payment keeps the one it was taken under.
#[test]
fn a_renamed_trade_point_is_known_by_its_new_name() {
    let shop = Shop::open(Dialect::Bank, "");
    let old = shop.daemon.door.post("/v1/payments", &remote()).expect(201);
    shop.bank.control("PATCH", &shop.point(), Some(&json!({"name": "Flowers (Almaty, Abay Avenue 12)"})));
    assert_eq!(text(&shop.verify(), "trade_point_name"), "Flowers (Almaty, Abay Avenue 12)");
    let new = shop.daemon.door.post("/v1/payments", &remote()).expect(201);
    assert_eq!(text(&new, "trade_point_name"), "Flowers (Almaty, Abay Avenue 12)");
    let old = shop.daemon.door.get(&format!("/v1/payments/{}", text(&old, "id"))).expect(200);
    assert_eq!(text(&old, "trade_point_name"), "Main Office (Almaty, Abay Avenue 10)");
}

/// Moved: the bank lists another point in its place. Nothing follows it by itself; an admin moves the config, with a
/// device there, and what was billed at the old point is still cancelled with the old device.
#[test]
fn a_moved_trade_point_is_for_an_admin() {
    let shop = Shop::open(Dialect::Bank, CONFIRM);
    let (point, start) = (shop.point(), shop.now());
    let old = shop.daemon.door.post("/v1/payments", &remote()).expect(201);
    shop.bank.control("POST", &format!("/trade-points/{BIN}/104041"), Some(&json!({"name": "New Office"})));
    shop.bank.control("DELETE", &point, None);
    shop.daemon.door.post("/v1/payments", &remote()).problem("trade_point_inactive");
    shop.until(start, "config.suspended");
    let refused = shop.daemon.door.post("/v1/payments", &remote()).problem("trade_point_inactive");
    for command in [format!("kaspictl bin trade-points {BIN}"), format!("kaspictl bin set {BIN} --trade-point")] {
        assert!(text(&refused, "remedy").contains(&command), "{refused}");
    }
    let target = format!("/v1/configs/{BIN}");
    let moved = shop.daemon.door.ask(&format!("PATCH {target}"), Some(r#"{"trade_point_id":"104041"}"#)).expect(200);
    assert_eq!((text(&moved, "standing"), text(&moved, "trade_point_id")), ("verified", "104041"));
    assert_eq!(shop.bank.effect(BIN, "registrations"), 2);
    let new = shop.daemon.door.post("/v1/payments", &remote()).expect(201);
    assert_eq!(text(&new, "trade_point_id"), "104041");
    shop.bank.control("POST", &point, None);
    let cancel = format!("/v1/payments/{}/cancel", text(&old, "id"));
    assert_eq!(text(&shop.daemon.door.post(&cancel, &json!({})).expect(200), "state"), "cancelled");
}

/// Switched off: told each time, looked at once and not once a call, never suspended for it.
#[test]
fn a_trade_point_that_is_off_is_looked_at_once() {
    for dialect in [Dialect::Bank, Dialect::Guide] {
        let shop = Shop::open(dialect, CONFIRM);
        let (start, enrolled) = (shop.now(), shop.config());
        let looks = shop.asked("trade_points");
        shop.bank.control("PATCH", &shop.point(), Some(&json!({"active": false})));
        for _ in 0..5 {
            shop.daemon.door.post("/v1/payments", &remote()).problem("trade_point_inactive");
        }
        shop.until(start, "config.verified");
        for _ in 0..5 {
            shop.daemon.door.post("/v1/payments", &remote()).problem("trade_point_inactive");
        }
        assert_eq!((shop.asked("trade_points") - looks, shop.asked("remote_create")), (1, 10));
        let config = shop.config();
        assert_eq!((text(&config, "standing"), &config["standing_reason"]), ("verified", &Value::Null));
        assert!(text(&config, "last_verified_at") > text(&enrolled, "last_verified_at"));
        shop.bank.control("PATCH", &shop.point(), Some(&json!({"active": true})));
        shop.daemon.door.post("/v1/payments", &remote()).expect(201);
    }
}

/// "Could not ask" changes nothing but is visible: to who asked, and in the log with the number of the request.
#[test]
fn could_not_ask_changes_nothing() {
    let shop = Shop::open(Dialect::Bank, "");
    let before = shop.config();
    for (fault, code) in [("error_5xx", "kaspi_unavailable"), ("html", "kaspi_unavailable")] {
        shop.bank.fault(&json!({"call": "trade_points", "fault": fault}));
        shop.daemon.door.post(&format!("/v1/configs/{BIN}/verify"), &json!({})).problem(code);
    }
    shop.bank.fault(&json!({"call": "trade_points", "fault": "refuse", "code": -10000}));
    let refused =
        shop.daemon.door.post(&format!("/v1/configs/{BIN}/verify"), &json!({})).problem("certificate_refused");
    assert_eq!(refused["provider_code"], -10000);
    assert_eq!(shop.config(), before);
    let looks = shop.log("verify");
    assert_eq!(looks.len(), 3);
    for row in &looks {
        assert_eq!((&row["status"], row["kaspi_config_id"].is_u64()), (&json!("failed"), true), "{row}");
        let number = text(row, "x_request_id");
        let requests = shop.bank.control("GET", "/requests", None);
        let sent = requests["requests"].as_array().unwrap().iter().filter(|sent| sent["x_request_id"] == number);
        assert_eq!(sent.count(), 1, "{row}");
    }
}

/// A list in another dialect settles the dialect even if the point is not in it: nothing is sent in the old one, not
/// even of an old payment.
#[test]
fn a_point_missing_in_another_dialect_sends_nothing_in_the_old_one() {
    let till = Till::open(Dialect::Bank, CONFIRM);
    let payment = till.daemon.door.post("/v1/payments", &remote()).expect(201);
    behave(&till.bank, Dialect::Guide);
    let empty = Answer::json(r#"{"status":true,"data":{"tradepoints":[]}}"#);
    till.bank.answer("GET", "/r3/v01/partner/tradepoints/*", empty);
    let verify = || till.daemon.door.post(&format!("/v1/configs/{BIN}/verify"), &json!({})).expect(200);
    assert_eq!(text(&verify(), "standing_reason"), "dialect_changed");
    let after = verify();
    assert_eq!((text(&after, "standing"), text(&after, "dialect")), ("suspended", "guide"));
    till.daemon.door.post("/v1/payments", &remote()).problem("trade_point_inactive");
    let cancel = format!("/v1/payments/{}/cancel", text(&payment, "id"));
    till.daemon.door.post(&cancel, &json!({})).problem("not_in_dialect");
    assert_eq!(till.bank.seen_at("POST", "/r3/v01/remote/cancel", "").len(), 0);
    assert_eq!(till.bank.seen_at("POST", "/r3/v01/remote/create", "").len(), 1);
}
