//! Re-validation: every active config's trade point is looked up at `[verify] every`, spread so that a thousand
//! organisations are no burst, backed off while the bank cannot be asked, the overdue ones at start. A point that is
//! missing or suspended is looked at again after `[verify] confirm`.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::{Service, Settings};
use crate::id::{ConfigId, OrganizationBin};
use crate::moment::Moment;
use crate::operation::{Failure, Standing};
use crate::store::ConfigRow;

/// Between two looks by the schedule, at least: nobody waits for them, so they leave the pace to those who are waited for.
const SPACING: Duration = Duration::from_millis(250);

/// The first pause after a look that could not be made; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The wall clock may jump or the machine sleep: the plan is made anew at least this often.
const REPLAN: Duration = Duration::from_secs(60);

/// Looks that could not be made, by config: how many in a row, and when the next may be tried.
type Troubles = HashMap<ConfigId, (u32, Instant)>;

impl Service {
    /// Keeps configs verified until the daemon stops. `suspects` carries the organisations whose trade point a call
    /// has just been told is off: they are looked at soon, not suspended for it.
    ///
    /// # Errors
    /// `storage_failed` when the configs cannot be read.
    pub async fn keep_verified(self, mut suspects: mpsc::UnboundedReceiver<OrganizationBin>) -> Result<(), Failure> {
        let mut troubles = Troubles::new();
        loop {
            let settings = self.live.get();
            let next = self.next_to_verify(&settings, &troubles)?;
            let wait = next.as_ref().map_or(REPLAN, |(wait, _)| (*wait).min(REPLAN));
            tokio::select! {
                () = self.stopped() => return Ok(()),
                Some(bin) = suspects.recv() => {
                    let row = self.store.read(|reading| Ok(reading.config(&bin)?))?;
                    if let Some(row) = row.filter(|row| looked_at_long_ago(row, Moment::now())) {
                        self.verify_once(&settings, row, &mut troubles).await;
                    }
                }
                () = sleep(wait) => match next {
                    Some((due, row)) if due <= wait => self.verify_once(&settings, row, &mut troubles).await,
                    _ => {}
                },
            }
        }
    }

    /// Tells the schedule that a call was told that a trade point is off.
    pub(super) fn suspect(&self, bin: &OrganizationBin) {
        // The receiver is gone only when the daemon stops.
        let _ = self.state.suspects.send(bin.clone());
    }

    /// The config that is due first, and how long until then.
    fn next_to_verify(
        &self,
        settings: &Settings,
        troubles: &Troubles,
    ) -> Result<Option<(Duration, ConfigRow)>, Failure> {
        let (now, instant) = (Moment::now(), Instant::now());
        let rows = self.store.read(|reading| Ok(reading.configs()?))?;
        let due = |row: &ConfigRow| {
            let backed_off = troubles.get(&row.id).map(|(_, at)| at.saturating_duration_since(instant));
            due_in(settings, row, now).max(backed_off.unwrap_or_default())
        };
        let active = rows.into_iter().filter(|row| row.is_active);
        Ok(active.map(|row| (due(&row), row)).min_by_key(|(wait, _)| *wait))
    }

    async fn verify_once(&self, settings: &Settings, row: ConfigRow, troubles: &mut Troubles) {
        let id = row.id;
        match self.verify(settings, row, None).await {
            Ok(()) => {
                debug!(config = id, "trade point looked up");
                troubles.remove(&id);
            }
            Err(failure) => {
                let times = troubles.get(&id).map_or(0, |(times, _)| *times);
                let pause = FIRST_PAUSE.saturating_mul(1 << times.min(6)).min(LONGEST_PAUSE);
                warn!(config = id, code = failure.code.word(), "a trade point could not be looked up; nothing changes");
                troubles.insert(id, (times + 1, Instant::now() + pause));
            }
        }
        sleep(SPACING).await;
    }
}

/// How long until a config's trade point is due for a look.
fn due_in(settings: &Settings, row: &ConfigRow, now: Moment) -> Duration {
    let verify = &settings.config.verify;
    let doubtful = row.missing_since.is_some() || row.standing == Standing::Suspended;
    let every = if doubtful { verify.confirm } else { verify.every };
    let last = row
        .last_verified_at
        .into_iter()
        .chain(row.missing_since)
        .chain(Some(row.updated_at).filter(|_| doubtful))
        .max();
    last.map_or(Duration::ZERO, |last| last.after(every + jitter(row, every)).since(now))
}

/// Up to a tenth more, different for each config.
fn jitter(row: &ConfigRow, every: Duration) -> Duration {
    // Knuth's multiplicative hash spreads row numbers that follow each other.
    every.mul_f64(f64::from(row.id.wrapping_mul(2_654_435_761).to_le_bytes()[1]) / 2560.0)
}

/// A shop full of refused calls asks for one look a minute, not one a call.
fn looked_at_long_ago(row: &ConfigRow, now: Moment) -> bool {
    now.since(row.updated_at) > Duration::from_secs(60)
}
