//! The door takes anything: what is wrong gets a clear error, what is hostile gets nothing, and the daemon lives.

use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::support::behaviour::Till;
use crate::support::fixture::Dialect;
use crate::support::http::{fresh_key, read_answer};
use crate::support::scripted_bank::BIN;

/// A till whose daemon must still answer when the test is over.
#[track_caller]
fn lives(till: &Till) {
    till.daemon.door.get("/v1/version").expect(200);
}

/// Sends bytes on a connection of its own and reads until the daemon closes it.
#[track_caller]
fn answer_to(till: &Till, bytes: &[u8]) -> Vec<u8> {
    let mut stream = till.daemon.door.connect();
    // The daemon may close before it has read all of it.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    // Closing with unread input is a reset, which is as good an end as any.
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// Wrong requests are refused in words that name what is wrong, and nothing is sent to Kaspi.
#[test]
fn wrong_requests_are_refused_by_name() {
    let till = Till::open(Dialect::Bank, "");
    let before = till.bank.seen().len();
    let wrong = [
        ("POST /v1/payments", "{", ""),
        ("POST /v1/payments", "null", ""),
        ("POST /v1/payments", "[]", ""),
        ("POST /v1/payments", r#"{"kind":"remote","amount_tiyn":1,"phone_number":"77015211545"}x"#, ""),
        ("POST /v1/payments", r#"{"kind":"cash","amount_tiyn":100}"#, "cash"),
        ("POST /v1/payments", r#"{"kind":"link"}"#, "amount_tiyn"),
        ("POST /v1/payments", r#"{"kind":"link","amount_tiyn":100,"amuont":1}"#, "amuont"),
        ("POST /v1/payments", r#"{"kind":"remote","amount_tiyn":100}"#, "phone_number"),
        ("POST /v1/payments", r#"{"kind":"remote","amount_tiyn":100,"phone_number":"12345"}"#, "phone"),
        ("POST /v1/payments", r#"{"kind":"remote","amount_tiyn":100,"phone_number":"+1 701 521 15 45"}"#, "phone"),
        ("POST /v1/payments", r#"{"kind":"link","amount_tiyn":100,"organization_bin":"891027350516"}"#, "891027350516"),
        ("POST /v1/payments", r#"{"kind":"link","amount_tiyn":100,"organization_bin":"8910273505"}"#, "12 digits"),
        ("POST /v1/payments", r#"{"kind":"link","amount_tiyn":100,"wait":"soon"}"#, ""),
        ("POST /v1/configs", r#"{"organization_bin":"abc"}"#, "12 digits"),
        ("GET /v1/trade-points/891027350516", "", ""),
        ("GET /v1/payments?limit=5000", "", "limit"),
        ("GET /v1/payments?stat=paid", "", "stat"),
        ("GET /v1/log?from=yesterday", "", ""),
    ];
    for (ask, body, named) in wrong {
        let problem = till.daemon.door.ask(ask, Some(body)).problem("invalid_request");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named), "{ask} {body}: {detail:?} does not name {named}");
    }
    assert_eq!(till.bank.seen().len(), before, "something was sent");
    lives(&till);
}

/// What is not there is `not_found`, also in the wrong method.
#[test]
fn unknown_places_are_not_found() {
    let till = Till::open(Dialect::Bank, "");
    for target in ["/", "/v1", "/v1/nothing", "/v2/health", "/v1/payments/12345678901", "/v1/configs/210440028324"] {
        till.daemon.door.get(target).problem("not_found");
    }
    let wrong_method = till.daemon.door.send("DELETE", "/v1/health", &[], None);
    assert!([404, 405].contains(&wrong_method.status), "{}", wrong_method.text());
    lives(&till);
}

/// A body over 1 MiB is refused without being read to its end; so is a chunked one.
#[test]
fn two_mebibytes_are_too_large() {
    let till = Till::open(Dialect::Bank, "");
    let body = format!(r#"{{"kind":"link","amount_tiyn":100,"comment":"{}"}}"#, "x".repeat(2 << 20));
    till.daemon.door.ask("POST /v1/payments", Some(&body)).problem("too_large");

    let mut stream = till.daemon.door.connect();
    let head = format!(
        "POST /v1/payments HTTP/1.1\r\nHost: kaspid\r\nIdempotency-Key: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        fresh_key()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..32 {
        if stream.write_all(chunk.as_bytes()).is_err() {
            break;
        }
    }
    let answer = read_answer(&mut std::io::BufReader::new(stream));
    assert!(answer.as_ref().map_or(true, |answer| answer.status == 413), "{answer:?}");
    lives(&till);
}

/// A head over 16 KiB is refused.
#[test]
fn a_large_head_is_refused() {
    let till = Till::open(Dialect::Bank, "");
    let long = "x".repeat(64 << 10);
    let answer =
        answer_to(&till, format!("GET /v1/health HTTP/1.1\r\nHost: kaspid\r\nX-Long: {long}\r\n\r\n").as_bytes());
    let text = String::from_utf8_lossy(&answer);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
    lives(&till);
}

/// A first byte that is neither of a frame nor of HTTP closes the connection without a word.
#[test]
fn garbage_is_closed() {
    let till = Till::open(Dialect::Bank, "");
    for first in [0x01_u8, 0x16, 0x20, 0x7f, b'a', b'{', 0xff] {
        assert!(answer_to(&till, &[first, 0, 0, 0, 0]).is_empty(), "{first:#04x}");
    }
    lives(&till);
}

/// A frame that is too long, cut or nonsense closes the connection, and does not take the daemon's memory.
#[test]
fn malformed_frames_are_closed() {
    let till = Till::open(Dialect::Bank, "");
    let nonsense = [&[0, 0, 0, 8][..], &[0xff; 8]].concat();
    for frame in [&[0, 0xff, 0xff, 0xff, 1, 2, 3][..], &[0, 0x10, 0, 1], &[0, 0, 0, 0], &nonsense] {
        let mut stream = till.daemon.door.connect();
        let _ = stream.write_all(frame);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() < 4096, "{frame:?}");
    }
    lives(&till);
}

/// A request that never ends holds its connection for 15 s at most, and nobody else meanwhile; also one behind another.
#[test]
fn a_slow_request_is_cut_off() {
    let till = Till::open(Dialect::Bank, "");
    let mut slow = till.daemon.door.connect();
    slow.write_all(b"POST /v1/payments HTTP/1.1\r\nHost: kaspid\r\nContent-Length: 100\r\n\r\n{").unwrap();
    let mut silent = till.daemon.door.connect();
    silent.write_all(b"GET /v1/hea").unwrap();
    let mut behind = till.daemon.door.connect();
    behind.write_all(b"GET /v1/version HTTP/1.1\r\nHost: kaspid\r\n\r\nGET /v1/hea").unwrap();
    lives(&till);
    let began = std::time::Instant::now();
    for stream in [&mut slow, &mut silent] {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 408 ") && text.contains(r#""money":"not_moved""#), "{text}");
    }
    let mut answers = String::new();
    let _ = behind.read_to_string(&mut answers);
    let is_told = answers.starts_with("HTTP/1.1 200 ") && answers.contains("HTTP/1.1 408 ");
    assert!(is_told && answers.contains(r#""money":"not_moved""#), "{answers}");
    assert!(began.elapsed().as_secs() < 30, "held for {:?}", began.elapsed());
    lives(&till);
}

/// Promise: what the document says may be null, may be: each field that may be left out, given as null, is never what a request
/// is refused for.
#[test]
fn a_field_that_may_be_left_out_may_be_null() {
    let till = Till::open(Dialect::Bank, "");
    let door = &till.daemon.door;
    let document = door.get("/openapi.json").expect(200);
    let named = |schema: &Value| {
        let name = schema["$ref"].as_str().unwrap_or_default().trim_start_matches('#').to_owned();
        document.pointer(&name).cloned().unwrap_or_default()
    };
    let mut tried = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let body = named(&operation["requestBody"]["content"]["application/json"]["schema"]);
            let body = if body["properties"].is_object() { body } else { named(&body) };
            let required = body["required"].as_array().cloned().unwrap_or_default();
            for (field, schema) in body["properties"].as_object().into_iter().flatten() {
                if required.contains(&json!(field)) {
                    continue;
                }
                assert!(schema.to_string().contains("\"null\""), "{method} {path}: {field}: {schema}");
                let path = path.replace("{bin}", BIN).replace("{ref}", "12700000001");
                let nothing = json!({ field: null }).to_string();
                let detail = door.send(&method.to_uppercase(), &path, &[], Some(&nothing)).text();
                assert!(!detail.contains("null, expected"), "{method} {path}: {field}: {detail}");
                tried += 1;
            }
        }
    }
    assert!(tried > 20, "{tried}");
}

/// Promise: nobody holds the daemon for longer than ten minutes, and a payment that is asked for with a longer wait is not made.
#[test]
fn a_wait_above_ten_minutes_is_refused_wherever_it_stands() {
    let till = Till::open(Dialect::Bank, "");
    let before = till.bank.seen().len();
    let body = json!({"kind": "link", "amount_tiyn": 100, "organization_bin": BIN, "wait": "601s"}).to_string();
    let key = fresh_key();
    till.daemon.door.send("POST", "/v1/payments", &[("Idempotency-Key", &key)], Some(&body)).problem("invalid_request");
    for path in ["/v1/log?wait=601s", "/v1/events?wait=601s"] {
        till.daemon.door.get(path).problem("invalid_request");
    }
    assert_eq!(till.bank.seen().len(), before);
    assert_eq!(till.daemon.door.get("/v1/payments").expect(200)["payments"], json!([]));
}

/// A page in a browser cannot pay: Origin, Referer and a foreign Host are refused.
#[test]
fn browsers_are_refused() {
    let till = Till::open(Dialect::Bank, "");
    let before = till.bank.seen().len();
    let body = json!({"kind": "link", "amount_tiyn": 100, "organization_bin": BIN}).to_string();
    for header in [("Origin", "https://example.com"), ("Referer", "https://example.com/"), ("Origin", "null")] {
        let answer =
            till.daemon.door.send("POST", "/v1/payments", &[("Idempotency-Key", &fresh_key()), header], Some(&body));
        assert_eq!(answer.problem("denied")["money"], "not_moved");
    }
    let foreign = answer_to(&till, b"GET /v1/health HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n");
    assert!(foreign.starts_with(b"HTTP/1.1 403"), "{}", String::from_utf8_lossy(&foreign));
    assert_eq!(till.bank.seen().len(), before);
    lives(&till);
}
