//! What the door counts: connections, requests by route, and what its limits refused.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::count::Counter;

/// Encoding, method, route template and HTTP status: all from our own tables, so there are few. A request that fits
/// no route has the template `none`; one whose client went away before the answer has status 499, as nginx writes it.
pub type RequestLabels = (&'static str, &'static str, &'static str, u16);

/// A bound on callers (architecture §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `[limits] connections`.
    Connections,
    /// `[limits] connections_per_uid`.
    ConnectionsPerUid,
    /// `[limits] rate_per_uid` and its burst.
    RatePerUid,
    /// Operations of one user that still run.
    RunningPerUid,
    /// Answers that are not taken.
    Untaken,
}

impl Limit {
    /// Every bound, in the order of [`DoorMeters::refused`].
    pub const ALL: [Self; 5] =
        [Self::Connections, Self::ConnectionsPerUid, Self::RatePerUid, Self::RunningPerUid, Self::Untaken];

    /// As a label.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerUid => "connections_per_uid",
            Self::RatePerUid => "rate_per_uid",
            Self::RunningPerUid => "running_per_uid",
            Self::Untaken => "untaken_answers",
        }
    }
}

/// The numbers of the door.
#[derive(Debug, Default)]
pub struct DoorMeters {
    /// Connections that were let in.
    pub accepted: Counter,
    open: AtomicU64,
    /// Held for one look-up, never across an await.
    requests: Mutex<BTreeMap<RequestLabels, u64>>,
    refused: [Counter; 5],
    /// Operations that run, by method and path. Held for one look-up.
    running: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
}

impl DoorMeters {
    /// A connection is let in.
    pub fn opened(&self) {
        self.accepted.add();
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// It has ended.
    pub fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Connections that are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// A request was answered.
    pub fn answered(&self, labels: RequestLabels) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(labels).or_default() += 1;
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<(RequestLabels, u64)> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().map(|(labels, count)| (*labels, *count)).collect()
    }

    /// An operation begins; it runs until what is returned is dropped.
    pub fn begun(self: &Arc<Self>, method: &'static str, path: &'static str) -> RunningOperation {
        *self.running_now().entry((method, path)).or_default() += 1;
        RunningOperation { meters: Arc::clone(self), place: (method, path) }
    }

    fn running_now(&self) -> std::sync::MutexGuard<'_, BTreeMap<(&'static str, &'static str), u64>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What runs now, one phrase for each kind of operation.
    #[must_use]
    pub fn running(&self) -> Vec<String> {
        self.running_now().iter().map(|((method, path), count)| format!("{count} × {method} {path}")).collect()
    }

    /// What a limit has refused.
    #[must_use]
    pub fn refused(&self, limit: Limit) -> &Counter {
        let [connections, connections_per_uid, rate, running, untaken] = &self.refused;
        match limit {
            Limit::Connections => connections,
            Limit::ConnectionsPerUid => connections_per_uid,
            Limit::RatePerUid => rate,
            Limit::RunningPerUid => running,
            Limit::Untaken => untaken,
        }
    }
}

/// An operation that runs.
#[derive(Debug)]
pub struct RunningOperation {
    meters: Arc<DoorMeters>,
    place: (&'static str, &'static str),
}

impl Drop for RunningOperation {
    fn drop(&mut self) {
        let mut running = self.meters.running_now();
        if let Some(count) = running.get_mut(&self.place) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.place);
            }
        }
    }
}
