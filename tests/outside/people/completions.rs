//! What the TAB key gives, in a real shell: commands and options, and what only the daemon knows.

use std::process::Command;

use crate::support::behaviour::Till;
use crate::support::fixture::Dialect;

/// What bash offers behind these words, the last of which is begun.
fn offered(socket: &str, words: &[&str]) -> Vec<String> {
    let script = "source <(kaspictl completions bash); COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9
                  _clap_complete_kaspictl kaspictl \"${@: -1}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_kaspictl")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-c", script, "bash"]).args(words).env("PATH", path).env("KASPID_SOCKET", socket);
    let output = command.output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Promise: the installed script completes BINs and payments of the daemon, and says nothing where there is none.
#[test]
fn bins_and_payments_are_completed_from_the_daemon() {
    let till = Till::open(Dialect::Bank, "[follow]\nremote_sweep = \"off\"");
    let socket = till.daemon.socket().display().to_string();
    let made = till.daemon.door.post("/v1/payments", &crate::watch::trade_points::remote()).expect(201);
    let number = made["qr_payment_id"].as_str().unwrap().to_owned();
    assert!(offered(&socket, &["kaspictl", "pay", "5", "--bin", ""]).contains(&"891027350515".to_owned()));
    assert_eq!(offered(&socket, &["kaspictl", "payment", "wait", &number[..4]]), [number]);
    assert!(offered(&socket, &["kaspictl", "set"]).contains(&"setup".to_owned()));
    assert!(offered(&socket, &["kaspictl", "pay", "5", "--ph"]).contains(&"--phone".to_owned()));
    let nobody = offered("/nowhere/kaspid.sock", &["kaspictl", "pay", "5", "--bin", ""]);
    assert!(!nobody.contains(&"891027350515".to_owned()), "{nobody:?}");
}
