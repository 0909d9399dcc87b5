//! Keeps one connection to the bank made ahead, so that the first call after a start, after a quiet time or
//! after the bank closed the last connection does not wait for a handshake.

use std::sync::Weak;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::link::Link;

/// After this long without a call no connection is made ahead: a closed shop leaves the bank alone at night.
pub(super) const QUIET: Duration = Duration::from_secs(3_600);

/// A connection that ends sooner than this after it was made was refused, not used up.
const SOON: Duration = Duration::from_secs(5);

/// Pauses after a connection that could not be made or ended [`SOON`]: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// No handshake takes longer.
const CONNECT: Duration = Duration::from_secs(30);

/// Runs until the last handle of the link is dropped.
pub(super) async fn keep(link: Weak<Link>) {
    let mut pause = FIRST_PAUSE;
    let mut made_at: Option<Instant> = None;
    while let Some(link) = link.upgrade() {
        // Renewed well before it has rested too long to carry a call.
        let fresh = link.idle * 3 / 4;
        let wait = match link.rested() {
            _ if fresh.is_zero() => return,
            _ if link.unused() > QUIET => LONGEST_PAUSE,
            Some(rested) if rested < fresh => fresh.saturating_sub(rested),
            None if made_at.is_some_and(|at| at.elapsed() < SOON.min(fresh)) => {
                made_at = None;
                grow(&mut pause)
            }
            _ => match timeout(CONNECT, link.make_ahead()).await {
                Ok(true) => {
                    if made_at.is_some() {
                        pause = FIRST_PAUSE;
                    }
                    made_at = Some(Instant::now());
                    fresh
                }
                Ok(false) | Err(_) => grow(&mut pause),
            },
        };
        let changed = std::sync::Arc::clone(&link.changed);
        drop(link);
        tokio::select! {
            () = changed.notified() => {}
            () = sleep(wait) => {}
        }
    }
}

fn grow(pause: &mut Duration) -> Duration {
    let now = *pause;
    *pause = (now * 2).min(LONGEST_PAUSE);
    now
}
