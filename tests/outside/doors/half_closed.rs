//! A client that closes its writing side behind its request (`nc -N`, a script with a pipe) gets its answer from the real
//! daemon: behind a wait, an import and an export.

use std::io::{BufReader, Write};
use std::net::Shutdown;

use serde_json::json;

use crate::support::behaviour::{Till, paid};
use crate::support::fixture::Dialect;
use crate::support::http::{Answer, fresh_key, read_answer, request};

#[track_caller]
fn ask(till: &Till, request: &[u8]) -> Answer {
    let mut stream = till.daemon.door.connect();
    stream.write_all(request).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    read_answer(&mut BufReader::new(stream)).unwrap()
}

/// Promise: a payment that is waited for is told when it is paid, also to who can only listen any more.
#[test]
fn who_can_only_listen_hears_the_answer() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer("GET", "/r3/v01/payment/status/*", paid(Dialect::Bank));
    let body = json!({"kind": "link", "amount_tiyn": 10_000, "wait": "30s"}).to_string();
    let key = fresh_key();
    let created = ask(&till, &request("POST", "/v1/payments", &[("Idempotency-Key", &key)], Some(&body))).expect(201);
    assert_eq!(created["state"], "paid", "{created}");

    let file = "id,shop_id,kaspi_config_id,operation_type,external_id,organization_bin,amount,status,error_message,created_at\n";
    let head = format!(
        "POST /v1/import/log HTTP/1.1\r\nHost: kaspid\r\nContent-Type: text/csv\r\nContent-Length: {}\r\n\r\n{file}",
        file.len()
    );
    assert!([200, 400].contains(&ask(&till, head.as_bytes()).status), "an import of no rows has an answer");
    let export = ask(&till, &request("GET", "/v1/log/export?format=jsonl", &[], None));
    assert_eq!(export.status, 200);
    assert!(export.text().lines().count() > 1, "{}", export.text());
}
