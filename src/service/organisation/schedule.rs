//! Re-validation: every active config's trade point is looked up at `[verify] every`, spread so that a thousand
//! organisations are no burst, backed off while the bank cannot be asked, the overdue ones at start. A point that is
//! missing or suspended is looked at again after `[verify] confirm`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, warn};

use super::verify::{Unobserved, Verifications};
use crate::chance::select;
use crate::domain::Standing;
use crate::failure::{Code, Failure};
use crate::id::{ConfigId, OrganizationBin};
use crate::moment::Moment;
use crate::service::bank::Wake;
use crate::service::select::settled;
use crate::service::stop::Stopping;
use crate::service::{Live, Settings};
use crate::store::{Change, ConfigRow, Store};

/// Between two looks by the schedule, at least: nobody waits for them, so they leave the pace to those who are waited for.
const SPACING: Duration = Duration::from_millis(250);

/// The first pause after a look that could not be made; doubled up to [`LONGEST_PAUSE`], which bounds how long after
/// the bank is back the looks are.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// A bank that refuses our certificate refuses it for every organisation, until a person acts (wire §6).
const CERTIFICATE_PAUSE: Duration = Duration::from_secs(3600);

/// A shop full of refused calls asks for one look a minute, not one a call.
const SUSPECT_REST: Duration = Duration::from_secs(60);

/// The wall clock may jump, the machine sleep and configs change: the plan is made anew at least this often.
const REPLAN: Duration = Duration::from_secs(60);

/// The last look at a config in this run of the daemon.
#[derive(Clone, Copy)]
struct LastCheck {
    at: Instant,
    /// How many in a row could not be made.
    failed: u32,
}

/// When which config is looked at, and what of it is known only here.
struct VisitPlan {
    settings: Arc<Settings>,
    begun: Instant,
    made: Option<Instant>,
    queue: BTreeMap<(Instant, ConfigId), OrganizationBin>,
    looked: HashMap<ConfigId, LastCheck>,
    suspected: HashSet<OrganizationBin>,
    /// Looks that failed in a row, whatever the config, and until when nobody is asked.
    failed: u32,
    rest_until: Option<Instant>,
}

/// Keeps configs verified; touches them as [`Verifications`] does, and the log.
pub(in crate::service) struct Schedule {
    store: Store,
    live: Arc<Live>,
    stop: Stopping,
    verifications: Arc<Verifications>,
}

impl Schedule {
    pub(in crate::service) fn new(
        store: Store,
        live: Arc<Live>,
        stop: Stopping,
        verifications: Arc<Verifications>,
    ) -> Self {
        Self { store, live, stop, verifications }
    }

    /// Keeps configs verified until the daemon stops.
    pub(in crate::service) async fn keep_verified(self, mut wakes: mpsc::UnboundedReceiver<Wake>) {
        let mut changes = self.live.changes();
        let mut plan = VisitPlan::new(self.live.get());
        loop {
            plan.renew(&self);
            select! {
                () = self.stop.begun() => return,
                Some(wake) = wakes.recv() => plan.wake(&self, wake),
                Ok(()) = changes.changed() => {}
                () = sleep_until(plan.next()) => {
                    if let Some(bin) = plan.take() {
                        select! {
                            () = plan.look(&self, &bin) => {}
                            // Of a bank that is not asked any more nothing is waited for, however long it keeps silent.
                            Ok(()) = changes.changed() => {}
                        }
                    }
                }
            }
        }
    }
}

impl VisitPlan {
    fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            begun: Instant::now(),
            made: None,
            queue: BTreeMap::new(),
            looked: HashMap::new(),
            suspected: HashSet::new(),
            failed: 0,
            rest_until: None,
        }
    }

    /// Makes the plan anew when it is old, or when other settings may have ended a trouble.
    fn renew(&mut self, by: &Schedule) {
        let settings = by.live.get();
        if !Arc::ptr_eq(&settings, &self.settings) {
            *self = Self { suspected: std::mem::take(&mut self.suspected), ..Self::new(settings) };
        }
        if self.made.is_some_and(|made| made.elapsed() < REPLAN) {
            return;
        }
        self.made = Some(Instant::now());
        match by.store.read(|reading| Ok(reading.configs()?)) {
            Ok(rows) => {
                self.queue.clear();
                let wanted = |row: &&ConfigRow| row.is_active || settled(&self.settings, row).is_err();
                let due: Vec<_> = rows.iter().filter(wanted).map(|row| self.entry(row)).collect();
                self.queue.extend(due);
            }
            Err(failure) => warn!("the configs could not be read, the old plan stays: {}", failure.detail),
        }
    }

    /// A till waits for a suspected config: it goes before all that is due.
    fn entry(&self, row: &ConfigRow) -> ((Instant, ConfigId), OrganizationBin) {
        let due = self.due(row);
        let first = self.suspected.contains(&row.organization_bin) && due <= Instant::now();
        ((if first { self.begun } else { due }, row.id), row.organization_bin.clone())
    }

    /// When the plan wants something: a look, or to be made anew.
    fn next(&self) -> Instant {
        let anew = self.made.map_or_else(Instant::now, |made| made + REPLAN);
        match self.queue.first_key_value() {
            Some(((at, _), _)) => self.rest_until.map_or(*at, |rest| rest.max(*at)).min(anew),
            None => anew,
        }
    }

    /// The config that is due.
    fn take(&mut self) -> Option<OrganizationBin> {
        let now = Instant::now();
        let resting = self.rest_until.is_some_and(|until| now < until);
        let entry = self.queue.first_entry().filter(|entry| !resting && entry.key().0 <= now)?;
        Some(entry.remove())
    }

    fn wake(&mut self, by: &Schedule, wake: Wake) {
        match wake {
            Wake::Changed => self.made = None,
            Wake::Planned(bin) => self.queue.extend(active(by, &bin).map(|row| self.entry(&row))),
            // One entry however many calls were refused.
            Wake::Suspected(bin) if self.suspected.contains(&bin) => {}
            Wake::Suspected(bin) => {
                if let Some(row) = active(by, &bin) {
                    self.suspected.insert(bin);
                    self.queue.extend([self.entry(&row)]);
                }
            }
        }
    }

    /// Looks at one config, and plans the next look at it.
    async fn look(&mut self, by: &Schedule, bin: &OrganizationBin) {
        let Ok(Some(row)) = by.store.read(|reading| Ok(reading.config(bin)?)) else { return };
        if self.due(&row) > Instant::now() {
            // Somebody has looked meanwhile, or it stood in the queue twice.
            return;
        }
        self.suspected.remove(bin);
        let failed = match by.verifications.verify(&self.settings, &row, None).await {
            Ok(()) => self.went_well(),
            Err(trouble) => self.went_wrong(by, &row, trouble).await,
        };
        self.looked.insert(row.id, LastCheck { at: Instant::now(), failed });
        if let Some(row) = active(by, bin) {
            self.queue.extend([self.entry(&row)]);
        }
        sleep(SPACING).await;
    }

    fn went_well(&mut self) -> u32 {
        (self.failed, self.rest_until) = (0, None);
        0
    }

    /// Nothing changes but the plan. The log tells it once, until a look can be made again; the journal each time,
    /// which is at most every [`FIRST_PAUSE`].
    async fn went_wrong(&mut self, by: &Schedule, row: &ConfigRow, trouble: Unobserved) -> u32 {
        let Unobserved { failure, note } = trouble;
        let before = self.looked.get(&row.id).map_or(0, |looked| looked.failed);
        warn!(
            kaspid.config = row.id,
            kaspid.code = failure.code.word(),
            "config {}: its trade point could not be looked up ({}); nothing changes",
            row.id,
            failure.code.word()
        );
        if is_everybodys(failure.code) {
            self.failed = self.failed.saturating_add(1);
            let rest = if failure.code == Code::CertificateRefused { CERTIFICATE_PAUSE } else { pause(self.failed) };
            self.rest_until = Some(Instant::now() + rest);
        }
        if before == 0 && failure.code != Code::StorageFailed {
            let note = note.of(row);
            let noted = by.store.write(move |writing| {
                writing.append(None, Change::Noted(note))?;
                Ok(())
            });
            if let Err(failure) = noted.await {
                debug!(detail = failure.detail, "the log does not have it");
            }
        }
        before.saturating_add(1)
    }

    /// When a config's trade point is due for a look.
    fn due(&self, row: &ConfigRow) -> Instant {
        let now = Instant::now();
        let verify = &self.settings.config.verify;
        let looked = self.looked.get(&row.id);
        let unsettled = settled(&self.settings, row).is_err();
        let doubtful = row.missing_since.is_some() || row.standing == Standing::Suspended || unsettled;
        let every = if doubtful && row.is_active { verify.confirm } else { verify.every };
        let every = every + jitter(row, every);
        let usual = match (doubtful, looked) {
            (true, Some(looked)) => looked.at + every,
            // Nobody takes money until a look has settled it.
            (true, None) if unsettled => now,
            (true, None) => now + left(row.missing_since.or(Some(row.standing_since)), every),
            (false, _) => now + left(row.last_verified_at, every),
        };
        let suspected = self.suspected.contains(&row.organization_bin);
        let rested = looked.map_or(now, |looked| looked.at + SUSPECT_REST);
        let due = if suspected { usual.min(rested) } else { usual };
        match looked {
            Some(LastCheck { at, failed }) if *failed > 0 => due.max(*at + pause(*failed)),
            _ => due,
        }
    }
}

fn active(by: &Schedule, bin: &OrganizationBin) -> Option<ConfigRow> {
    let row: Result<_, Failure> = by.store.read(|reading| Ok(reading.config(bin)?));
    row.ok().flatten().filter(|row| row.is_active)
}

/// What is left of a span since then; nothing if that never was, or lies in the future of a clock set back.
fn left(since: Option<Moment>, every: Duration) -> Duration {
    let now = Moment::now();
    since.filter(|since| *since <= now).map_or(Duration::ZERO, |since| since.after(every).since(now))
}

/// Trouble that no other organisation would be spared.
fn is_everybodys(code: Code) -> bool {
    matches!(
        code,
        Code::KaspiUnavailable
            | Code::CertificateRefused
            | Code::IdentityMissing
            | Code::NotInDialect
            | Code::StorageFailed
    )
}

/// After so many failures in a row.
fn pause(failed: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failed.saturating_sub(1).min(6)).min(LONGEST_PAUSE)
}

/// Up to a tenth more, different for each config.
fn jitter(row: &ConfigRow, every: Duration) -> Duration {
    // Knuth's multiplicative hash spreads row numbers that follow each other.
    every.mul_f64(f64::from(row.id.wrapping_mul(2_654_435_761).to_le_bytes()[1]) / 2560.0)
}
