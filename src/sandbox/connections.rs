//! Counts of the bank's connections, and a way to close them all.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tokio::sync::watch;

/// Shared by all connections; counters only, so relaxed atomics and no lock.
#[derive(Debug)]
pub(super) struct Connections {
    accepted: AtomicU64,
    open: AtomicU64,
    handshakes_failed: AtomicU64,
    closing: watch::Sender<()>,
}

/// The counts at one time.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct ConnectionCounts {
    /// TCP connections since the start.
    pub(super) accepted: u64,
    /// Open now, handshake done.
    pub(super) open: u64,
    /// No TLS came about: no certificate, a wrong or expired one, or no TLS at all.
    pub(super) handshakes_failed: u64,
}

/// An open connection; it is counted until this is dropped.
pub(super) struct Open<'a>(&'a Connections);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connections {
    /// None yet.
    pub(super) fn new() -> Self {
        let count = || AtomicU64::new(0);
        Self { accepted: count(), open: count(), handshakes_failed: count(), closing: watch::Sender::new(()) }
    }

    /// Counts an accepted connection.
    pub(super) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a handshake that did not come about.
    pub(super) fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection as open.
    pub(super) fn open(&self) -> Open<'_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(self)
    }

    /// Changes when all connections are to close.
    pub(super) fn closing(&self) -> watch::Receiver<()> {
        self.closing.subscribe()
    }

    /// Asks all connections to close after the request they are at.
    pub(super) fn close_all(&self) {
        self.closing.send_replace(());
    }

    /// The counts now.
    pub(super) fn counts(&self) -> ConnectionCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ConnectionCounts {
            accepted: read(&self.accepted),
            open: read(&self.open),
            handshakes_failed: read(&self.handshakes_failed),
        }
    }
}
