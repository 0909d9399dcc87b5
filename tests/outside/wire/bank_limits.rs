//! What the daemon asks of the bank has a bound of its own, before the bank's: payer look-ups per device, and all
//! reads that no money hangs on.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::behaviour::Till;
use crate::support::fixture::Dialect;
use crate::support::scripted_bank::{BIN, ScriptedBank};

/// The guide's second organisation.
const OTHER: &str = "210440028324";
const PAYER: &str = "/r3/v01/remote/client-info";
const LOOKUP: &str = "/v1/payers/77015211545";

/// The bank takes 50 client-info calls a minute per device (wire §8). Sixty callers at once: fifty reach the bank, ten are
/// told when to come again, and another organisation's device is not held back.
#[test]
fn payer_lookups_stop_before_the_banks_limit() {
    let till = Till::open(Dialect::Bank, "");
    till.daemon.door.post("/v1/configs", &json!({"organization_bin": OTHER})).expect(201);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let door = &till.daemon.door;
        let callers: Vec<_> = (0..60).map(|_| scope.spawn(move || door.get(LOOKUP))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 50);
    assert_eq!(till.bank.seen_at("GET", PAYER, "").len(), 50);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        let problem = refused.problem("rate_limited");
        assert_eq!((&problem["retryable"], &problem["money"]), (&json!(true), &json!("not_moved")));
        let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((20..=62).contains(&seconds), "{seconds}");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("{seconds} s")), "{problem}");
    }
    till.daemon.door.get(&format!("{LOOKUP}?organization_bin={OTHER}")).expect(200);
    till.daemon.door.get(LOOKUP).problem("rate_limited");
    // What is limited is the look-up: the device takes money all the same.
    let remote = json!({"kind": "remote", "amount_tiyn": 100, "phone_number": "77015211545"});
    till.daemon.door.post("/v1/payments", &remote).expect(201);
}

fn reads(bank: &ScriptedBank) -> usize {
    bank.seen().iter().filter(|seen| seen.path().contains("/payment/status/")).count()
}

/// `[follow] rate` holds for the follower and for callers together, and nothing that moves money waits for it.
#[test]
fn reads_keep_the_pace_and_money_does_not_wait() {
    let till = Till::open(Dialect::Bank, "[follow]\nrate = 1");
    let door = &till.daemon.door;
    let link = json!({"kind": "link", "amount_tiyn": 20_000});
    let ids: Vec<String> =
        (0..64).map(|_| door.post("/v1/payments", &link).expect(201)["id"].as_str().unwrap().to_owned()).collect();
    // Each is due every second by the bank's interval: from here on there is always more to ask than may be asked.
    let (began, before) = (Instant::now(), reads(&till.bank));
    std::thread::scope(|scope| {
        for id in &ids {
            scope.spawn(move || assert_eq!(door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "waiting"));
        }
    });
    let remote = json!({"kind": "remote", "amount_tiyn": 20_000, "phone_number": "77015211545"});
    let asked = Instant::now();
    for _ in 0..10 {
        let id = door.post("/v1/payments", &remote).expect(201)["id"].as_str().unwrap().to_owned();
        door.post(&format!("/v1/payments/{id}/cancel"), &json!({})).expect(200);
    }
    let waited = asked.elapsed();
    let count = reads(&till.bank) - before;
    // One a second of its own, ten times that for callers with a second's worth at once, and the two at the edges.
    let most = 11.0 * began.elapsed().as_secs_f64() + 14.0;
    assert!((1.0..=most).contains(&(count as f64)), "{count} reads in {:?}", began.elapsed());
    // At the daemon's own pace of the reads, twenty calls would take seventeen seconds and more.
    assert!(waited < Duration::from_secs(12), "money waited {waited:?}");

    till.home.change("[follow]\nrate = 1000");
    let reloaded = door.post("/v1/reload", &json!({})).expect(200);
    assert_eq!(reloaded, json!({"changed": ["follow"], "restart_needed": []}));
    // All that is overdue is asked now: without the new pace this would take half a minute.
    let (began, before) = (Instant::now(), reads(&till.bank));
    while reads(&till.bank) < before + ids.len() {
        assert!(began.elapsed() < Duration::from_secs(20), "{} reads", reads(&till.bank) - before);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(door.get(&format!("/v1/configs/{BIN}")).expect(200)["standing"], "verified");
}
