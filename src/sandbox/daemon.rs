//! A daemon beside the bank: this program started again as a second process, with its own socket and state.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use nix::unistd::Uid;
use serde::Serialize;
use tokio::io::AsyncReadExt;
use tokio::net::UnixDatagram;
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;

use super::files::{CannotWrite, Directory};
use crate::daemon::DaemonError;

/// First argument of the second process: `kaspi-sandbox __kaspid FILE`. Not for people.
pub(super) const ENTRY: &str = "__kaspid";

/// How long the daemon may take to be ready; it needs a few milliseconds, a crowded machine more.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A little longer than the daemon gives its running calls.
const STOP_WITHIN: Duration = Duration::from_secs(45);

/// Longest name of a Unix socket on Linux, without its closing NUL.
const SUN_PATH: usize = 107;

/// Of systemd or of another daemon: the second process must take none of them for its own.
const NOT_OURS: [&str; 7] = [
    "JOURNAL_STREAM",
    "CREDENTIALS_DIRECTORY",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
];

/// How many of the log's last lines tell what went wrong.
const LAST_LINES: usize = 12;

/// The daemon is not there (any more).
#[derive(Debug, thiserror::Error)]
pub enum CannotRun {
    /// A file of it could not be written.
    #[error(transparent)]
    Write(#[from] CannotWrite),
    /// The socket's name does not fit into a socket address.
    #[error("the socket {socket} would have a name of more than {SUN_PATH} bytes: choose a shorter --dir (or TMPDIR)", socket = socket.display())]
    LongName {
        /// The socket.
        socket: PathBuf,
    },
    /// The system gave no process, pipe or socket.
    #[error("cannot start the daemon ({what})")]
    System {
        /// For what.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// It ended by itself.
    #[error("the daemon ended ({status}); the last lines of {log}:\n{said}", log = log.display())]
    Ended {
        /// How.
        status: String,
        /// Where it writes.
        log: PathBuf,
        /// The log's last lines.
        said: String,
    },
    /// It is not ready.
    #[error("the daemon was not ready within {READY_WITHIN:?}; the last lines of {log}:\n{said}", log = log.display())]
    Late {
        /// Where it writes.
        log: PathBuf,
        /// The log's last lines.
        said: String,
    },
}

/// Where the daemon's things are.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DaemonFiles {
    /// Its socket.
    pub(super) socket: PathBuf,
    /// Its state.
    pub(super) state_dir: PathBuf,
    /// Its configuration.
    pub(super) config_file: PathBuf,
    /// Its log.
    pub(super) log_file: PathBuf,
}

impl DaemonFiles {
    /// In the sandbox's directory.
    pub(super) fn of(directory: &Path) -> Self {
        Self {
            socket: directory.join("kaspid.sock"),
            state_dir: directory.join("state"),
            config_file: directory.join("kaspid.toml"),
            log_file: directory.join("kaspid.log"),
        }
    }

    /// The end of the log.
    pub(super) fn last_lines(&self) -> String {
        let log = fs::read_to_string(&self.log_file).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let from = lines.len().saturating_sub(LAST_LINES);
        lines.iter().skip(from).map(|line| format!("  {line}\n")).collect()
    }
}

/// The process. Dropping it kills it and waits until it is gone.
#[derive(Debug)]
pub(super) struct Daemon {
    /// Its stdin is a pipe from this process: when it closes, because we want or because we died, the daemon
    /// stops in the orderly way.
    child: Child,
    /// Its stdout, where it writes nothing: the end of the pipe is the end of the process.
    stdout: pipe::Receiver,
    /// Takes what it says after READY, so that it never speaks to a full or closed socket.
    listener: Option<JoinHandle<()>>,
    /// Its things.
    pub(super) files: DaemonFiles,
}

impl Daemon {
    /// Starts a daemon that talks to the bank at `url`, and returns when it takes payments.
    pub(super) async fn start(directory: &Directory, url: &str) -> Result<Self, CannotRun> {
        let files = DaemonFiles::of(directory.path());
        if files.socket.as_os_str().len() > SUN_PATH {
            return Err(CannotRun::LongName { socket: files.socket });
        }
        directory.write("kaspid.toml", &configuration(url))?;
        let told = directory.path().join("notify.sock");
        let notify = notify_socket(&told).map_err(system("its notification socket"))?;
        let mut child = spawn(&files, &told).map_err(system("a process"))?;
        let stdout = receiver(&mut child);
        let mut daemon = match stdout.map_err(system("a pipe")) {
            Ok(stdout) => Self { child, stdout, listener: None, files },
            Err(error) => {
                let _ = child.kill().and_then(|()| child.wait());
                return Err(error);
            }
        };
        daemon.ready(&notify).await?;
        daemon.listener = Some(tokio::spawn(listen_on(notify)));
        Ok(daemon)
    }

    async fn ready(&mut self, notify: &UnixDatagram) -> Result<(), CannotRun> {
        tokio::select! {
            told = hear_ready(notify) => told.map_err(system("its notification socket")),
            ended = self.ended() => Err(ended),
            () = tokio::time::sleep(READY_WITHIN) => {
                Err(CannotRun::Late { log: self.files.log_file.clone(), said: self.files.last_lines() })
            }
        }
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended by itself, and says how.
    pub(super) async fn ended(&mut self) -> CannotRun {
        let status = self.gone().await.map_or_else(|error| error.to_string(), |status| status.to_string());
        CannotRun::Ended { status, log: self.files.log_file.clone(), said: self.files.last_lines() }
    }

    /// Lets it finish what it does and end.
    pub(super) async fn stop(mut self) -> Result<(), CannotRun> {
        drop(self.child.stdin.take());
        match tokio::time::timeout(STOP_WITHIN, self.gone()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            _ => {
                let _ = self.child.kill();
                Err(self.ended().await)
            }
        }
    }

    async fn gone(&mut self) -> io::Result<ExitStatus> {
        let mut nothing = [0; 64];
        while self.stdout.read(&mut nothing).await? > 0 {}
        // Its last descriptor is closed, so this waits for the kernel only.
        self.child.wait()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may be gone already; either way nothing is left behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.listener.iter().for_each(JoinHandle::abort);
    }
}

/// The second process: the daemon, until it is told to stop or the first process is no more.
pub(super) fn run(config: &Path) -> Result<(), DaemonError> {
    thread::Builder::new().name("lifeline".to_owned()).spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = raise(Signal::SIGTERM);
    })?;
    crate::daemon::run(config)
}

fn system(what: &str) -> impl FnOnce(io::Error) -> CannotRun {
    move |source| CannotRun::System { what: what.to_owned(), source }
}

fn spawn(files: &DaemonFiles, notify: &Path) -> io::Result<Child> {
    let log: File = OpenOptions::new().create(true).append(true).mode(0o600).open(&files.log_file)?;
    let mut command = Command::new(std::env::current_exe()?);
    NOT_OURS.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.arg(ENTRY).arg(&files.config_file).env("NOTIFY_SOCKET", notify);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()
}

fn receiver(child: &mut Child) -> io::Result<pipe::Receiver> {
    let stdout = child.stdout.take().ok_or(ErrorKind::BrokenPipe)?;
    pipe::Receiver::from_owned_fd(OwnedFd::from(stdout))
}

/// A new one in the place of what an earlier run has left.
fn notify_socket(path: &Path) -> io::Result<UnixDatagram> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    UnixDatagram::bind(path)
}

async fn hear_ready(notify: &UnixDatagram) -> io::Result<()> {
    let mut message = [0; 512];
    loop {
        let length = notify.recv(&mut message).await?;
        let message = message.get(..length).unwrap_or_default();
        if message.split(|&byte| byte == b'\n').any(|line| line == b"READY=1") {
            return Ok(());
        }
    }
}

async fn listen_on(notify: UnixDatagram) {
    while notify.recv(&mut [0; 512]).await.is_ok() {}
}

/// Names are relative to the file, so nothing in it needs quoting. The dialect is left to be learned, and
/// whoever runs the sandbox may do everything.
fn configuration(url: &str) -> String {
    // Without the system's zone data only UTC is known.
    let timezone = jiff::tz::TimeZone::get("Asia/Almaty").map_or("UTC", |_| "Asia/Almaty");
    let uid = Uid::effective();
    format!(
        "# Written by kaspi-sandbox at every start.\n\
         [daemon]\n\
         socket = \"kaspid.sock\"\n\
         state_dir = \"state\"\n\
         shop_id = 8\n\
         timezone = \"{timezone}\"\n\n\
         [kaspi]\n\
         url = \"{url}\"\n\
         ca_file = \"ca.crt\"\n\n\
         [identity]\n\
         certificate_file = \"client.cer\"\n\
         key_file = \"client.key\"\n\n\
         [access]\n\
         admin = [\"{uid}\"]\n\
         observe = []\n\
         pay = []\n\
         refund = []\n\
         audit = []\n"
    )
}
