//! The real `kaspid` in a directory of its own; killed and waited for when dropped.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, User, getuid};

use crate::support::http::Door;
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::ScriptedBank;

/// Longer than a start, a reload or a stop may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the watcher says when the process has ended.
const ENDED: &str = "ENDED";

/// Where a bank is and what it wants to see.
#[derive(Clone, Debug)]
pub(crate) struct BankPlace {
    pub(crate) url: String,
    pub(crate) ca_file: PathBuf,
    pub(crate) certificate_file: PathBuf,
    pub(crate) key_file: PathBuf,
}

impl From<&ScriptedBank> for BankPlace {
    fn from(bank: &ScriptedBank) -> Self {
        Self {
            url: bank.url.clone(),
            ca_file: bank.ca_file.clone(),
            certificate_file: bank.certificate_file.clone(),
            key_file: bank.key_file.clone(),
        }
    }
}

impl From<&Sandbox> for BankPlace {
    fn from(bank: &Sandbox) -> Self {
        bank.place.clone()
    }
}

/// A daemon's configuration and state; outlives the daemon, so that another can be started on it.
pub(crate) struct Home {
    files: tempfile::TempDir,
}

impl Home {
    /// A configuration for this bank; `more` is TOML laid over it, key by key.
    pub(crate) fn new(bank: impl Into<BankPlace>, more: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let home = Self { files };
        let mut config = home.base(&bank.into());
        lay_over(&mut config, toml::from_str(more).unwrap());
        home.write(&config);
        home
    }

    /// The same without a key and certificate: the daemon is to keep its own.
    pub(crate) fn without_identity(bank: impl Into<BankPlace>, more: &str) -> Self {
        let home = Self::new(bank, more);
        home.remove("identity");
        home
    }

    /// Takes a section out of the configuration.
    pub(crate) fn remove(&self, section: &str) {
        let mut config: toml::Table = toml::from_str(&std::fs::read_to_string(self.config()).unwrap()).unwrap();
        config.remove(section);
        self.write(&config);
    }

    fn base(&self, bank: &BankPlace) -> toml::Table {
        let mut text = toml::Table::new();
        let me = User::from_uid(getuid()).unwrap().map_or_else(|| getuid().to_string(), |user| user.name);
        let path = |path: &Path| toml::Value::String(path.display().to_string());
        let mut section = |name: &str, keys: Vec<(&str, toml::Value)>| {
            let table = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            text.insert(name.to_owned(), toml::Value::Table(table));
        };
        section(
            "daemon",
            vec![
                ("socket", path(&self.socket())),
                ("state_dir", path(&self.state())),
                ("shop_id", toml::Value::Integer(8)),
            ],
        );
        section("kaspi", vec![("url", toml::Value::String(bank.url.clone())), ("ca_file", path(&bank.ca_file))]);
        section(
            "identity",
            vec![("certificate_file", path(&bank.certificate_file)), ("key_file", path(&bank.key_file))],
        );
        let me = || toml::Value::Array(vec![toml::Value::String(me.clone())]);
        section("access", ["observe", "pay", "refund", "audit", "admin"].map(|right| (right, me())).to_vec());
        text
    }

    fn write(&self, config: &toml::Table) {
        std::fs::write(self.config(), toml::to_string(config).unwrap()).unwrap();
    }

    /// Lays more TOML over the configuration that is there.
    pub(crate) fn change(&self, more: &str) {
        let mut config: toml::Table = toml::from_str(&std::fs::read_to_string(self.config()).unwrap()).unwrap();
        lay_over(&mut config, toml::from_str(more).unwrap());
        self.write(&config);
    }

    pub(crate) fn path(&self) -> &Path {
        self.files.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("kaspid.toml")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path().join("kaspid.sock")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Everything that any daemon of this home has said on stderr.
    pub(crate) fn stderr(&self) -> String {
        std::fs::read_to_string(self.path().join("stderr")).unwrap_or_default()
    }

    /// Where a daemon says it.
    pub(crate) fn log(&self) -> File {
        File::options().create(true).append(true).open(self.path().join("stderr")).unwrap()
    }

    /// `kaspid` on this home's configuration, not yet started.
    pub(crate) fn command(&self) -> Command {
        let log = self.log();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspid"));
        command.arg("--config").arg(self.config()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }
}

fn lay_over(config: &mut toml::Table, more: toml::Table) {
    for (key, value) in more {
        match (config.get_mut(&key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => lay_over(old, new),
            (_, value) => drop(config.insert(key, value)),
        }
    }
}

/// A running daemon.
pub(crate) struct Daemon {
    child: Child,
    notices: UnixDatagram,
    pub(crate) door: Door,
    socket: PathBuf,
    _notify: tempfile::TempDir,
}

impl Daemon {
    /// Starts it and waits until it says that it is ready.
    #[track_caller]
    pub(crate) fn start(home: &Home) -> Self {
        let daemon = Self::spawn(home, home.command());
        daemon.until("READY=1").unwrap_or_else(|| panic!("kaspid ended instead of starting:\n{}", home.stderr()));
        daemon
    }

    /// Starts a command that is or becomes `kaspid`.
    pub(crate) fn spawn(home: &Home, mut command: Command) -> Self {
        let notify = tempfile::tempdir().unwrap();
        let path = notify.path().join("notify");
        let notices = UnixDatagram::bind(&path).unwrap();
        notices.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = command.env("NOTIFY_SOCKET", &path).spawn().unwrap();
        let pid = Pid::from_raw(child.id().cast_signed());
        let watcher = UnixDatagram::unbound().unwrap();
        std::thread::spawn(move || {
            // Looks without reaping: the child stays ours to wait for.
            let _ = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
            let _ = watcher.send_to(ENDED.as_bytes(), path);
        });
        let socket = home.socket();
        Self { child, notices, door: Door::at(&socket), socket, _notify: notify }
    }

    /// Reads notices until one has this line; none if the process has ended before.
    #[track_caller]
    pub(crate) fn until(&self, line: &str) -> Option<String> {
        self.until_one(|found| found.starts_with(line))
    }

    /// Reads notices until one has a line that fits.
    #[track_caller]
    pub(crate) fn until_one(&self, fits: impl Fn(&str) -> bool) -> Option<String> {
        let mut buffer = [0; 4096];
        loop {
            let length = match self.notices.recv(&mut buffer) {
                Ok(length) => length,
                // A child of another test has ended.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => panic!("no such notice from kaspid: {error}"),
            };
            let notice = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if notice.lines().any(&fits) {
                return Some(notice);
            }
            if notice == ENDED {
                return None;
            }
        }
    }

    /// Reads a piped stderr until it has said this.
    #[track_caller]
    pub(crate) fn wait_for_stderr(&mut self, text: &str) {
        let mut lines = BufReader::new(self.child.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.is_ok_and(|line| line.contains(text))), "ended without saying {text:?}");
        // Goes on reading, so that the process never writes into a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// SIGTERM, and how it ended.
    #[track_caller]
    pub(crate) fn stop(self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended()
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn ended(mut self) -> ExitStatus {
        self.until(ENDED);
        self.child.wait().unwrap()
    }

    /// True if it ends before this much time has passed.
    pub(crate) fn ends_within(&self, span: Duration) -> bool {
        let until = std::time::Instant::now() + span;
        let mut buffer = [0; 4096];
        loop {
            let left = until.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return false;
            }
            self.notices.set_read_timeout(Some(left)).unwrap();
            if self.notices.recv(&mut buffer).is_ok_and(|length| &buffer[..length] == ENDED.as_bytes()) {
                return true;
            }
        }
    }

    /// Whether a daemon that has ended was ended by SIGKILL.
    pub(crate) fn was_killed(&mut self) -> bool {
        std::os::unix::process::ExitStatusExt::signal(&self.child.wait().unwrap()) == Some(Signal::SIGKILL as i32)
    }

    /// SIGKILL: what a power cut does to a process.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
