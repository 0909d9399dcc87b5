//! kaspictl as data: each case of `tests/cmd/*.toml` is run and compared. Cases need no daemon.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

/// One command line and all that it does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Behind the program's name.
    args: Vec<String>,
    /// The whole environment.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// What it reads.
    #[serde(default)]
    stdin: String,
    /// The exit code.
    status: i32,
    /// All of it.
    #[serde(default)]
    stdout: String,
    /// Parts of it, in any order, instead of `stdout`.
    #[serde(default)]
    stdout_has: Vec<String>,
    /// All of it.
    #[serde(default)]
    stderr: String,
}

fn kaspictl(args: &[String], env: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    command.args(args).env_clear().envs(env);
    command
}

fn run(case: &Case) -> Output {
    let mut command = kaspictl(&case.args, &case.env);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("kaspictl starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    // A command that reads nothing may be gone already.
    let _ = stdin.write_all(case.stdin.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("kaspictl ends")
}

/// What differs, for people.
fn differences(case: &Case) -> Option<String> {
    let output = run(case);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let stdout_fits = match case.stdout_has.as_slice() {
        [] => stdout == case.stdout,
        parts => parts.iter().all(|part| stdout.contains(part)),
    };
    if stdout_fits && stderr == case.stderr && output.status.code() == Some(case.status) {
        return None;
    }
    Some(format!(
        "kaspictl {:?}\nstatus {:?}\n--- stdout\n{stdout}--- stderr\n{stderr}",
        case.args,
        output.status.code()
    ))
}

#[test]
fn every_recorded_command_line_does_what_is_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd");
    let mut ran = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).expect("tests/cmd is there") {
        let path = entry.expect("tests/cmd is readable").path();
        let text = fs::read_to_string(&path).expect("a case file is text");
        let cases: Cases = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        ran += cases.case.len();
        wrong.extend(cases.case.iter().filter_map(differences).map(|what| format!("{}: {what}", path.display())));
    }
    assert!(ran > 20, "only {ran} cases were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `kaspictl completions bash | head -0`: the exit code still says what happened, and nothing panics.
#[test]
fn a_closed_pipe_is_no_trouble() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = kaspictl(&["completions".to_owned(), "bash".to_owned()], &BTreeMap::new());
    let output = command.stdout(writer).stderr(Stdio::piped()).output().expect("kaspictl ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

/// An answer that could not be written is an outcome that the caller does not know.
#[test]
fn a_full_disk_is_not_done() {
    let full = File::options().write(true).open("/dev/full").expect("Linux has /dev/full");
    let mut command = kaspictl(&["completions".to_owned(), "zsh".to_owned()], &BTreeMap::new());
    let output = command.stdout(full).stderr(Stdio::piped()).output().expect("kaspictl ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(stderr.starts_with("kaspictl: the answer could not be written to stdout: "), "{stderr}");
}
