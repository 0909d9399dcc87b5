//! `--api`: the HTTP request an operation stands for (architecture §7), as a curl line to copy.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::plan::{Ask, Transfer};
use crate::operation::{Operation, Resolve};

/// Stands where a device token would: a token is no business of a terminal or of curl's argument list.
const TOKEN: &str = "CONTENTS-OF-THE-TOKEN-FILE";

/// A request of the HTTP interface.
struct Request {
    method: &'static str,
    path: String,
    content: Content,
}

enum Content {
    Nothing,
    Query(Map<String, Value>),
    Body(Map<String, Value>),
    File(crate::operation::FileFormat),
}

/// The curl line for `ask`.
pub(super) fn curl(ask: &Ask, socket: &Path) -> String {
    let Request { method, path, mut content } = request(&ask.operation);
    if let (Content::Body(body), Some(_)) = (&mut content, &ask.token_file) {
        body.insert("device_token".to_owned(), TOKEN.into());
    }
    let mut words = vec!["curl".to_owned(), "--unix-socket".to_owned(), socket.display().to_string()];
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    match method {
        "GET" => {}
        _ => add("-X", method.to_owned()),
    }
    if let Some(key) = &ask.key {
        add("-H", format!("Idempotency-Key: {}", key.key));
    }
    match content {
        Content::Nothing => {}
        Content::File(format) => add("-H", format!("Content-Type: {}", format.content_type())),
        Content::Body(body) => {
            add("-H", "Content-Type: application/json".to_owned());
            add("-d", Value::Object(body).to_string());
        }
        Content::Query(query) if query.is_empty() => {}
        Content::Query(query) => {
            // curl encodes the values and puts them into the URL.
            add("-G", String::new());
            for (name, value) in query {
                add("--data-urlencode", format!("{name}={}", plain(&value)));
            }
        }
    }
    match &ask.transfer {
        Some(Transfer::Send(file)) => words.extend(["-T".to_owned(), file.display().to_string()]),
        Some(Transfer::Save(Some(file))) => words.extend(["-o".to_owned(), file.display().to_string()]),
        Some(Transfer::Save(None)) | None => {}
    }
    words.retain(|word| !word.is_empty());
    words.push(format!("http://kaspid{path}"));
    quoted(words.iter().map(String::as_str))
}

/// Method, path with query, and kind of the file of a streamed operation.
pub(super) fn line(operation: &Operation) -> (&'static str, String, Option<&'static str>) {
    let Request { method, path, content } = request(operation);
    match content {
        Content::Nothing | Content::Body(_) => (method, path, None),
        Content::File(format) => (method, path, Some(format.content_type())),
        Content::Query(query) => {
            let mut pairs = form_urlencoded::Serializer::new(String::new());
            pairs.extend_pairs(query.iter().map(|(name, value)| (name, plain(value))));
            (method, format!("{path}?{}", pairs.finish()), None)
        }
    }
}

/// Words as one line for a shell.
pub(super) fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    // Only a NUL cannot be quoted, and no argument of a program has one.
    shlex::Quoter::new().allow_nul(true).join(words).unwrap_or_default()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The fields of a request that say something.
fn fields(request: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(request) {
        Ok(Value::Object(fields)) => {
            fields.into_iter().filter(|(_, value)| !value.is_null() && *value != Value::Bool(false)).collect()
        }
        _ => Map::new(),
    }
}

fn get(path: impl Into<String>) -> Request {
    Request { method: "GET", path: path.into(), content: Content::Nothing }
}

fn find(path: impl Into<String>, query: &impl Serialize) -> Request {
    Request { method: "GET", path: path.into(), content: Content::Query(fields(query)) }
}

fn post(path: impl Into<String>) -> Request {
    Request { method: "POST", path: path.into(), content: Content::Nothing }
}

fn file(path: &str, format: crate::operation::FileFormat) -> Request {
    Request { method: "POST", path: path.to_owned(), content: Content::File(format) }
}

fn send(method: &'static str, path: impl Into<String>, body: Map<String, Value>) -> Request {
    Request { method, path: path.into(), content: Content::Body(body) }
}

/// The route table of architecture §7, read backwards.
fn request(operation: &Operation) -> Request {
    match operation {
        Operation::Health => get("/v1/health"),
        Operation::Version => get("/v1/version"),
        Operation::ConfigList(query) => find("/v1/configs", query),
        Operation::ConfigGet { organization_bin } => get(format!("/v1/configs/{organization_bin}")),
        Operation::TradePoints { organization_bin } => get(format!("/v1/trade-points/{organization_bin}")),
        Operation::Enrol(enrol) => send("POST", "/v1/configs", fields(enrol)),
        Operation::ChangeConfig { organization_bin, change } => {
            send("PATCH", format!("/v1/configs/{organization_bin}"), change_fields(change))
        }
        Operation::RetireConfig { organization_bin, delete_device } => retire(organization_bin, *delete_device),
        Operation::VerifyConfig { organization_bin } => post(format!("/v1/configs/{organization_bin}/verify")),
        Operation::RegisterDevice { organization_bin, trade_point_id: None } => {
            post(format!("/v1/configs/{organization_bin}/register"))
        }
        Operation::RegisterDevice { organization_bin, trade_point_id: Some(point) } => {
            let body = json!({ "trade_point_id": point });
            send("POST", format!("/v1/configs/{organization_bin}/register"), fields(&body))
        }
        Operation::Select(select) => find("/v1/select", select),
        Operation::Create(create) => send("POST", "/v1/payments", fields(create)),
        Operation::PaymentList(query) => find("/v1/payments", query),
        Operation::PaymentGet { payment, wait } => find(format!("/v1/payments/{payment}"), &json!({ "wait": wait })),
        Operation::PaymentPicture { payment } => get(format!("/v1/payments/{payment}/qr.svg")),
        Operation::Cancel { payment } => post(format!("/v1/payments/{payment}/cancel")),
        Operation::Refund { payment, refund } => {
            send("POST", format!("/v1/payments/{payment}/refunds"), fields(refund))
        }
        Operation::Adopt(adopt) => send("POST", "/v1/payments/adopt", fields(adopt)),
        Operation::Payer(query) => payer(query),
        Operation::LogList(query) => find("/v1/log", query),
        Operation::LogVerify(query) => find("/v1/log/verify", query),
        Operation::ReportDay(query) => find("/v1/reports/day", query),
        Operation::ReportRange(query) => find("/v1/reports/range", query),
        Operation::Identity => get("/v1/identity"),
        Operation::Events(query) => find("/v1/events", query),
        Operation::Reload => post("/v1/reload"),
        Operation::Backup => get("/v1/backup"),
        Operation::Diagnose => get("/v1/doctor"),
        Operation::AcknowledgeRestore => post("/v1/restore/acknowledge"),
        Operation::Metrics => get("/metrics"),
        Operation::Resolve { payment, resolution } => {
            send("POST", format!("/v1/payments/{payment}/resolve"), resolution_fields(resolution))
        }
        Operation::LogExport(query) => find("/v1/log/export", query),
        Operation::ImportConfigs { format } => file("/v1/import/configs", *format),
        Operation::ImportLog { format } => file("/v1/import/log", *format),
    }
}

/// Here `false` says something: deactivate.
fn change_fields(change: &crate::operation::ConfigChange) -> Map<String, Value> {
    let mut said = fields(change);
    said.extend(change.is_active.map(|active| ("is_active".to_owned(), active.into())));
    said.extend(change.is_default.map(|default| ("is_default".to_owned(), default.into())));
    said
}

fn retire(bin: &crate::id::OrganizationBin, delete_device: bool) -> Request {
    let query = if delete_device { "?delete_device=true" } else { "" };
    Request { method: "DELETE", path: format!("/v1/configs/{bin}{query}"), content: Content::Nothing }
}

fn payer(query: &crate::operation::PayerQuery) -> Request {
    let mut fields = fields(query);
    fields.remove("phone_number");
    Request {
        method: "GET",
        path: format!("/v1/payers/{}", query.phone_number.with_prefix('7')),
        content: Content::Query(fields),
    }
}

/// The flat form that HTTP clients write (architecture §7, `resolve`).
fn resolution_fields(resolution: &Resolve) -> Map<String, Value> {
    let body = match resolution {
        Resolve::Attach { qr_payment_id, reason } => json!({ "attach": qr_payment_id, "reason": reason }),
        Resolve::Abandon { reason } => json!({ "abandon": true, "reason": reason }),
        Resolve::Refund { refund, happened, reason } => {
            json!({ "refund": refund, "happened": happened, "reason": reason })
        }
        Resolve::Paid { paid, reason } => json!({ "paid": paid, "reason": reason }),
    };
    match body {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot unwrap has failed")]

    use clap::Parser;

    use super::*;
    use crate::ctl::args::Cli;
    use crate::ctl::plan::{self, Plan};
    use crate::ctl::when::Zone;

    fn line(typed: &str) -> String {
        let zone = Zone::named("Asia/Almaty").unwrap();
        match plan::of(Cli::try_parse_from(typed.split(' ')).unwrap(), &zone) {
            Ok(Plan::Ask(ask)) => curl(&ask, Path::new("/s")),
            _ => panic!("{typed} asks nothing"),
        }
    }

    #[test]
    fn requests_are_those_of_the_contract() {
        let table = [
            ("k status", "curl --unix-socket /s http://kaspid/v1/health"),
            ("k bin list --shop 8", "curl --unix-socket /s -G --data-urlencode 'shop_id=8' http://kaspid/v1/configs"),
            ("k bin remove 891027350515", "curl --unix-socket /s -X DELETE http://kaspid/v1/configs/891027350515"),
            (
                "k bin deactivate 891027350515",
                r#"curl --unix-socket /s -X PATCH -H 'Content-Type: application/json' -d '{"is_active":false}' http://kaspid/v1/configs/891027350515"#,
            ),
            (
                "k pay 150.50 --phone 87015211545 --key K1 --wait",
                r#"curl --unix-socket /s -X POST -H 'Idempotency-Key: K1' -H 'Content-Type: application/json' -d '{"amount_tiyn":15050,"kind":"remote","phone_number":"77015211545","wait":"1m"}' http://kaspid/v1/payments"#,
            ),
            (
                "k payment refund 12737694350 50 --key K1",
                r#"curl --unix-socket /s -X POST -H 'Idempotency-Key: K1' -H 'Content-Type: application/json' -d '{"amount_tiyn":5000}' http://kaspid/v1/payments/12737694350/refunds"#,
            ),
            (
                "k payment resolve 12737694350 --paid no --reason seen",
                r#"curl --unix-socket /s -X POST -H 'Content-Type: application/json' -d '{"paid":false,"reason":"seen"}' http://kaspid/v1/payments/12737694350/resolve"#,
            ),
            (
                "k payment wait 12737694350",
                "curl --unix-socket /s -G --data-urlencode 'wait=1m' http://kaspid/v1/payments/12737694350",
            ),
            (
                "k payer 87015211545 --shop 8",
                "curl --unix-socket /s -G --data-urlencode 'shop_id=8' http://kaspid/v1/payers/77015211545",
            ),
            (
                "k report --date yesterday",
                "curl --unix-socket /s -G --data-urlencode 'date=yesterday' http://kaspid/v1/reports/day",
            ),
            (
                "k report --from 2026-11-01",
                "curl --unix-socket /s -G --data-urlencode 'from=2026-11-01' http://kaspid/v1/reports/range",
            ),
            ("k log follow", "curl --unix-socket /s -G --data-urlencode 'wait=1m' http://kaspid/v1/log"),
            (
                "k log list --to 2026-11-24 --newest-first",
                "curl --unix-socket /s -G --data-urlencode 'order=desc' --data-urlencode 'to=2026-11-24T19:00:00.000Z' http://kaspid/v1/log",
            ),
        ];
        for (typed, expected) in table {
            assert_eq!(line(typed), expected, "{typed}");
        }
    }

    /// The body a person copies is one the daemon reads back as the same request.
    #[test]
    fn bodies_read_back() {
        let zone = Zone::named("Asia/Almaty").unwrap();
        let typed = "k link 150 --comment It's --invoice order-1 --repeat-invoice --shop 8 --bin 891027350515";
        let Ok(Plan::Ask(ask)) = plan::of(Cli::try_parse_from(typed.split(' ')).unwrap(), &zone) else {
            panic!("{typed} asks nothing")
        };
        let words = shlex::split(&curl(&ask, Path::new("/s"))).unwrap();
        let body = words.iter().skip_while(|word| *word != "-d").nth(1).unwrap();
        assert_eq!(Operation::Create(serde_json::from_str(body).unwrap()), ask.operation);
    }

    /// The token file is not even opened.
    #[test]
    fn a_token_is_not_shown() {
        assert!(line("k bin add 891027350515 --token-file /nowhere").contains(TOKEN));
    }
}
