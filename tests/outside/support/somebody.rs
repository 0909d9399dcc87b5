//! This very program run again as somebody else: a caller is who the kernel says, so a test that is to be another caller
//! has to be another process.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Where the daemon is, told to the process that asks.
const SOCKET: &str = "KASPID_TEST_SOCKET";

/// Somebody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Somebody {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
    /// In a user namespace of its own, in which it calls itself root.
    pub(crate) apart: bool,
}

impl Somebody {
    fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &self.uid.to_string(), "--regid", &self.gid.to_string()]);
        let groups: Vec<String> = self.groups.iter().map(ToString::to_string).collect();
        match groups.as_slice() {
            [] => command.arg("--clear-groups"),
            groups => command.args(["--groups", &groups.join(",")]),
        };
        if self.apart {
            command.args(["unshare", "--user", "--map-root-user"]);
        }
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// Whether this machine lets a test be this somebody.
    pub(crate) fn can_be(&self) -> bool {
        let program = std::env::current_exe().unwrap();
        let tried = self.command().arg(program).args(["--list", "no_such_test"]).output();
        tried.is_ok_and(|output| output.status.success())
    }

    /// Runs one ignored test of this program, which asks at `socket`; what it says comes by its stdout.
    pub(crate) fn asks(&self, test: &str, socket: &std::path::Path) -> Child {
        let mut command = self.command();
        command.arg(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads", "1"]);
        command.env(SOCKET, socket).stdout(Stdio::piped()).spawn().unwrap()
    }
}

/// The socket, in the process that asks; none where a person has begun the test.
pub(crate) fn socket() -> Option<PathBuf> {
    std::env::var_os(SOCKET).map(PathBuf::from)
}

/// One line for the test that waits for it.
pub(crate) fn tell(line: &str) {
    // Not through the macros, which the harness may keep to itself.
    let _ = std::io::stdout().write_all(format!("\n= {line}\n").as_bytes());
}

/// The lines that were told.
pub(crate) fn told(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output).into_owned();
    text.lines().filter_map(|line| line.strip_prefix("= ").map(str::to_owned)).collect()
}
