//! The HTTP request an operation stands for (architecture §7): what is streamed goes so, and `--api` shows it as a curl
//! line to copy.

use std::path::Path;

use serde_json::{Map, Value};

use super::invocation::{HandedPaths, Invocation, Transfer};
use super::shell::quoted;
use crate::operation::{Operation, Written};

/// Stands where a device token would: a token is no business of a terminal or of curl's argument list.
const TOKEN: &str = "CONTENTS-OF-THE-TOKEN-FILE";

/// The curl line for `ask`.
pub(super) fn curl(ask: &Invocation, socket: &Path) -> String {
    if let Some(paths) = &ask.handed {
        return piped(ask, paths, socket);
    }
    let (method, mut path, Written { query, mut body, file, .. }) = request(&ask.operation);
    if let (Some(body), Some(_)) = (&mut body, &ask.token_file) {
        body.insert("device_token".to_owned(), TOKEN.into());
    }
    let mut words = vec!["curl".to_owned(), "--unix-socket".to_owned(), socket.display().to_string()];
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    if method != "GET" {
        add("-X", method.to_owned());
    }
    if let Some(key) = &ask.key {
        add("-H", format!("Idempotency-Key: {}", key.key));
    }
    if let Some(format) = file {
        add("-H", format!("Content-Type: {}", format.content_type()));
    }
    if let Some(body) = body {
        add("-H", "Content-Type: application/json".to_owned());
        add("-d", Value::Object(body).to_string());
    }
    if method != "GET" {
        path = with_query(path, &query);
    } else if !query.is_empty() {
        // curl encodes the values and puts them into the URL.
        add("-G", String::new());
        for (name, value) in &query {
            add("--data-urlencode", format!("{name}={}", plain(value)));
        }
    }
    match &ask.transfer {
        Some(Transfer::Send(file)) => add("-T", file.display().to_string()),
        Some(Transfer::Save(Some(file))) => add("-o", file.display().to_string()),
        Some(Transfer::Save(None)) | None => {}
    }
    words.retain(|word| !word.is_empty());
    words.push(format!("http://kaspid{path}"));
    quoted(words.iter().map(String::as_str))
}

/// Secrets stand in no argument of any program: the shell's own printf writes the body into curl's standard input.
fn piped(ask: &Invocation, paths: &HandedPaths, socket: &Path) -> String {
    let (method, path, written) = request(&ask.operation);
    let mut fields: Vec<String> = Vec::new();
    let mut files: Vec<String> = Vec::new();
    for (name, path) in
        [("key", &paths.key), ("certificate", &paths.certificate), ("chain", &paths.chain), ("pkcs12", &paths.pkcs12)]
    {
        if let Some(path) = path {
            fields.push(format!("\"{name}\":\"%s\""));
            files.push(format!("\"$(base64 -w0 {})\"", word(path)));
        }
    }
    if let Some(path) = &paths.passphrase {
        // Escaped as JSON wants it.
        fields.push("\"passphrase\":\"%s\"".to_owned());
        files.push(format!("\"$(sed 's/[\\\\\"]/\\\\&/g' {})\"", word(path)));
    }
    if written.body.is_some_and(|body| body.get("unchecked") == Some(&Value::Bool(true))) {
        fields.push("\"unchecked\":true".to_owned());
    }
    let socket = word(socket);
    format!(
        "printf '{{{}}}' {} | curl --unix-socket {socket} -X {method} -H 'Content-Type: application/json' -d @- \
         http://kaspid{path}",
        fields.join(","),
        files.join(" ")
    )
}

fn word(path: &Path) -> String {
    quoted([path.display().to_string().as_str()].into_iter())
}

/// Method, path with query, and kind of the file of a streamed operation.
pub(super) fn line(operation: &Operation) -> (&'static str, String, Option<&'static str>) {
    let (method, path, written) = request(operation);
    (method, with_query(path, &written.query), written.file.map(|format| format.content_type()))
}

/// Method, path, and whatever else there is.
fn request(operation: &Operation) -> (&'static str, String, Written) {
    let (row, written) = (operation.row(), operation.written());
    let path = match row.path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?.1))) {
        Some((before, after)) => format!("{before}{}{after}", written.parameter),
        None => row.path.to_owned(),
    };
    (row.method, path, written)
}

fn with_query(path: String, query: &Map<String, Value>) -> String {
    if query.is_empty() {
        return path;
    }
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(query.iter().map(|(name, value)| (name, plain(value))));
    format!("{path}?{}", pairs.finish())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot unwrap has failed")]

    use clap::Parser;

    use super::*;
    use crate::ctl::args::Cli;
    use crate::ctl::plan::{self, Plan};
    use crate::ctl::when::Person;
    use crate::operation::CreatePayment;

    fn line(typed: &str) -> String {
        let reader = Person::named("Asia/Almaty").unwrap();
        match plan::of(Cli::try_parse_from(typed.split(' ')).unwrap(), &reader) {
            Ok(Plan::Invocation(ask)) => curl(&ask, Path::new("/s")),
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
        let reader = Person::named("Asia/Almaty").unwrap();
        let typed = "k link 150 --comment It's --invoice order-1 --repeat-invoice --shop 8 --bin 891027350515";
        let Ok(Plan::Invocation(ask)) = plan::of(Cli::try_parse_from(typed.split(' ')).unwrap(), &reader) else {
            panic!("{typed} asks nothing")
        };
        let words = shlex::split(&curl(&ask, Path::new("/s"))).unwrap();
        let body = words.iter().skip_while(|word| *word != "-d").nth(1).unwrap();
        let create: CreatePayment = serde_json::from_str(body).unwrap();
        assert_eq!(Operation::from(create), ask.operation);
    }

    /// The token file is not even opened.
    #[test]
    fn a_token_is_not_shown() {
        assert!(line("k bin add 891027350515 --token-file /nowhere").contains(TOKEN));
    }
}
