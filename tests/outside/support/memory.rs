//! What a daemon holds of the machine's memory, as the kernel tells it.

use std::time::{Duration, Instant};

use crate::support::daemon::Daemon;

/// In KiB, now and at most so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resident {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

pub(crate) fn resident(daemon: &Daemon) -> Resident {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let number = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    Resident { now: number("VmRSS:"), peak: number("VmHWM:") }
}

/// Waits until the daemon holds no more than this, for ten seconds at most; what it holds then.
pub(crate) fn back_to(daemon: &Daemon, most: u64) -> u64 {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let now = resident(daemon).now;
        if now <= most || Instant::now() > until {
            return now;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
