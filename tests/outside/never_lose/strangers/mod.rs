//! Files of strangers, one row for each: what it is, what it is understood as, what happens, what is told. Nothing is taken
//! as something else than it is, what is refused changes nothing and says where and what to type, and no value is repeated.

mod again;
mod configs;
mod out;
mod refused;
mod taken;
mod writers;

use serde_json::Value;

use crate::support::behaviour::Till;
use crate::support::http::{Answer, exchange};

/// A file and what must come of it.
pub(super) struct Stranger {
    name: &'static str,
    bytes: Vec<u8>,
    /// Part of what is told.
    says: &'static str,
}

impl Stranger {
    fn new(name: &'static str, bytes: impl Into<Vec<u8>>, says: &'static str) -> Self {
        Self { name, bytes: bytes.into(), says }
    }

    /// Sends it as what a shop's script would call any file.
    #[track_caller]
    fn import(&self, till: &Till, what: &str) -> Answer {
        self.send(till, what)
    }

    /// The same, only to be looked at.
    #[track_caller]
    fn look(&self, till: &Till, what: &str) -> Answer {
        self.send(till, &format!("{what}?dry_run=true"))
    }

    #[track_caller]
    fn send(&self, till: &Till, what: &str) -> Answer {
        let head = format!(
            "POST /v1/import/{what} HTTP/1.1\r\nHost: kaspid\r\nConnection: close\r\nContent-Type: application/octet-stream\r\n\
             Content-Length: {}\r\n\r\n",
            self.bytes.len()
        );
        exchange(till.daemon.door.connect(), &[head.as_bytes(), &self.bytes].concat()).unwrap()
    }

    /// A line of the table that is printed.
    fn tell(&self, understood: &str, happens: &str) {
        eprintln!("{:<44} | {understood} | {happens}", self.name);
    }

    /// Nothing of it is taken in: the line and the words of the first trouble are these.
    #[track_caller]
    fn is_refused(&self, till: &Till, what: &str, line: u64) {
        let events = || till.daemon.door.get("/v1/log/verify").expect(200)["events"].clone();
        let before = events();
        let problem = self.import(till, what).problem("invalid_request");
        let rows = problem["rows"].as_array().unwrap_or_else(|| panic!("{}: {problem}", self.name));
        let found = rows[0]["detail"].as_str().unwrap();
        assert_eq!(rows[0]["line"], line, "{}: {problem}", self.name);
        assert!(found.contains(self.says), "{} says {found:?} and not {:?}", self.name, self.says);
        assert_eq!(events(), before, "{}: something was taken in", self.name);
        assert!(!problem.to_string().contains("SECRET"), "{}: {problem}", self.name);
        let looked = self.look(till, what).problem("invalid_request");
        assert_eq!(looked["rows"], problem["rows"], "{}: judged otherwise when only looked at", self.name);
        self.tell(problem["understood"].as_str().unwrap_or("-"), &format!("refused, line {line}: {found}"));
    }
}

/// The texts of failed rows that are in the log, of this number.
fn messages(till: &Till) -> Vec<String> {
    let export = till.daemon.door.get("/v1/log/export?format=jsonl").text();
    let rows = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter_map(|row| row["error_message"].as_str().map(str::to_owned)).collect()
}
