//! What the kernel knows of a process.

use std::fs::read_to_string;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::daemon::{Daemon, Home};

/// How many processors there are.
fn processors() -> usize {
    // What this process may use is one of them: see below.
    let online = read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    online.trim().rsplit(['-', ',']).next().and_then(|last| last.parse().ok()).map_or(1, |last: usize| last + 1)
}

/// This process, and all that it starts from now on, on the last processor.
pub(crate) fn on_one_processor() {
    hold_on(processors() - 1);
}

fn hold_on(processor: usize) {
    let all = ["-a", "-c", "-p", &processor.to_string(), &std::process::id().to_string()].map(str::to_owned);
    // A thread that ends while all are gone through is a failure to taskset.
    let is_held = || Command::new("taskset").args(&all).output().is_ok_and(|output| output.status.success());
    if !(0..10).any(|_| is_held()) {
        eprintln!("taskset is not here, or not allowed: on all processors");
    }
}

/// This process on the first processor as long as this is there: beside what is measured, not in its way.
pub(crate) struct Beside;

impl Beside {
    pub(crate) fn new() -> Self {
        hold_on(0);
        Self
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        on_one_processor();
    }
}

/// Words before a program that hold it on the last processor.
pub(crate) fn on_the_last() -> Vec<String> {
    ["taskset", "-c", &(processors() - 1).to_string()].map(str::to_owned).to_vec()
}

/// A program that only takes time, behind these words; it rests until it is let go.
pub(crate) struct Hog(Child);

impl Hog {
    pub(crate) fn start(words: &[String]) -> Self {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["sh", "-c", "while :; do :; done"]);
        let hog = Self(command.stdin(Stdio::null()).spawn().unwrap());
        hog.rest();
        hog
    }

    pub(crate) fn rest(&self) {
        kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGSTOP).unwrap();
    }

    pub(crate) fn go(&self) {
        kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGCONT).unwrap();
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The daemon of a home, behind these words; each of them becomes what follows it.
pub(crate) fn start_behind(words: &[String], home: &Home) -> Daemon {
    let plain = home.command();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(plain.get_program()).args(plain.get_args());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(home.log());
    let daemon = Daemon::spawn(home, command);
    daemon.until("READY=1").unwrap_or_else(|| panic!("kaspid ended instead of starting: {}", home.stderr()));
    daemon
}

/// A field of `/proc/PID/…` in KiB.
pub(crate) fn kib(pid: u32, file: &str, name: &str) -> u64 {
    let text = read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// What its threads have had of processors, to the nanosecond.
pub(crate) fn processor_time(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of_a_task = |task: std::fs::DirEntry| -> Option<u64> {
        read_to_string(task.path().join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
    };
    Duration::from_nanos(tasks.filter_map(of_a_task).sum())
}
