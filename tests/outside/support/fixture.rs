//! The files of `tests/fixtures/kaspi`, and the comparison of a request with one of them.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::support::scripted_bank::Seen;

/// Which half of the fixtures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Bank,
    Guide,
}

impl Dialect {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Bank => "bank",
            Self::Guide => "guide",
        }
    }
}

/// What must be there before the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Needs {
    #[default]
    Nothing,
    Enrolled,
    Waiting,
    Paid,
}

/// What an answer proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Value,
    Refusal,
    MayHaveHappened,
}

/// A call's file; the README next to the files explains the keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fixture {
    pub(crate) call: String,
    pub(crate) sources: Vec<String>,
    pub(crate) money: bool,
    pub(crate) common: bool,
    #[serde(default)]
    pub(crate) setup: Needs,
    #[serde(default, rename = "request")]
    pub(crate) requests: Vec<Request>,
    #[serde(rename = "answer")]
    pub(crate) answers: Vec<Answer>,
}

/// The exact request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) body: String,
    pub(crate) ask: Option<String>,
    pub(crate) ask_body: Option<String>,
}

/// An answer and what it proves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) name: String,
    #[serde(default = "ok")]
    pub(crate) http: u16,
    #[serde(default)]
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
    #[serde(default)]
    pub(crate) cut: usize,
    pub(crate) outcome: Outcome,
    pub(crate) code: Option<String>,
    pub(crate) provider_code: Option<i64>,
    #[serde(default)]
    pub(crate) expect: serde_json::Map<String, Value>,
}

fn ok() -> u16 {
    200
}

impl Answer {
    /// A JSON answer that proves what it says.
    pub(crate) fn json(body: impl Into<String>) -> Self {
        Self {
            name: String::new(),
            http: 200,
            headers: Vec::new(),
            body: body.into(),
            cut: 0,
            outcome: Outcome::Value,
            code: None,
            provider_code: None,
            expect: serde_json::Map::new(),
        }
    }

    /// A page for people.
    pub(crate) fn page(http: u16, title: &str) -> Self {
        let headers = vec!["Content-Type: text/html".to_owned()];
        Self { http, headers, outcome: Outcome::MayHaveHappened, ..Self::json(format!("<h1>{title}</h1>")) }
    }

    /// The same with a payment's id in place of its name.
    pub(crate) fn about(&self, qr_payment_id: &str) -> Self {
        Self { body: self.body.replace("{qr_payment_id}", qr_payment_id), ..self.clone() }
    }

    /// The bytes on the wire; `{next_id}` becomes an id that no other payment has.
    pub(crate) fn to_bytes(&self, next_id: u64) -> Vec<u8> {
        let body = self.body.replace("{next_id}", &next_id.to_string());
        let mut head = format!("HTTP/1.1 {} Fixture\r\n", self.http);
        let typed = self.headers.iter().any(|header| header.to_ascii_lowercase().starts_with("content-type:"));
        if !typed && !body.is_empty() {
            head.push_str("Content-Type: application/json; charset=utf-8\r\n");
        }
        for header in &self.headers {
            head.push_str(&format!("{header}\r\n"));
        }
        if self.http != 204 {
            head.push_str(&format!("Content-Length: {}\r\n", body.len() + self.cut));
        }
        [head.as_bytes(), b"\r\n", body.as_bytes()].concat()
    }
}

/// Where the files are.
pub(crate) fn folder(dialect: Dialect) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kaspi").join(dialect.word())
}

impl Fixture {
    /// One file, with the common answers if it wants them.
    pub(crate) fn load(dialect: Dialect, name: &str) -> Self {
        let mut fixture = Self::parse(dialect, name);
        if fixture.common {
            fixture.answers.extend(Self::parse(dialect, "common").answers);
        }
        fixture
    }

    fn parse(dialect: Dialect, name: &str) -> Self {
        let path = folder(dialect).join(format!("{name}.toml"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// An answer by its name.
    pub(crate) fn answer(&self, name: &str) -> Answer {
        self.answers.iter().find(|answer| answer.name == name).unwrap_or_else(|| panic!("no answer {name:?}")).clone()
    }
}

/// What placeholders stand for in one test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ids {
    pub(crate) payment_id: String,
    pub(crate) qr_payment_id: String,
}

impl Ids {
    /// The text with the ids in it.
    pub(crate) fn fill(&self, text: &str) -> String {
        text.replace("{payment_id}", &self.payment_id).replace("{qr_payment_id}", &self.qr_payment_id)
    }
}

impl Request {
    /// Why a request that was seen is not this one, in words.
    pub(crate) fn differs(&self, seen: &Seen, ids: &Ids) -> Option<String> {
        let path = ids.fill(&self.path);
        if seen.method != self.method || seen.target != path {
            return Some(format!("expected {} {path}, got {} {}", self.method, seen.method, seen.target));
        }
        let id = seen.header("x-request-id").unwrap_or_default();
        if id.bytes().filter(u8::is_ascii_hexdigit).count() != 32 || !matches!(id.len(), 32 | 36) {
            return Some(format!("X-Request-ID is {id:?}, not a GUID"));
        }
        let kind = seen.header("content-type").unwrap_or_default();
        if self.method == "POST" && kind != "application/json" {
            return Some(format!("Content-Type is {kind:?}"));
        }
        let body = ids.fill(&self.body);
        (!matches(&body, &seen.body)).then(|| format!("expected body {body}\n          got {}", seen.body))
    }
}

/// Byte for byte, but for the placeholders that the README of the fixtures lists.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern
        .split_once("{tenge ")
        .map(|(before, rest)| (before, (true, rest)))
        .or_else(|| pattern.split_once("{device_id}").map(|(before, rest)| (before, (false, rest))))
    else {
        return pattern == text;
    };
    let Some(tail) = text.strip_prefix(before) else { return false };
    match rest {
        (true, rest) => {
            let Some((amount, rest)) = rest.split_once('}') else { return false };
            let end = tail.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tail.len());
            same_amount(amount, &tail[..end]) && matches(rest, &tail[end..])
        }
        (false, rest) => {
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            let end = tail.find(|c| !allowed(c)).unwrap_or(tail.len());
            (1..=64).contains(&end) && matches(rest, &tail[end..])
        }
    }
}

/// The same number with at most two decimals, whatever its trailing zeros.
fn same_amount(wanted: &str, text: &str) -> bool {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let decimals = text.contains('.').then_some(part.len());
    let bare = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    !whole.is_empty() && matches!(decimals, None | Some(1 | 2)) && bare(wanted) == bare(text)
}

/// The comparison itself: a fixture that matches everything would prove nothing.
#[test]
fn only_the_placeholders_are_loose() {
    let pattern = r#"{"A":{tenge 150.5},"D":"{device_id}"}"#;
    assert!(matches(pattern, r#"{"A":150.5,"D":"a-B_9"}"#));
    assert!(matches(pattern, r#"{"A":150.50,"D":"a"}"#));
    for wrong in [
        r#"{"A":150.500,"D":"a"}"#,
        r#"{"A":150.05,"D":"a"}"#,
        r#"{"A":"150.5","D":"a"}"#,
        r#"{"A":15050,"D":"a"}"#,
        r#"{"A":150.5,"D":""}"#,
        r#"{"A":150.5,"D":"a b"}"#,
        r#"{"A": 150.5,"D":"a"}"#,
        r#"{"D":"a","A":150.5}"#,
        r#"{"A":150.5,"D":"a"} "#,
    ] {
        assert!(!matches(pattern, wrong), "{wrong}");
    }
    assert!(same_amount("100", "100.00") && same_amount("100", "100") && !same_amount("100", "1"));
}

/// Every file reads, names its sources, and has unique names and ids.
#[test]
fn the_files_are_in_order() {
    for dialect in [Dialect::Bank, Dialect::Guide] {
        for entry in std::fs::read_dir(folder(dialect)).unwrap() {
            let path = entry.unwrap().path();
            let fixture = Fixture::parse(dialect, path.file_stem().unwrap().to_str().unwrap());
            assert!(!fixture.call.is_empty() && !fixture.sources.is_empty(), "{}", path.display());
            let mut names: Vec<_> = fixture.answers.iter().map(|answer| &answer.name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), fixture.answers.len(), "{}: two answers of one name", path.display());
            assert!(fixture.answers.iter().any(|answer| answer.outcome != Outcome::Value), "{}", path.display());
        }
    }
}
