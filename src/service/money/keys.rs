//! Requests with one key: one at a time, and who had to wait for another's call makes none of its own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::call::{Calls, MoneyTurn};
use super::intention::{is_of_key, with_money_of_key};
use crate::failure::{Code, Failure, Money};
use crate::id::{RequestKey, ShopId};
use crate::service::Context;
use crate::service::locks::Locks;
use crate::service::stop::Stopping;
use crate::store::{Store, Wrote};

/// A key of a shop.
type ShopKey = (ShopId, RequestKey);

/// No request waits longer for another's call.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// So many are remembered before the old ones go.
const MANY: usize = 1024;

/// Gives out the turns of money calls, which nothing else can. It knows who has the turn of each key, and how the last
/// call under it failed.
pub(in crate::service) struct Keys {
    calls: Calls,
    stop: Stopping,
    turns: Locks<ShopKey>,
    /// Held for a look-up, never across an await.
    failed: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    of: HashMap<ShopKey, LastFailure>,
    /// How many there may be before the old ones go.
    room: usize,
}

/// A call that failed: when, whose and what it was, and what its caller was told.
struct LastFailure {
    at: Instant,
    uid: u32,
    wrote: Wrote,
    failure: Failure,
}

impl LastFailure {
    /// What its key has done to money. A failure of another request under it says nothing of that.
    fn money_of_key(&self) -> Money {
        if is_of_key(self.failure.code) { self.failure.money } else { Money::Unknown }
    }
}

impl Keys {
    pub(super) fn new(calls: Calls, stop: Stopping) -> Self {
        Self { calls, stop, turns: Locks::new(), failed: Mutex::default() }
    }

    /// The log, for what a call is compared with before its turn.
    pub(super) fn store(&self) -> &Store {
        &self.calls.store
    }

    /// How the same request of the same user under this key failed since an instant.
    fn failed_since(&self, key: &ShopKey, (uid, wrote): (u32, &Wrote), since: Instant) -> Option<Failure> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |failed: &&LastFailure| failed.at >= since && failed.uid == uid && failed.wrote == *wrote;
        Some(failed.of.get(key).filter(is_same)?.failure.clone())
    }

    /// A storage failure of a money call with what its key has done to money: as the last call under it was told, for
    /// while the state cannot be read that may be the only place that knows what the bank has answered. Where no such
    /// call failed in this run, one may have succeeded, and what cannot be read is not said to have moved nothing.
    pub(in crate::service) fn as_told(&self, context: &Context, failure: Failure) -> Failure {
        let is_bare = failure.code == Code::StorageFailed && failure.money == Money::NotMoved;
        let Some(key) = context.key.as_ref().filter(|_| is_bare) else { return failure };
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_own = |((_, of), told): &(&ShopKey, &LastFailure)| of == key && told.uid == context.caller.uid;
        // Which of a caller's shops it is for cannot be read either: only where none may have moved anything, none has.
        let told: Vec<Money> = failed.of.iter().filter(is_own).map(|(_, told)| told.money_of_key()).collect();
        let moved = told.iter().copied().find(|money| *money != Money::NotMoved);
        failure.with_money(moved.or(told.first().copied()).unwrap_or(Money::Unknown))
    }

    /// What the last call under a key came to, where it failed.
    fn ended(&self, key: ShopKey, (uid, wrote): (u32, Wrote), failure: Option<&Failure>) {
        match failure {
            Some(failure) => self.fail(key, (uid, wrote), failure.clone()),
            None => drop(self.failed.lock().unwrap_or_else(PoisonError::into_inner).of.remove(&key)),
        }
    }

    fn fail(&self, key: ShopKey, (uid, wrote): (u32, Wrote), failure: Failure) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.of.len() >= failed.room.max(MANY) {
            failed.of.retain(|_, failed| failed.at.elapsed() < FORGOTTEN);
            // Looking through all of them is paid for by as many new ones.
            failed.room = failed.of.len().saturating_mul(2);
        }
        failed.of.insert(key, LastFailure { at: Instant::now(), uid, wrote, failure });
    }

    /// Does `work` when no other request with this key is under way. One that waited for the same request finds what
    /// that did, or is told what its caller was told.
    ///
    /// # Errors
    /// `shutting_down`, and what `work` fails with.
    pub(super) async fn in_turn<'r, T, F>(
        &'r self,
        (context, shop): (&'r Context, ShopId),
        wrote: Wrote,
        work: impl FnOnce(MoneyTurn<'r>) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let (came, uid) = (Instant::now(), context.caller.uid);
        let Some(key) = context.key.clone().map(|key| (shop, key)) else {
            return work(self.money_turn(context)?).await;
        };
        // Held until what this call came to can be found.
        let _turn = self.turns.lock(key.clone()).await;
        if let Some(failure) = self.failed_since(&key, (uid, &wrote), came) {
            return Err(failure);
        }
        let done = match self.money_turn(context) {
            Ok(turn) => work(turn).await,
            Err(stopping) => Err(stopping),
        };
        let done = done.map_err(|failure| with_money_of_key(&self.calls.store, context, shop, failure));
        self.ended(key, (uid, wrote), done.as_ref().err());
        done
    }

    fn money_turn<'r>(&'r self, context: &'r Context) -> Result<MoneyTurn<'r>, Failure> {
        self.stop.still_running()?;
        Ok(MoneyTurn { context, by: &self.calls, underway: self.calls.store.underway() })
    }
}
