//! Everything that comes through the socket has a bound.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::failure::{Code, Failure};
use crate::metrics::{DoorMeters, Limit};

/// The `[limits]` section and the fixed bounds beside it (architecture §7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time of one user.
    pub connections_per_uid: usize,
    /// Requests a second of one user, in the long run.
    pub rate_per_uid: u32,
    /// Requests of one user at once after a pause.
    pub burst_per_uid: u32,
    /// Bytes of an HTTP request line with its headers; at least 8192.
    pub head: usize,
    /// Bytes of an HTTP body or a native frame; at most [`crate::frame::MAX_BODY`].
    pub body: usize,
    /// Bytes of an imported file: some two million rows of a log.
    pub upload: u64,
    /// Bytes of answers that one connection has not taken; what is not taken stops new calls on it.
    pub untaken: usize,
    /// The same of all connections together.
    pub untaken_in_all: usize,
    /// From the first byte of a request to its last; of an imported file, from one piece to the next.
    pub request: Duration,
    /// A connection on which nothing happens.
    pub idle: Duration,
    /// The longest `wait` of a request.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            connections_per_uid: 256,
            rate_per_uid: 500,
            burst_per_uid: 1000,
            head: 16 << 10,
            body: crate::frame::MAX_BODY,
            upload: 256 << 20,
            untaken: 1 << 20,
            untaken_in_all: 32 << 20,
            request: Duration::from_secs(15),
            idle: Duration::from_secs(5 * 60),
            wait: Duration::from_secs(10 * 60),
        }
    }
}

/// Calls of one native connection that are not answered yet; more stay in the socket until one is.
pub(super) const IN_FLIGHT: usize = 64;

/// Connections that root has beyond every limit, so that an admin can always look.
const OF_ROOT: usize = 8;

/// Connections over the limit that are told so; further ones are closed at once.
const TOLD: usize = 64;

/// How long a connection over the limit has for the request that is refused.
pub(super) const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// How long what clients ask is still answered when the door closes: one may have connected, or written, a moment before.
pub(super) const FIRST_WORD: Duration = Duration::from_millis(250);

/// How long a client has for an answer that is ready when the door closes.
pub(super) const TAKEN_WITHIN: Duration = Duration::from_secs(2);

/// Users whose accounts are kept before those at rest are forgotten.
const ACCOUNTS: usize = 1024;

/// Counts connections, in all and by user.
#[derive(Debug)]
pub(super) struct Gate {
    limits: Limits,
    /// Held for a few instructions, never across an await.
    accounts: Mutex<Accounts>,
    meters: Arc<DoorMeters>,
}

#[derive(Debug, Default)]
struct Accounts {
    connected: usize,
    told: usize,
    accounts: HashMap<u32, Arc<UserAccount>>,
}

/// What one user uses of the daemon.
#[derive(Debug)]
pub(super) struct UserAccount {
    bucket: Mutex<Bucket>,
    permits: Arc<Semaphore>,
    /// One permit per running operation. As many as the user's connections can carry at once, so that
    /// operations whose client has gone away count, too.
    running: Arc<Semaphore>,
}

/// A token bucket: `left` requests at `at`, refilled with time.
#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// A connection's place; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    gate: Arc<Gate>,
    pub(super) account: Arc<UserAccount>,
    /// Of the user's places; `None` for a connection that is only told why it is refused.
    place: Option<OwnedSemaphorePermit>,
}

/// What becomes of a new connection.
#[derive(Debug)]
pub(super) enum Entry {
    /// It is served.
    Permitted(Permit),
    /// It is told why not.
    Refused(Permit, Failure),
    /// It is closed without a word.
    Closed,
}

impl Gate {
    pub(super) fn new(limits: Limits, meters: Arc<DoorMeters>) -> Arc<Self> {
        Arc::new(Self { limits, accounts: Mutex::default(), meters })
    }

    /// Lets a connection of `uid` in, or says why not.
    pub(super) fn enter(self: &Arc<Self>, uid: u32) -> Entry {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let account = accounts.account(uid, &self.limits);
        let permit = |place| Permit { gate: Arc::clone(self), account: Arc::clone(&account), place };
        let more = if uid == 0 { OF_ROOT } else { 0 };
        let (limit, why) = if accounts.connected >= self.limits.connections.saturating_add(more) {
            let why = format!("all {} connections of the daemon are taken", self.limits.connections);
            (Limit::Connections, why)
        } else if let Ok(place) = Arc::clone(&account.permits).try_acquire_owned() {
            accounts.connected += 1;
            self.meters.opened();
            return Entry::Permitted(permit(Some(place)));
        } else {
            let why = format!("user {uid} has {} connections already", self.limits.connections_per_uid);
            (Limit::ConnectionsPerUid, why)
        };
        self.meters.refused(limit).add();
        if accounts.told >= TOLD {
            return Entry::Closed;
        }
        accounts.told += 1;
        Entry::Refused(permit(None), Failure::new(Code::RateLimited, why))
    }
}

impl Accounts {
    fn account(&mut self, uid: u32, limits: &Limits) -> Arc<UserAccount> {
        if self.accounts.len() >= ACCOUNTS {
            self.accounts.retain(|_, account| Arc::strong_count(account) > 1 || !account.rested(limits));
        }
        let places = limits.connections_per_uid.saturating_add(if uid == 0 { OF_ROOT } else { 0 });
        Arc::clone(self.accounts.entry(uid).or_insert_with(|| Arc::new(UserAccount::new(limits, places))))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut accounts = self.gate.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        match self.place.take() {
            Some(_) => {
                accounts.connected = accounts.connected.saturating_sub(1);
                self.gate.meters.closed();
            }
            None => accounts.told = accounts.told.saturating_sub(1),
        }
    }
}

impl UserAccount {
    fn new(limits: &Limits, places: usize) -> Self {
        let places = places.min(Semaphore::MAX_PERMITS / IN_FLIGHT);
        Self {
            bucket: Mutex::new(Bucket { left: f64::from(limits.burst_per_uid), at: Instant::now() }),
            permits: Arc::new(Semaphore::new(places)),
            running: Arc::new(Semaphore::new(places.saturating_mul(IN_FLIGHT))),
        }
    }

    fn refilled(&self, limits: &Limits) -> std::sync::MutexGuard<'_, Bucket> {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let gained = now.duration_since(bucket.at).as_secs_f64() * f64::from(limits.rate_per_uid);
        bucket.left = (bucket.left + gained).min(f64::from(limits.burst_per_uid));
        bucket.at = now;
        bucket
    }

    fn rested(&self, limits: &Limits) -> bool {
        self.refilled(limits).left >= f64::from(limits.burst_per_uid)
    }

    /// Takes one request from the bucket.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(super) fn take_turn(&self, limits: &Limits) -> Result<(), Failure> {
        let mut bucket = self.refilled(limits);
        if bucket.left < 1.0 {
            let text = format!("more than {} requests a second of one user", limits.rate_per_uid);
            return Err(Failure::new(Code::RateLimited, text));
        }
        bucket.left -= 1.0;
        Ok(())
    }

    /// A permit for one running operation.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(super) fn start(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let full = |_| Failure::new(Code::RateLimited, "too many operations of this user are still running");
        Arc::clone(&self.running).try_acquire_owned().map_err(full)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_gives_its_burst_and_then_its_rate() {
        let limits = Limits { rate_per_uid: 10, burst_per_uid: 3, ..Limits::default() };
        let account = UserAccount::new(&limits, 1);
        let take = |n: usize| (0..n).filter(|_| account.take_turn(&limits).is_ok()).count();
        assert_eq!(take(10), 3);
        tokio::time::advance(Duration::from_millis(201)).await;
        assert_eq!(take(10), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(take(10), 3);
    }

    #[tokio::test]
    async fn places_are_counted_by_user_and_in_all_and_given_back() {
        let gate = Gate::new(Limits { connections: 3, connections_per_uid: 2, ..Limits::default() }, Arc::default());
        let (first, _second) = (gate.enter(1), gate.enter(1));
        assert!(matches!(gate.enter(1), Entry::Refused(..)), "the third of one user");
        let _other = gate.enter(2);
        assert!(matches!(gate.enter(3), Entry::Refused(..)), "the fourth of all");
        drop(first);
        let again = gate.enter(1);
        assert!(matches!(again, Entry::Permitted(_)));
        let of_root: Vec<Entry> = (0..OF_ROOT).map(|_| gate.enter(0)).collect();
        assert!(of_root.iter().all(|entry| matches!(entry, Entry::Permitted(_))), "places are kept for root");
        let told: Vec<Entry> = (0..TOLD + 1).map(|_| gate.enter(1)).collect();
        assert_eq!(told.iter().filter(|entry| matches!(entry, Entry::Closed)).count(), 1);
    }
}
