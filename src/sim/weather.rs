//! What happens to the daemon's computer: its disk fails for a while, it sleeps, and somebody sets its clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use super::chance::Chance;
use super::clock;
use super::fate::note;
use crate::store::tests::disk::Disk;

/// What a computer is like.
pub(super) struct Weather {
    chance: Chance,
    has_bad_disk: bool,
    sleeps: bool,
    has_bad_clock: bool,
}

impl Weather {
    pub(super) fn new(mut chance: Chance) -> Arc<Mutex<Self>> {
        let mut sometimes = |percent| chance.percent(percent);
        let (has_bad_disk, sleeps, has_bad_clock) = (sometimes(20), sometimes(20), sometimes(10));
        Arc::new(Mutex::new(Self { chance, has_bad_disk, sleeps, has_bad_clock }))
    }

    /// Between two lives the clock may have stopped, or run ahead.
    pub(super) fn at_start(&mut self) {
        if self.has_bad_clock && self.chance.percent(50) {
            let hour = 3_600_000;
            let by = self.chance.one_of(&[0, 0, -hour, hour, -30 * hour, 2 * hour]);
            note(|| format!("the wall clock is wrong by {by} ms"));
            clock::set_wrong_by(by);
        }
    }

    fn change(&mut self, disk: &Disk) {
        if self.has_bad_disk && self.chance.percent(50) {
            let (flushes, keeps) = (1 + self.chance.below(3), self.chance.percent(50));
            note(|| format!("{flushes} flushes fail (kept all the same: {keeps})"));
            disk.fail(flushes, keeps);
        }
        if self.sleeps && self.chance.percent(50) {
            let span = self.chance.span(Duration::from_secs(5), Duration::from_secs(4 * 3600));
            note(|| format!("the computer sleeps for {span:?}"));
            clock::sleep_through(span);
        }
    }
}

/// Lets it happen.
pub(super) async fn work(weather: Arc<Mutex<Weather>>, disk: Disk) {
    loop {
        let rest = weather.lock().unwrap().chance.span(Duration::from_secs(1), Duration::from_secs(1_800));
        sleep(rest).await;
        weather.lock().unwrap().change(&disk);
    }
}
