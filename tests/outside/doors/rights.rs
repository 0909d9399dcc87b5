//! Rights come from the kernel (architecture §7): another user is told what he lacks and how it is given.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::behaviour::{Till, behave};
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::scripted_bank::{BIN, ScriptedBank};

/// The user that is nobody everywhere.
const NOBODY: u32 = 65534;

/// A till whose socket anybody may connect to, so that the rules and not the file decide; none where this test
/// cannot become another user.
pub(crate) fn open_to_all(more: &str) -> Option<Till> {
    let can = nix::unistd::getuid().is_root() && Command::new("setpriv").arg("--version").output().is_ok();
    if !can || Command::new("curl").arg("--version").output().is_err() {
        eprintln!("SKIPPED: needs root, setpriv and curl to ask as another user");
        return None;
    }
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    let home = Home::new(&bank, more);
    let daemon = Daemon::start(&home);
    daemon.door.enrol(BIN);
    let open = |path: &std::path::Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    open(home.path(), 0o755);
    open(daemon.socket(), 0o666);
    Some(Till { daemon, home, bank })
}

/// What curl gets as nobody: HTTP status and body.
#[track_caller]
pub(crate) fn as_nobody(till: &Till, method: &str, target: &str, body: Option<&Value>) -> (u16, Value) {
    let (status, text) = as_nobody_text(till, method, target, body);
    (status, serde_json::from_str(&text).unwrap_or_default())
}

/// The same, whatever the body is.
#[track_caller]
pub(crate) fn as_nobody_text(till: &Till, method: &str, target: &str, body: Option<&Value>) -> (u16, String) {
    let mut curl = Command::new("setpriv");
    let uid = NOBODY.to_string();
    curl.args([
        "--reuid",
        &uid,
        "--regid",
        &uid,
        "--clear-groups",
        "curl",
        "-sS",
        "-X",
        method,
        "-w",
        "\n%{http_code}",
    ]);
    curl.arg("--unix-socket").arg(till.daemon.socket()).arg(format!("http://kaspid{target}"));
    if let Some(body) = body {
        curl.args(["-H", "Content-Type: application/json", "-H", "Idempotency-Key: nobody-1", "-d", &body.to_string()]);
    }
    let output = curl.current_dir("/").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.trim_end().rsplit_once('\n').unwrap_or_else(|| panic!("{output:?}"));
    (status.parse().unwrap(), body.to_owned())
}

/// Nothing is allowed by default, and every denial says who could allow it.
#[test]
fn a_stranger_is_denied_with_a_remedy() {
    let Some(till) = open_to_all("") else { return };
    let payment = json!({"kind": "link", "amount_tiyn": 100});
    let calls = [
        ("GET", "/v1/health".to_owned(), None),
        ("GET", "/v1/configs".to_owned(), None),
        ("POST", "/v1/payments".to_owned(), Some(&payment)),
        ("GET", "/v1/log".to_owned(), None),
        ("GET", format!("/v1/trade-points/{BIN}"), None),
        ("POST", "/v1/reload".to_owned(), None),
    ];
    for (method, target, body) in calls {
        let before = till.bank.seen().len();
        let (status, problem) = as_nobody(&till, method, &target, body);
        assert_eq!((status, &problem["code"]), (403, &json!("denied")), "{method} {target}: {problem}");
        let remedy = problem["remedy"].as_str().unwrap_or_default();
        assert!(
            remedy.contains("kaspid.toml") || remedy.contains("usermod") || remedy.contains("kaspictl"),
            "{remedy}"
        );
        assert_eq!(till.bank.seen().len(), before, "{method} {target} was sent on");
    }
}

/// `observe` does not imply `pay`, `pay` does not imply `refund` or `audit`.
#[test]
fn a_right_implies_no_other() {
    let name = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(NOBODY)).unwrap().map(|user| user.name);
    let Some(name) = name else {
        eprintln!("SKIPPED: user {NOBODY} has no name here");
        return;
    };
    let Some(till) = open_to_all(&format!("[access]\npay = [\"root\", \"{name}\"]")) else { return };
    assert_eq!(as_nobody(&till, "GET", "/v1/health", None).0, 200);
    let (status, payment) =
        as_nobody(&till, "POST", "/v1/payments", Some(&json!({"kind": "link", "amount_tiyn": 100})));
    assert_eq!(status, 201, "{payment}");
    let id = payment["id"].as_str().unwrap();
    for (method, target, body) in [
        ("POST", format!("/v1/payments/{id}/refunds"), Some(json!({}))),
        ("GET", "/v1/log".to_owned(), None),
        ("POST", "/v1/configs".to_owned(), Some(json!({"organization_bin": "210440028324"}))),
    ] {
        let (status, problem) = as_nobody(&till, method, &target, body.as_ref());
        assert_eq!((status, &problem["code"]), (403, &json!("denied")), "{method} {target}");
    }
}

/// Outside of a caller's shops there is nothing: not a config, not a payment.
#[test]
fn another_shops_things_are_not_there() {
    let name = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(NOBODY)).unwrap().map(|user| user.name);
    let Some(name) = name else {
        eprintln!("SKIPPED: user {NOBODY} has no name here");
        return;
    };
    let config = format!("[access]\npay = [\"root\", \"{name}\"]\n[[access.shop]]\nwho = \"{name}\"\nshops = [9]");
    let Some(till) = open_to_all(&config) else { return };
    let payment = till.daemon.door.post("/v1/payments", &json!({"kind": "link", "amount_tiyn": 100})).expect(201);
    let (status, list) = as_nobody(&till, "GET", "/v1/payments", None);
    assert_eq!((status, &list["payments"]), (200, &json!([])));
    let (status, problem) = as_nobody(&till, "GET", &format!("/v1/payments/{}", payment["id"].as_str().unwrap()), None);
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")));
    let (status, problem) = as_nobody(&till, "GET", &format!("/v1/configs/{BIN}"), None);
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")));
}

/// A denial stands in the audit log with who and what, once a minute however often it is asked.
#[test]
fn a_denial_is_audited_once_a_minute() {
    let Some(till) = open_to_all("") else { return };
    for _ in 0..5 {
        assert_eq!(as_nobody(&till, "GET", "/v1/configs", None).0, 403);
    }
    assert_eq!(as_nobody(&till, "POST", "/v1/reload", None).0, 403);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let rows = loop {
        let rows = till.daemon.door.get("/v1/log?operation=access").expect(200)["rows"].clone();
        if rows.as_array().unwrap().len() >= 2 || std::time::Instant::now() > until {
            break rows;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let told: Vec<_> =
        rows.as_array().unwrap().iter().map(|row| (&row["error_message"], &row["actor"]["uid"])).collect();
    let wanted = [json!("no right to observe: GET /v1/configs"), json!("no right to admin: POST /v1/reload")];
    assert_eq!(told, [(&wanted[0], &json!(NOBODY)), (&wanted[1], &json!(NOBODY))], "{rows}");
}
