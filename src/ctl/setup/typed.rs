//! The commands that setup types for a person. Each is shown first, and does what it does when it is typed by hand.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::SetupError;
use super::workbench::Workbench;
use crate::ctl::shell::quoted;
use crate::ctl::socket::SOCKET;

/// There exactly while systemd is the init, as sd_booted(3) says.
const BOOTED: &str = "/run/systemd/system";

/// Whether systemd runs this machine.
pub(super) fn is_booted() -> bool {
    Path::new(BOOTED).exists()
}

/// A program that came with this one, from beside it; otherwise by its name.
pub(super) fn beside(program: &str) -> PathBuf {
    let here = std::env::current_exe().ok();
    let beside = here.as_deref().and_then(Path::parent).map(|folder| folder.join(program));
    beside.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from(program))
}

/// Whether a program can be typed.
pub(super) fn is_there(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    beside(program).is_absolute() || std::env::split_paths(&folders).any(|folder| folder.join(program).exists())
}

impl Workbench<'_, '_> {
    /// Types it. What it says is said.
    pub(super) fn typed(&mut self, words: &[&str]) -> Result<(), SetupError> {
        let (mut command, shown) = self.command(words);
        // A document for programs stands alone on stdout.
        if self.session.json {
            command.stdout(Stdio::from(std::io::stderr()));
        }
        let failed = |why: String| SetupError::Command { command: shown.clone(), why };
        let status = command.status().map_err(|error| failed(error.to_string()))?;
        match status.code() {
            Some(0) => Ok(()),
            Some(code) => Err(failed(format!("it ended with {code}"))),
            None => Err(failed("it was killed".to_owned())),
        }
    }

    /// Types it and reads what it prints; what it says besides is said.
    pub(super) fn heard(&mut self, words: &[&str]) -> Result<Vec<u8>, SetupError> {
        let (mut command, shown) = self.command(words);
        let failed = |why: String| SetupError::Command { command: shown.clone(), why };
        let output = command.stderr(Stdio::inherit()).output().map_err(|error| failed(error.to_string()))?;
        match output.status.code() {
            Some(0) => Ok(output.stdout),
            Some(code) => Err(failed(format!("it ended with {code}"))),
            None => Err(failed("it was killed".to_owned())),
        }
    }

    /// The process, and the line that is shown of it.
    fn command(&mut self, words: &[&str]) -> (Command, String) {
        let (program, rest) = words.split_first().map_or(("", words), |(program, rest)| (*program, rest));
        let mut command = Command::new(beside(program));
        if program == "kaspictl" && self.session.socket != Path::new(SOCKET) {
            command.arg("--socket").arg(&self.session.socket);
        }
        command.args(rest);
        let shown = self.session.out.shown(&quoted(words.iter().copied())).into_owned();
        self.session.out.say(&format!("$ {shown}"));
        (command, shown)
    }
}
