//! The clients of examples/clients, each in its own language against a real daemon: what they tell a till is what happened.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::behaviour::{Till, paid};
use crate::support::daemon::Daemon;
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::Door;

const CREATE: &str = "/r3/v01/remote/create";

/// A program that runs one, what its example is called, and whether it takes tenge as people write it.
struct Client {
    runs: &'static [&'static str],
    example: &'static str,
    is_tenge: bool,
}

const CLIENTS: [Client; 6] = [
    Client { runs: &["python3"], example: "pay.py", is_tenge: false },
    Client { runs: &["php"], example: "pay.php", is_tenge: false },
    Client { runs: &["node"], example: "pay.mjs", is_tenge: false },
    Client { runs: &["go", "run"], example: "pay.go", is_tenge: false },
    Client { runs: &["java"], example: "Pay.java", is_tenge: false },
    Client { runs: &["sh"], example: "pay.sh", is_tenge: true },
];

impl Client {
    /// Whether its language is here.
    fn is_here(&self) -> bool {
        let found = Command::new("sh").args(["-c", &format!("command -v {}", self.runs[0])]).output().unwrap();
        let is_here = found.status.success()
            && (self.runs[0] != "php"
                || Command::new("php")
                    .args(["-r", "exit(function_exists('curl_init') ? 0 : 1);"])
                    .status()
                    .unwrap()
                    .success());
        if !is_here {
            eprintln!("SKIPPED: {} is not here, {} is not run", self.runs[0], self.example);
        }
        is_here
    }

    fn sells(&self, socket: &Path, tiyn: u64, invoice: &str) -> Child {
        self.sells_for(
            socket,
            &if self.is_tenge { format!("{}.{:02}", tiyn / 100, tiyn % 100) } else { tiyn.to_string() },
            invoice,
        )
    }

    fn sells_for(&self, socket: &Path, amount: &str, invoice: &str) -> Child {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/clients").join(self.example);
        let programs = Path::new(env!("CARGO_BIN_EXE_kaspictl")).parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(self.runs[0]);
        command.args(&self.runs[1..]).arg(example).args([amount, "77015211545", invoice]);
        command.env("KASPID_SOCKET", socket).env("PATH", path).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// What it said, and how it ended; `go run` says the code of the program that it ran and ends with 1 itself.
    #[track_caller]
    fn ends(&self, child: Child, with: i32, said: &str) {
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let (told, talk) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let code = match self.runs[0] {
            "go" if talk.contains("exit status ") => {
                talk.trim().rsplit(' ').next().and_then(|code| code.parse().ok()).unwrap_or(-1)
            }
            _ => status.code().unwrap(),
        };
        assert_eq!(code, with, "{}: {told}{talk}", self.example);
        assert!((told.to_string() + &talk).to_lowercase().contains(said), "{}: {told}{talk}", self.example);
    }
}

/// The payment of the client, once Kaspi has taken it.
fn billed(door: &Door) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut after = 0;
    while Instant::now() < deadline {
        let page = door.get(&format!("/v1/events?after={after}&wait=10s")).expect(200);
        let events = page["events"].as_array().unwrap();
        if let Some(event) = events.iter().find(|event| event["type"] == "payment.waiting") {
            return event["payment"].clone();
        }
        after = page["next"].as_u64().unwrap();
    }
    panic!("nobody was billed");
}

/// Promise: a payment that is paid ends with 0, also where the daemon is restarted while the customer thinks; and the customer
/// is billed once.
#[test]
fn a_paid_sale_is_paid_once() {
    for client in CLIENTS.iter().filter(|client| client.is_here()) {
        let Till { daemon, home, bank } = Till::open(Dialect::Bank, "");
        let child = client.sells(&home.socket(), 10_000, "order-1");
        let payment = billed(&daemon.door);
        assert!(daemon.stop().success());
        let daemon = Daemon::start(&home);
        let qr = payment["qr_payment_id"].as_str().unwrap();
        bank.answer_for("GET", &format!("/r3/v01/payment/status/{qr}"), qr, paid(Dialect::Bank));
        client.ends(child, 0, "paid");
        assert_eq!(bank.seen_at("POST", CREATE, "").len(), 1, "{}", client.example);
        drop(daemon);
    }
}

/// Promise: an answer that is lost is asked for under the same key: the daemon dies while Kaspi has the request, the next one
/// does not know what came of it, and nobody is billed a second time.
#[test]
fn a_lost_answer_bills_nobody_twice() {
    for client in CLIENTS.iter().filter(|client| client.is_here()) {
        let Till { daemon, home, bank } = Till::open(Dialect::Bank, "[payments]\none_per_invoice = false");
        bank.hold();
        let child = client.sells(&home.socket(), 10_000, "order-1");
        bank.wait_for("POST", CREATE, 1);
        daemon.kill();
        bank.release();
        let _daemon = Daemon::start(&home);
        client.ends(child, 6, "unknown");
        assert_eq!(bank.seen_at("POST", CREATE, "").len(), 1, "{}", client.example);
    }
}

/// Promise: where nobody knows whether the customer was billed, the client says so and does not bill again; what surely was not
/// is not paid.
#[test]
fn what_nobody_knows_is_not_taken_for_unpaid() {
    for client in CLIENTS.iter().filter(|client| client.is_here()) {
        let till = Till::open(Dialect::Bank, "");
        till.bank.answer("POST", CREATE, Answer::page(502, "Bad Gateway"));
        client.ends(client.sells(till.daemon.socket(), 10_000, "order-1"), 6, "unknown");
        assert_eq!(till.bank.seen_at("POST", CREATE, "").len(), 1, "{}", client.example);
        till.bank.answer("POST", CREATE, Answer::json(r#"{"StatusCode":-1601,"Message":"No"}"#));
        client.ends(client.sells(till.daemon.socket(), 10_000, "order-2"), 1, "");
    }
}

/// Promise: a refusal is the answer of one call, not of the sale: with a payment open under another key, with other contents
/// under the same key, and with a daemon that knows the payment no more while the customer thinks, nobody is told "not paid".
#[test]
fn a_refused_call_is_no_unpaid_sale() {
    for client in CLIENTS.iter().filter(|client| client.is_here() && !client.is_tenge) {
        let Till { daemon, home, bank } = Till::open(Dialect::Bank, "");
        let before = tempfile::tempdir().unwrap();
        let kept = before.path().join("kaspid.redb");
        assert!(daemon.stop().success());
        std::fs::copy(home.state().join("kaspid.redb"), &kept).unwrap();
        let daemon = Daemon::start(&home);
        let sale = |tiyn: u64| json!({"kind": "remote", "amount_tiyn": tiyn, "phone_number": "77015211545", "invoice": "order-1"});
        daemon.door.post_with_key("another", "/v1/payments", &sale(10_000)).expect(201);
        client.ends(client.sells(daemon.socket(), 10_000, "order-1"), 6, "");
        daemon.door.post_with_key("sale-order-2", "/v1/payments", &sale(10_100)).expect(201);
        client.ends(client.sells(daemon.socket(), 10_000, "order-2"), 6, "");
        let child = client.sells(daemon.socket(), 20_000, "order-3");
        bank.wait_for("POST", CREATE, 3);
        // An orderly stop answers what was asked: the client has been told of its payment.
        assert!(daemon.stop().success());
        std::fs::copy(&kept, home.state().join("kaspid.redb")).unwrap();
        let _daemon = Daemon::start(&home);
        client.ends(child, 6, "");
    }
}

/// Promise: what is no whole number of tiyn bills nobody; an invoice in any letters is a sale like others; what was paid back is
/// not paid.
#[test]
fn odd_arguments_bill_nobody() {
    for client in CLIENTS.iter().filter(|client| client.is_here() && !client.is_tenge) {
        let till = Till::open(Dialect::Bank, "");
        for amount in ["150.50", "15 000", "15e3", "-1", "abc", ""] {
            let child = client.sells_for(till.daemon.socket(), amount, "order-1");
            let ended = child.wait_with_output().unwrap();
            assert!(!ended.status.success(), "{}: {amount:?}", client.example);
        }
        assert_eq!(till.bank.seen_at("POST", CREATE, "").len(), 0, "{}", client.example);
        let child = client.sells(till.daemon.socket(), 20_000, "заказ № 1");
        let payment = billed(&till.daemon.door);
        let qr = payment["qr_payment_id"].as_str().unwrap();
        till.bank.answer_for("GET", &format!("/r3/v01/payment/status/{qr}"), qr, paid(Dialect::Bank));
        client.ends(child, 0, "paid");
        let refund = format!("/v1/payments/{}/refunds", payment["id"].as_str().unwrap());
        till.daemon.door.post(&refund, &json!({"amount_tiyn": 20_000})).expect(200);
        client.ends(client.sells(till.daemon.socket(), 20_000, "заказ № 1"), 6, "paid back");
    }
}
