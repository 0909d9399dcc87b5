//! What the door counts: connections, requests by route, and what its limits refused.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

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
}

impl Limit {
    /// Every bound, in the order of [`DoorMeters::refused`].
    pub const ALL: [Self; 4] = [Self::Connections, Self::ConnectionsPerUid, Self::RatePerUid, Self::RunningPerUid];

    /// As a label.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerUid => "connections_per_uid",
            Self::RatePerUid => "rate_per_uid",
            Self::RunningPerUid => "running_per_uid",
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
    refused: [Counter; 4],
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

    /// What a limit has refused.
    #[must_use]
    pub fn refused(&self, limit: Limit) -> &Counter {
        let [connections, connections_per_uid, rate, running] = &self.refused;
        match limit {
            Limit::Connections => connections,
            Limit::ConnectionsPerUid => connections_per_uid,
            Limit::RatePerUid => rate,
            Limit::RunningPerUid => running,
        }
    }
}
