//! Files in and out: nothing is lost on the way, a bad file changes nothing, nobody holds the daemon up.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::doors::rights::{as_nobody, open_to_all};
use crate::support::behaviour::{Till, behave};
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::http::{Answer, exchange, request};
use crate::support::scripted_bank::{BIN, ScriptedBank};

/// The guide's second organisation.
const OTHER: &str = "210440028324";

/// Rows of the round trip: a year of a shop. `KASPID_TABLE_ROWS` asks for more, as `.ci/run` does for some years.
fn table_rows() -> usize {
    std::env::var("KASPID_TABLE_ROWS").map_or(20_000, |text| text.parse().expect("KASPID_TABLE_ROWS"))
}

/// Sends a file.
#[track_caller]
pub(crate) fn import(daemon: &Daemon, what: &str, kind: &str, file: &str) -> Answer {
    let head = format!(
        "POST /v1/import/{what} HTTP/1.1\r\nHost: kaspid\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        file.len()
    );
    exchange(daemon.door.connect(), &[head.as_bytes(), file.as_bytes()].concat()).unwrap()
}

fn kaspictl(daemon: &Daemon, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    command.arg("--socket").arg(daemon.socket()).args(args).output().unwrap()
}

#[track_caller]
fn done(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A log as an earlier system wrote it: three payments out of five rows, one of them refunded in part.
pub(crate) fn log(rows: usize) -> String {
    let mut text = String::from(
        "id,shop_id,kaspi_config_id,operation_type,external_id,organization_bin,amount,status,error_message,created_at\n",
    );
    for i in 0..rows {
        let (number, second) = (900_000_000_000 + i / 5, i % 60);
        let at = format!(
            "2025-{:02}-{:02} {:02}:{:02}:{second:02}.{:03}",
            1 + i / 9000 % 12,
            1 + i % 28,
            i % 24,
            i % 59,
            i % 1000
        );
        let line = match i % 5 {
            0 => format!("{i},8,1,create,{number},{BIN},10000,success,,{at}"),
            1 => format!("{i},8,1,status,{number},{BIN},10000,success,,{at}"),
            2 => format!("{i},8,1,refund,{number},{BIN},2500,success,,{at}"),
            3 => format!("{i},8,1,create,,{BIN},10000,failed,\"Организация не зарегистрирована, \"\"{i}\"\"\",{at}"),
            _ => format!("{i},8,1,link,8{number},{BIN},777,success,,{at}"),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The guide's columns of an export without the row numbers and without rows that are the daemon's own.
fn history(csv: &str) -> Vec<String> {
    let of_kaspi = |row: &Vec<String>| !["register", "config", "import", "verify"].contains(&row[3].as_str());
    let rows = csv::Reader::from_reader(csv.as_bytes()).into_records().map(Result::unwrap);
    let rows = rows.map(|row| row.iter().take(10).map(str::to_owned).collect::<Vec<_>>());
    rows.filter(of_kaspi).map(|row| row[1..].join("|")).collect()
}

fn rss_kb(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What leaves comes back: some years of rows exported, loaded into a real SQL database with the guide's schema, read back and imported
/// into an empty daemon: equal.
#[test]
fn a_log_survives_the_way_through_a_database() {
    if Command::new("python3").args(["-c", "import sqlite3"]).status().is_ok_and(|status| !status.success()) {
        return eprintln!("SKIPPED: needs Python with sqlite3");
    }
    let rows = table_rows();
    let (first, second) = (Till::open(Dialect::Bank, ""), Till::open(Dialect::Bank, ""));
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str| files.path().join(name).display().to_string();
    std::fs::write(path("old.csv"), log(rows)).unwrap();

    let began = Instant::now();
    let said: Value =
        serde_json::from_str(&done(kaspictl(&first.daemon, &["import", "log", &path("old.csv"), "--json"]))).unwrap();
    let payments = rows / 5 * 2;
    assert_eq!((&said["imported"], &said["skipped"], &said["adopted"]), (&json!(rows), &json!(0), &json!(payments)));
    assert_eq!((&said["unknown_columns"], &said["sums"][0]["file"]["rows"]), (&json!([]), &json!(rows)));
    eprintln!("imported {rows} rows in {:?}, peak RSS {} KiB", began.elapsed(), rss_kb(&first.daemon));
    assert!(rss_kb(&first.daemon) < 96 << 10, "{} KiB", rss_kb(&first.daemon));

    let began = Instant::now();
    done(kaspictl(&first.daemon, &["log", "export", "-o", &path("first.csv")]));
    eprintln!("exported in {:?}", began.elapsed());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sql/round_trip.py");
    let loaded = Command::new("python3").arg(script).args([path("first.csv"), path("sql.csv")]).output().unwrap();
    let taken = rows / 5 * (10_000 + 777);
    assert!(done(loaded).trim().ends_with(&taken.to_string()));

    done(kaspictl(&second.daemon, &["import", "log", &path("sql.csv")]));
    done(kaspictl(&second.daemon, &["log", "export", "-o", &path("second.csv")]));
    let read = |name: &str| history(&std::fs::read_to_string(path(name)).unwrap());
    let (before, after) = (read("first.csv"), read("second.csv"));
    assert_eq!(before.len(), rows);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    assert_eq!(before.len(), after.len());
    for till in [&first, &second] {
        assert_eq!(till.daemon.door.get("/v1/log/verify").expect(200)["ok"], true);
    }

    // The same file again changes nothing.
    let again: Value =
        serde_json::from_str(&done(kaspictl(&second.daemon, &["import", "log", &path("sql.csv"), "--json"]))).unwrap();
    assert_eq!((&again["imported"], &again["adopted"]), (&json!(0), &json!(0)), "{again}");
}

/// What an earlier system billed can be followed and paid back here; its refunds count.
#[test]
fn imported_payments_are_payments() {
    let till = Till::open(Dialect::Bank, "");
    import(&till.daemon, "log", "text/csv", &log(10)).expect(200);
    let refunded = till.daemon.door.get("/v1/payments/900000000000").expect(200);
    assert_eq!((&refunded["state"], &refunded["refunded_tiyn"]), (&json!("paid"), &json!(2500)));
    assert_eq!((&refunded["organization_bin"], &refunded["amount_tiyn"]), (&json!(BIN), &json!(10_000)));
    let rows = till.daemon.door.get(&format!("/v1/log?payment={}", refunded["id"].as_str().unwrap())).expect(200);
    assert_eq!(rows["rows"].as_array().map(Vec::len), Some(3), "create, status, refund: {rows}");
    // Imported payments stand among the others by their own time.
    let recent = till.daemon.door.get("/v1/payments?since=2026-01-01T00:00:00Z").expect(200);
    assert_eq!(recent["payments"], json!([]));
}

/// Every bad row is told, the first hundred by line and reason, and nothing of the file is taken in.
#[test]
fn a_bad_file_changes_nothing() {
    let till = Till::open(Dialect::Bank, "");
    let rows = || till.daemon.door.get("/v1/log/verify").expect(200)["events"].clone();
    let before = rows();
    let bad = format!(
        "operation_type,external_id,organization_bin,amount,status,created_at\n\
         create,900000000001,{BIN},100,success,2025-01-01 10:00:00\n\
         create,900000000001,{BIN},200,success,2025-01-01 10:00:00\n\
         bill,1,{BIN},100,done,yesterday\n\
         create,900000000002,{OTHER},100,success,2025-01-01 10:00:00\n\
         create,900000000003,,100,success,2025-01-01 10:00:00\n\
         create,900000000004,{BIN},,success,2025-01-01 10:00:00\n\
         refund,900000000001,{BIN},101,success,2025-01-01 10:00:00\n\
         cancel,900000000005,{BIN},101,success,2025-01-01 10:00:00\n\
         create,900000000005,{BIN},101,success,2025-01-01 10:00:00\n\
         status,x,{BIN},-1,success\n\
         create,900000000006,{BIN},100,success,2098-01-01 10:00:00\n"
    );
    let problem = import(&till.daemon, "log", "text/csv", &bad).problem("invalid_request");
    let said: Vec<_> = problem["rows"].as_array().unwrap().iter().map(|row| row["line"].as_u64().unwrap()).collect();
    assert_eq!(said, [3, 4, 5, 6, 7, 8, 10, 11, 12], "{problem}");
    for word in ["operation_type", "status", "created_at"] {
        assert!(problem["rows"][1]["detail"].as_str().unwrap().contains(word), "{problem}");
    }
    let many = format!("operation_type,status,created_at\n{}", "create,success,never\n".repeat(150));
    let problem = import(&till.daemon, "log", "text/csv", &many).problem("invalid_request");
    assert_eq!((problem["rows"].as_array().map(Vec::len), &problem["more_rows"]), (Some(100), &json!(50)));
    assert_eq!(rows(), before);

    // For people: each line, and an exit code that says refused.
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(file.path(), &bad).unwrap();
    let output = kaspictl(&till.daemon, &["import", "log", file.path().to_str().unwrap()]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("line 11: ") && stderr.contains("Correct these rows"), "{stderr}");
}

const CONFIGS: &str = "description,device_token,organization_bin,trade_point_id,shop_id,is_active,is_default,created_at,last_verified_at,owner\n\
    Main BIN,tok-en-1,891027350515,104039,8,TRUE,t,2025-01-01 10:00:00,,x\n\
    NULL,tok-en-2,210440028324,104040,8,1,0,\\N,2025-01-01 10:00:00+05,y\n";

/// The guide's table of organisations, as a database exports it, becomes configs that take payments once a look at
/// their trade points has settled the dialect.
#[test]
fn configs_are_taken_in_once() {
    let till = Till::bare(Dialect::Bank, "");
    let imported = import(&till.daemon, "configs", "text/csv", CONFIGS).expect(200);
    assert_eq!((&imported["imported"], &imported["skipped"], &imported["adopted"]), (&json!(2), &json!(0), &json!(0)));
    assert_eq!((&imported["unknown_columns"], &imported["sums"]), (&json!(["owner"]), &json!([])));
    let config = till.daemon.door.get(&format!("/v1/configs/{BIN}")).expect(200);
    assert_eq!((&config["is_default"], &config["description"]), (&json!(true), &json!("Main BIN")));
    assert_eq!(config["created_at"], "2025-01-01T05:00:00.000Z");
    let other = till.daemon.door.get(&format!("/v1/configs/{OTHER}")).expect(200);
    assert_eq!((&other["is_default"], &other["description"]), (&json!(false), &Value::Null));
    let again = import(&till.daemon, "configs", "text/csv", CONFIGS).expect(200);
    assert_eq!((&again["imported"], &again["skipped"]), (&json!(0), &json!(2)));
}

/// A token that is here is never replaced, and none is repeated, whatever is wrong with the file.
#[test]
fn a_file_replaces_no_token() {
    let till = Till::bare(Dialect::Bank, "");
    import(&till.daemon, "configs", "text/csv", CONFIGS).expect(200);
    let changed = CONFIGS.replace("tok-en-1", "SECRET-TOKEN").replace(",104040,", ",104041,");
    let problem = import(&till.daemon, "configs", "text/csv", &changed).problem("invalid_request");
    let details: Vec<_> =
        problem["rows"].as_array().unwrap().iter().map(|row| row["detail"].as_str().unwrap()).collect();
    assert!(details[0].contains("another device token") && details[1].contains("trade point 104040"), "{problem}");
    let wrong = [
        "shop_id,organization_bin,trade_point_id,device_token\n8,990140000007,1,SECRET-TOKEN\n8,990140000007,1,SECRET-TOKEN\n",
        "shop_id,organization_bin,trade_point_id,device_token\n8,SECRET-TOKEN,SECRET TOKEN,SECRET-TOKEN\n",
        "shop_id,organization_bin,trade_point_id,device_token\n8,990140000007,1,SECRET-TOKEN\u{7}\n",
        "shop_id,organization_bin,trade_point_id,device_token,is_default\n8,990140000007,1,SECRET-TOKEN,1\n",
        "SECRET-TOKEN,1\n",
        "shop_id,organization_bin,trade_point_id,device_token\n8,SECRET-TOKEN\n",
    ];
    for file in wrong {
        let problem = import(&till.daemon, "configs", "text/csv", file).problem("invalid_request");
        assert!(!problem.to_string().contains("SECRET"), "{problem}");
        assert!(!problem["rows"].as_array().unwrap().is_empty(), "{problem}");
    }
    let configs = till.daemon.door.get("/v1/configs").expect(200);
    assert_eq!(configs["configs"].as_array().map(Vec::len), Some(2));
    assert!(!till.home.stderr().contains("SECRET"));
}

/// Whoever may not is told before a byte of the file is read, and an export shows what its reader may see.
#[test]
fn files_need_their_right() {
    let Some(till) = open_to_all("") else { return };
    for (method, target) in [("GET", "/v1/log/export"), ("POST", "/v1/import/log"), ("POST", "/v1/import/configs")] {
        let (status, problem) = as_nobody(&till, method, target, None);
        assert_eq!((status, &problem["code"]), (403, &json!("denied")), "{method} {target}");
    }
    let wrong = import(&till.daemon, "log", "image/png", "{}");
    assert!(wrong.problem("invalid_request")["detail"].as_str().unwrap().contains("text/csv"));
}

/// A file that is refused is not sent, so that the refusal can be read however large the file is.
#[test]
fn a_refusal_of_a_large_file_is_read() {
    let Some(till) = open_to_all("") else { return };
    let (program, file) = (till.home.path().join("kaspictl"), till.home.path().join("log.csv"));
    std::fs::copy(env!("CARGO_BIN_EXE_kaspictl"), &program).unwrap();
    std::fs::write(&file, log(20_000)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(program);
    command.arg("--socket").arg(till.daemon.socket()).args(["import", "log"]).arg(file);
    let output = command.current_dir("/").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("what to do"), "{stderr}");
}

/// An export shows what its reader may see and nothing else.
#[test]
fn an_export_ends_at_the_readers_scope() {
    let name = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(65534)).unwrap().map(|user| user.name);
    let Some(name) = name else { return eprintln!("SKIPPED: user 65534 has no name here") };
    let more = format!("[access]\naudit = [\"root\", \"{name}\"]\n[[access.shop]]\nwho = \"{name}\"\nshops = [9]");
    let Some(till) = open_to_all(&more) else { return };
    import(&till.daemon, "log", "text/csv", &log(1)).expect(200);
    let target = "/v1/log/export?format=jsonl&to=2025-06-01T00:00:00Z";
    assert_eq!(till.daemon.door.get(target).json()["external_id"], "900000000000");
    assert_eq!(as_nobody(&till, "GET", target, None), (200, Value::Null));
}

/// A client that stops reading an export holds nobody up: not the writer, not a stop.
#[test]
fn a_reader_that_stops_holds_nobody_up() {
    let till = Till::open(Dialect::Bank, "");
    import(&till.daemon, "log", "text/csv", &log(20_000)).expect(200);
    let mut reader = till.daemon.door.connect();
    reader.write_all(&request("GET", "/v1/log/export?format=jsonl", &[], None)).unwrap();
    let mut first = [0; 1024];
    reader.read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200 OK"));
    till.daemon.door.post("/v1/payments", &json!({"kind": "link", "amount_tiyn": 100})).expect(201);
    assert!(till.daemon.door.get("/v1/log?limit=1&order=desc").expect(200)["rows"][0]["id"].as_u64().unwrap() > 20_000);
    let began = Instant::now();
    assert!(till.daemon.stop().success());
    assert!(began.elapsed() < Duration::from_secs(20), "the stop took {:?}", began.elapsed());
    // And the reader can tell that it has not everything.
    let mut rest = Vec::new();
    let _ = reader.read_to_end(&mut rest);
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

/// Half a file applies nothing, and the daemon goes on.
#[test]
fn a_cut_import_applies_nothing() {
    let till = Till::open(Dialect::Bank, "");
    let events = || till.daemon.door.get("/v1/log/verify").expect(200)["events"].clone();
    let before = events();
    let file = log(2000);
    let half = file.split_at(file.len() / 2 / 100 * 100).0.rsplit_once('\n').unwrap().0;
    let head =
        "POST /v1/import/log HTTP/1.1\r\nHost: kaspid\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut stream = till.daemon.door.connect();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(format!("{:x}\r\n{half}\n\r\n", half.len() + 1).as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut line = String::new();
    // Closed, or told; never taken.
    let _ = BufReader::new(stream).read_line(&mut line);
    assert!(!line.contains("200"), "{line}");
    assert_eq!(events(), before);
    import(&till.daemon, "log", "text/csv", &file).expect(200);
}

/// A config without a dialect: its payments could not be refunded, so the file waits until it is settled.
#[test]
fn a_log_waits_for_the_dialect() {
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    bank.answer(
        "GET",
        "/r3/v01/partner/tradepoints/*",
        crate::support::fixture::Answer::json(r#"{"StatusCode":-999}"#),
    );
    let home = Home::new(&bank, "");
    let daemon = Daemon::start(&home);
    import(&daemon, "configs", "text/csv", CONFIGS).expect(200);
    let config = daemon.door.get(&format!("/v1/configs/{BIN}")).expect(200);
    assert_eq!((&config["standing"], &config["standing_reason"]), (&json!("suspended"), &json!("dialect_changed")));
    let problem = import(&daemon, "log", "text/csv", &log(5)).problem("bin_inactive");
    assert!(problem["remedy"].as_str().unwrap().contains("kaspictl bin verify"), "{problem}");
}
