//! What the answers of the daemon may hold of its memory until their clients have taken them.
//!
//! A call takes its [`Allowance`] before it begins, keeps it while its answer is made, and leaves it to the answer, which
//! gives it back with its last byte. So what is not taken keeps new calls of the same connection and user from beginning,
//! and nobody else's: one user never gets more than half of what the others leave, and its lists no more than a quarter of that.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::failure::{Code, Failure};
use crate::operation::Length;

/// Bytes that an answer of this length has before anybody knows how long it is. As many short ones as a connection may have
/// calls, and one page beside them, fit into what a connection may hold.
fn bytes_of(length: Length) -> usize {
    match length {
        Length::Short => 4 << 10,
        Length::Page | Length::File => 512 << 10,
    }
}

/// How much, and for how long a call waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of one connection.
    pub connection: usize,
    /// Bytes of all together.
    pub all: usize,
    /// A call that has waited for so long is refused.
    pub patience: Duration,
}

/// All answers that are not taken.
#[derive(Debug)]
pub struct Allowances {
    bounds: Bounds,
    /// Held for a few instructions, never across an await.
    held: Mutex<Held>,
    given_back: Notify,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by_user: HashMap<u32, usize>,
}

/// Those of one connection.
#[derive(Debug)]
pub struct ConnectionAllowances {
    all: Arc<Allowances>,
    uid: u32,
    /// Changed only under the lock of `all`.
    held: AtomicUsize,
}

/// That of one answer, shared by the call that makes it and the bytes that it becomes.
#[derive(Clone, Debug)]
pub struct Allowance(Arc<Share>);

#[derive(Debug)]
struct Share {
    connection: Arc<ConnectionAllowances>,
    bytes: AtomicUsize,
}

impl Allowances {
    /// Nothing is held yet.
    #[must_use]
    pub fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, held: Mutex::default(), given_back: Notify::new() })
    }

    /// Those of a new connection of `uid`.
    #[must_use]
    pub fn connection(self: &Arc<Self>, uid: u32) -> Arc<ConnectionAllowances> {
        Arc::new(ConnectionAllowances { all: Arc::clone(self), uid, held: AtomicUsize::new(0) })
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionAllowances {
    /// Waits for room for an answer.
    ///
    /// # Errors
    /// `rate_limited`: the answers before it are not taken.
    pub async fn take(self: &Arc<Self>, length: Length) -> Result<Allowance, Failure> {
        let allowance = Allowance(Arc::new(Share { connection: Arc::clone(self), bytes: AtomicUsize::new(0) }));
        allowance.take_up(length).await?;
        Ok(allowance)
    }

    /// The same where there is room at once.
    #[must_use]
    pub fn take_now(self: &Arc<Self>, length: Length) -> Option<Allowance> {
        let bytes = bytes_of(length);
        let answer = || Share { connection: Arc::clone(self), bytes: AtomicUsize::new(bytes) };
        self.try_add(bytes, length).then(|| Allowance(Arc::new(answer())))
    }

    /// Bytes that are not taken.
    #[must_use]
    pub fn untaken(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }

    /// Adds `more` if there is room for it. A connection without any always has room for its first.
    fn try_add(&self, more: usize, length: Length) -> bool {
        let mut held = self.all.held();
        let bounds = &self.all.bounds;
        let own = held.by_user.get(&self.uid).copied().unwrap_or_default();
        let of_others = held.all.saturating_sub(own);
        let connection = self.untaken();
        let fits = connection == 0 || connection.saturating_add(more) <= bounds.connection;
        let share = bounds.all.saturating_sub(of_others) / 2;
        // A user's lists leave room for the short answers of its other connections: those of money are among them.
        let share = if length == Length::Short { share } else { share / 4 };
        if !fits || own.saturating_add(more) > share {
            return false;
        }
        self.change(&mut held, 0, more);
        true
    }

    fn change(&self, held: &mut Held, less: usize, more: usize) {
        let moved = |was: usize| was.saturating_sub(less).saturating_add(more);
        held.all = moved(held.all);
        self.held.store(moved(self.untaken()), Ordering::Release);
        let own = held.by_user.entry(self.uid).or_default();
        *own = moved(*own);
        if *own == 0 {
            held.by_user.remove(&self.uid);
        }
    }

    async fn room(&self, more: usize, length: Length) {
        loop {
            // Enabled before the look: what is given back in between is not missed.
            let mut given_back = pin!(self.all.given_back.notified());
            given_back.as_mut().enable();
            if self.try_add(more, length) {
                return;
            }
            given_back.await;
        }
    }
}

impl Allowance {
    /// Has at least as much as an answer of this length needs.
    ///
    /// # Errors
    /// `rate_limited`, as for [`ConnectionAllowances::take`].
    pub async fn take_up(&self, length: Length) -> Result<(), Failure> {
        let more = bytes_of(length).saturating_sub(self.0.bytes.load(Ordering::Acquire));
        let connection = &self.0.connection;
        if timeout(connection.all.bounds.patience, connection.room(more, length)).await.is_err() {
            return Err(Failure::new(
                Code::RateLimited,
                "the answers before this one are not taken, and there is no room for more",
            )
            .with_hint("Read the answers that were asked for, or close the connections that nobody reads."));
        }
        self.0.bytes.fetch_add(more, Ordering::AcqRel);
        Ok(())
    }

    /// Gives back what a call does not need while it only waits.
    pub fn lay_down(&self) {
        self.fit(bytes_of(Length::Short));
    }

    /// Is as long as the answer. A longer one than was taken for is counted as what it is, so that the next waits for it.
    pub fn fit(&self, bytes: usize) {
        let connection = &self.0.connection;
        let was = self.0.bytes.swap(bytes, Ordering::AcqRel);
        connection.change(&mut connection.all.held(), was, bytes);
        if bytes < was {
            connection.all.given_back.notify_waiters();
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let was = *self.bytes.get_mut();
        self.connection.change(&mut self.connection.all.held(), was, 0);
        self.connection.all.given_back.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use super::*;

    const PAGE: usize = 512 << 10;

    fn all() -> Arc<Allowances> {
        Allowances::new(Bounds { connection: 1 << 20, all: 32 << 20, patience: Duration::from_secs(15) })
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_waits_for_its_own_answers_and_is_refused_in_the_end() {
        let (all, began) = (all(), tokio::time::Instant::now());
        let connection = all.connection(7);
        let (first, _second) =
            (connection.take(Length::Page).await.unwrap(), connection.take(Length::Page).await.unwrap());
        assert_eq!(connection.take(Length::Short).await.unwrap_err().code, Code::RateLimited);
        assert_eq!(began.elapsed(), Duration::from_secs(15));
        let mut third = pin!(connection.take(Length::Short));
        tokio::select! {
            biased;
            _ = &mut third => unreachable!("there is no room"),
            () = tokio::task::yield_now() => drop(first),
        }
        third.await.unwrap();
    }

    /// However many users hold all they can, there is room for one more.
    #[tokio::test(start_paused = true)]
    async fn one_user_leaves_room_to_the_others() {
        let all = all();
        let mut held = Vec::new();
        for uid in 0..4 {
            while let Ok(allowance) = all.connection(uid).take(Length::Page).await {
                held.push(allowance);
            }
        }
        assert_eq!(held.len(), 8 + 7 + 6 + 5);
        assert!(all.connection(4).take(Length::Short).await.is_ok());
        drop(held);
        assert_eq!(all.held().all, 0);
        assert!(all.held().by_user.is_empty());
    }

    #[tokio::test]
    async fn an_answer_is_counted_as_long_as_it_is_until_it_is_gone() {
        let connection = all().connection(1);
        let allowance = connection.take(Length::Page).await.unwrap();
        let bytes = allowance.clone();
        allowance.fit(3 * PAGE);
        drop(allowance);
        assert_eq!(connection.untaken(), 3 * PAGE);
        bytes.lay_down();
        bytes.take_up(Length::Page).await.unwrap();
        assert_eq!(connection.untaken(), PAGE);
        drop(bytes);
        assert_eq!(connection.untaken(), 0);
    }
}
