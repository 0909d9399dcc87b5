//! Answers that nobody reads hold a bounded part of the machine, and hold up no stop (architecture §7).

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use kaspid::frame::{Call, Hello, PROTOCOL, Welcome};
use kaspid::operation::{LogQuery, PaymentQuery};

use super::matrix::{hear, say};
use crate::never_lose::files_in_and_out::{import, log};
use crate::support::behaviour::Till;
use crate::support::fixture::Dialect;
use crate::support::memory::{back_to, resident};

/// Rows of the log and of its payments that a client asks for and does not read.
const ROWS: usize = 5000;

/// Connections that one user may have.
const CONNECTIONS: usize = 256;

fn shop() -> Till {
    let till = Till::open(Dialect::Bank, "");
    fill(&till);
    till
}

/// Some thousand rows, all of them read once: what the database keeps of them in memory stays there.
pub(super) fn fill(till: &Till) {
    assert_eq!(import(&till.daemon, "log", "text/csv", &log(ROWS)).status, 200);
    for list in ["payments", "log"] {
        let mut after = String::new();
        loop {
            let page = till.daemon.door.get(&format!("/v1/{list}?limit=1000{after}")).expect(200);
            match &page["next"] {
                serde_json::Value::Null => break,
                next => after = format!("&after={}", next.to_string().trim_matches('"')),
            }
        }
    }
}

/// Asks for sixty lists over frames and reads none.
fn unread(till: &Till) -> UnixStream {
    let mut stream = till.daemon.door.connect();
    say(&mut stream, &Hello { protocol: PROTOCOL, client: "unread".to_owned() });
    let _: Welcome = hear(&mut stream);
    for id in 1..=60 {
        let limit = Some(1000);
        let operation = match id % 2 {
            0 => PaymentQuery { limit, ..PaymentQuery::default() }.into(),
            _ => LogQuery { limit, ..LogQuery::default() }.into(),
        };
        say(&mut stream, &Call { id, key: None, deadline_ms: None, operation });
    }
    stream
}

fn unread_over_http(till: &Till) -> UnixStream {
    let mut stream = till.daemon.door.connect();
    for _ in 0..10 {
        stream.write_all(b"GET /v1/payments?limit=1000 HTTP/1.1\r\nHost: kaspid\r\n\r\n").unwrap();
    }
    stream
}

/// Waits until the daemon takes no more memory.
fn settled(till: &Till) -> u64 {
    let mut before = 0;
    loop {
        std::thread::sleep(std::time::Duration::from_millis(500));
        let now = resident(&till.daemon).now;
        if now <= before + 64 {
            return now;
        }
        before = now;
    }
}

/// Promise: one client that asks and does not read holds some MiB, and all that one user may have do not hold more
/// than the limit of all.
#[test]
fn what_is_not_read_is_bounded() {
    for (name, ask) in [("native", unread as fn(&Till) -> UnixStream), ("http", unread_over_http)] {
        let till = shop();
        let idle = settled(&till);
        let one = ask(&till);
        let with_one = settled(&till);
        let many: Vec<UnixStream> = (1..CONNECTIONS).map(|_| ask(&till)).collect();
        let with_many = settled(&till);
        till.daemon.door.get("/v1/version").expect(200);
        drop((one, many));
        let after = back_to(&till.daemon, idle + 1024);
        let peak = resident(&till.daemon).peak;
        eprintln!(
            "{name}: idle {idle} KiB, 1 connection {with_one}, {CONNECTIONS} connections {with_many}, peak {peak}, after {after}"
        );
        assert!(with_one < idle + (6 << 10), "{name}: {with_one} KiB for one connection over {idle}");
        assert!(peak < idle + (64 << 10), "{name}: {peak} KiB over {idle}");
    }
}

/// Promise: a stop hears running calls out and waits for nobody who does not read.
#[test]
fn nobody_who_does_not_read_holds_up_a_stop() {
    let till = shop();
    let (_native, _http) = (unread(&till), unread_over_http(&till));
    settled(&till);
    let began = Instant::now();
    let Till { daemon, home, bank: _bank } = till;
    assert!(daemon.stop().success());
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    let said = home.stderr();
    assert!(said.contains("bytes of answers untaken"), "{said}");
    assert!(!said.contains("did not end in time"), "{said}");
}
