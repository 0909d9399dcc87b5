//! The end of the certificate, told in time: each of these days once, whatever restarts come between; and at the start
//! that another one is in use than before.

use std::sync::Arc;
use std::time::Duration;

use super::super::problems::renewal;
use super::news::News;
use crate::chance::select;
use crate::moment::Moment;
use crate::service::Live;
use crate::service::stop::Stopping;

/// Days before the end at which it is told; 0 once it has ended.
const DAYS: [u16; 7] = [0, 1, 3, 7, 14, 30, 60];

/// Between two looks at the clock.
const LOOK: Duration = Duration::from_secs(3600);

/// Tells the end of the identity in use.
pub(in crate::service) struct ExpiryWatch {
    live: Arc<Live>,
    stop: Stopping,
    news: News,
}

impl ExpiryWatch {
    pub(in crate::service) fn new(live: Arc<Live>, stop: Stopping, news: News) -> Self {
        Self { live, stop, news }
    }

    /// Looks at once, after each exchange and every hour, until the stop.
    pub(in crate::service) async fn keep(self: Arc<Self>) {
        let mut changes = self.live.changes();
        match self.live.get().identity() {
            Some(identity) => self.news.at_start(identity).await,
            None => self.news.none_at_start(),
        }
        loop {
            changes.mark_unchanged();
            self.look().await;
            select! {
                // The settings outlive every watch of them.
                _ = changes.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
                () = self.stop.begun() => return,
            }
        }
    }

    async fn look(&self) {
        let settings = self.live.get();
        let Some(identity) = settings.identity() else { return };
        let mark = match self.news.mark() {
            Ok(mark) => mark.filter(|mark| mark.fingerprint == identity.fingerprint()),
            Err(failure) => {
                tracing::warn!("what was said of the certificate could not be read: {}", failure.detail);
                return;
            }
        };
        let left = identity.view(Moment::now()).days_left;
        if let Some(days) = due(left, mark.and_then(|mark| mark.warned)) {
            let (what, command) = renewal(&settings);
            self.news.expiring(identity, (days, left), &format!("{what}: {command}")).await;
        }
    }
}

/// The day to tell now, if it was not told.
fn due(left: i64, warned: Option<u16>) -> Option<u16> {
    let due = DAYS.into_iter().find(|&days| match days {
        0 => left < 0,
        days => left < i64::from(days),
    })?;
    warned.is_none_or(|warned| due < warned).then_some(due)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_is_told_once_and_the_nearest_one_only() {
        for (left, warned, expected) in [
            (400, None, None),
            (60, None, None),
            (59, None, Some(60)),
            (59, Some(60), None),
            (30, Some(60), None),
            (29, Some(60), Some(30)),
            (5, None, Some(7)),
            (5, Some(7), None),
            (0, Some(3), Some(1)),
            (-1, Some(1), Some(0)),
            (-200, Some(0), None),
        ] {
            assert_eq!(due(left, warned), expected, "{left} {warned:?}");
        }
    }
}
