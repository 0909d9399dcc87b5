//! Signals that end this process, held back while there is something of it that must not stay: what is to be removed is
//! removed first, and then the process ends by the signal as any other does.

use std::os::fd::{AsFd, OwnedFd};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

const ENDING: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// They are held back until it is dropped, and come then.
pub(super) struct HeldSignals {
    told: SignalFd,
    before: SigSet,
}

impl HeldSignals {
    /// None where the system has no such thing; then they end the process at once.
    pub(super) fn hold() -> Option<Self> {
        let ignored = ignored();
        let ending: SigSet = ENDING.into_iter().filter(|signal| ignored & bit(*signal) == 0).collect();
        let told = SignalFd::with_flags(&ending, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).ok()?;
        let before = ending.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok()?;
        Some(Self { told, before })
    }

    /// Tells when one has come.
    #[expect(
        deprecated,
        reason = "what replaces it is unsafe; an OwnedFd stays the same open descriptor while it lives"
    )]
    pub(super) fn watch(&self) -> Option<SignalWatch> {
        let told = self.told.as_fd().try_clone_to_owned().ok()?;
        AsyncFd::with_interest(told, Interest::READABLE).ok().map(SignalWatch)
    }
}

impl Drop for HeldSignals {
    fn drop(&mut self) {
        // Only an invalid argument can fail here.
        let _ = self.before.thread_set_mask();
    }
}

/// Whether a signal that is held back has come.
pub(super) struct SignalWatch(AsyncFd<OwnedFd>);

/// Ends when one has come; never where nothing is held back.
pub(super) async fn came(watch: Option<&SignalWatch>) {
    if let Some(SignalWatch(told)) = watch
        && told.readable().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

fn bit(signal: Signal) -> u64 {
    1 << (signal as i32 - 1)
}

/// Signals that this process ignores, as `nohup` has it ignore one: what is held back would come nevertheless.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
