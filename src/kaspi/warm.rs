//! Keeps one connection to the bank made ahead, so that the first call after a start, after a quiet time or
//! after the bank closed the last connection does not wait for a handshake.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::link::{Link, QUIET};

/// A connection that ends sooner than this after it was made, and without a call, was refused.
const SOON: Duration = Duration::from_secs(5);

/// Pauses after a connection that could not be made or ended [`SOON`]: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// No handshake takes longer.
const CONNECT: Duration = Duration::from_secs(30);

/// Runs until the last handle of the link is dropped.
pub(super) async fn keep(link: Weak<Link>) {
    let mut keeper = Keeper { pause: FIRST_PAUSE, made_at: None };
    while let Some(link) = link.upgrade() {
        // Renewed well before it has rested too long to carry a call.
        let fresh = link.idle * 3 / 4;
        if fresh.is_zero() {
            return;
        }
        let next = keeper.look(&link, fresh).await;
        let changed = Arc::clone(&link.changed);
        drop(link);
        match next {
            NextLook::Look(wait) => tokio::select! {
                () = changed.notified() => {}
                () = sleep(wait) => {}
            },
            // Nothing that happens meanwhile is a reason to knock earlier.
            NextLook::Back(pause) => sleep(pause).await,
        }
    }
}

enum NextLook {
    /// Look again after this long, or as soon as something changes.
    Look(Duration),
    /// Back off for this long.
    Back(Duration),
}

struct Keeper {
    pause: Duration,
    /// When the last connection was made ahead; `None` after a failure.
    made_at: Option<Instant>,
}

impl Keeper {
    async fn look(&mut self, link: &Link, fresh: Duration) -> NextLook {
        let refused = |at: Instant| at.elapsed() < SOON.min(fresh) && link.unused() > at.elapsed();
        match link.rested() {
            _ if link.unused() > QUIET => NextLook::Look(LONGEST_PAUSE),
            Some(rested) if rested < fresh => NextLook::Look(fresh.saturating_sub(rested)),
            None if self.made_at.is_some_and(refused) => self.back_off(),
            _ => match link.make_ahead(CONNECT).await {
                true => {
                    // The one before lived long enough to count as taken.
                    if self.made_at.replace(Instant::now()).is_some() {
                        self.pause = FIRST_PAUSE;
                    }
                    NextLook::Look(fresh)
                }
                false => self.back_off(),
            },
        }
    }

    fn back_off(&mut self) -> NextLook {
        self.made_at = None;
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        NextLook::Back(pause)
    }
}
