//! Looking a trade point up again, when an admin asks or the schedule is due.

use std::sync::Arc;

use tracing::{debug, info, warn};

use super::failed_looks::FailedLooks;
use super::points::Points;
use super::rows::{ConfigRows, keep, not_enrolled, put};
use crate::domain::{Actor, Dialect, LogStatus, OperationType, Standing, TradePoint};
use crate::failure::Failure;
use crate::id::{BankUrl, OrganizationBin};
use crate::kaspi::{CallError, Refusal, RefusalKind};
use crate::moment::Moment;
use crate::notice;
use crate::operation::Reply;
use crate::service::bank::{Bank, Wake, failure_of, refusal_failure, tried};
use crate::service::rate::ReadRate;
use crate::service::select::settled;
use crate::service::{Context, Live, Settings};
use crate::store::{
    Change, ConfigRow, Counterparty, DIALECT_CHANGED, NOT_REGISTERED, Note, Refused, Store, TRADE_POINT_MISSING,
    Writing,
};

/// What one look at the trade points of an organisation tells.
enum Observation {
    /// A list that can be read; Kaspi may list none.
    Listed(Dialect, Vec<TradePoint>),
    /// Kaspi has no trade points of the organisation, or does not know it. The bank's dialect says so instead of
    /// giving an empty list (−14000002, wire §6).
    NotRegistered(Refusal),
}

/// A look that told nothing: nothing changes.
pub(super) struct Unobserved {
    pub(super) failure: Failure,
    /// For the log.
    pub(super) note: Box<Note>,
}

impl From<Failure> for Unobserved {
    fn from(failure: Failure) -> Self {
        let note = Note {
            status: LogStatus::Failed,
            error: Some(failure.detail.clone()),
            ..Note::done(OperationType::Verify)
        };
        Self { failure, note: Box::new(note) }
    }
}

/// Asks Kaspi, and what of it is for the log.
async fn look(settings: &Settings, bin: &OrganizationBin) -> Result<(Observation, Note), Unobserved> {
    let kaspi = settings.kaspi()?;
    let (ask, began) = (crate::kaspi::CallContext::fresh(settings.config.kaspi.timeout), Moment::now());
    let listed = kaspi.trade_points(&ask, bin, settings.config.kaspi.dialect).await;
    let note = tried(OperationType::Verify, &ask, began, listed.as_ref().err());
    match listed {
        Ok((dialect, points)) => Ok((Observation::Listed(dialect, points), note)),
        Err(CallError::Refused(refusal)) if refusal.kind == RefusalKind::OrganizationNotRegistered => {
            Ok((Observation::NotRegistered(refusal), note))
        }
        Err(trouble) => {
            let failure = failure_of(&trouble).with_bin(bin);
            Err(Unobserved { failure, note: Box::new(note) })
        }
    }
}

/// Looks at trade points. Touches a config by what it sees: its standing and since when, its dialect and bank, the name of
/// its point; its alarms where a person asked; the log; and the rest that keeps a device from being registered again.
pub(in crate::service) struct Verifications {
    store: Store,
    live: Arc<Live>,
    bank: Arc<Bank>,
    rate: Arc<ReadRate>,
    organisations: ConfigRows,
    points: Points,
    /// Those that could not be made.
    pub(in crate::service) failed_looks: Arc<FailedLooks>,
}

impl Verifications {
    pub(in crate::service) fn new(store: Store, live: Arc<Live>, bank: Arc<Bank>, rate: Arc<ReadRate>) -> Self {
        let (organisations, points) = (ConfigRows::new(store.clone()), Points::new(store.clone()));
        Self { store, live, bank, rate, organisations, points, failed_looks: Arc::default() }
    }

    pub(in crate::service) async fn verify_config(
        &self,
        context: &Context,
        bin: OrganizationBin,
    ) -> Result<Reply, Failure> {
        let row = self.organisations.config_row(context, &bin)?;
        let actor = context.caller.actor();
        if let Err(Unobserved { failure, note }) = self.verify(&context.settings, &row, Some(actor.clone())).await {
            self.points.note_of(actor, &bin, *note).await?;
            return Err(failure);
        }
        self.organisations.config_get(context, &bin)
    }

    /// One look at a config's trade point. Success proves that the point is still listed, nothing more; not being
    /// able to ask changes nothing. Nothing is written when the schedule learns nothing.
    pub(super) async fn verify(
        &self,
        settings: &Settings,
        row: &ConfigRow,
        actor: Option<Actor>,
    ) -> Result<(), Unobserved> {
        let is_asked = actor.is_some();
        if !is_asked {
            self.rate.own_turn(|| self.live.get().config.follow.rate).await;
        }
        let bin = row.organization_bin.clone();
        let looked = look(settings, &bin).await;
        self.failed_looks.note(row.id, looked.as_ref().map(drop).map_err(|none| &none.failure));
        let (sight, note) = looked?;
        let (url, confirm) = (settings.config.kaspi.url.clone(), settings.config.verify.confirm);
        let written = self.store.write(move |writing| {
            let Some(before) = writing.config(&bin)? else { return Err(not_enrolled(&bin).into()) };
            let (mut row, now) = (before.clone(), writing.now);
            let error = sight.judge(&mut row, url, confirm, now);
            if is_asked && error.is_none() {
                // What a person should look at, only a person's own look takes away.
                row.alarms.end();
            }
            let status = if error.is_some() { LogStatus::Failed } else { LogStatus::Success };
            seen(writing, actor, (&before, row.clone()), Note { status, error, ..note })?;
            Ok((before, row))
        });
        let (before, after) = written.await?;
        if (is_asked || before.missing_since.is_some()) && after.standing == Standing::Verified {
            self.bank.devices.device_may_be_registered(&after.organization_bin, &after.trade_point_id);
        }
        tell(&before, &after);
        Ok(())
    }

    /// Configs whose dialect is not known for the bank we speak to now are suspended until a look settles it; the
    /// schedule looks at them at once. Called at start, after a reload and after an import; without the bank's
    /// answer they stay suspended.
    pub(in crate::service) async fn settle_dialects(&self) -> Result<(), Failure> {
        let settings = self.live.get();
        let rows = self.store.read(|reading| Ok(reading.configs()?))?;
        // Also those that take no new payments: their old ones are cancelled and refunded.
        let open = |row: &ConfigRow| {
            settled(&settings, row).is_err() && row.standing_reason.as_deref() != Some(DIALECT_CHANGED)
        };
        let open: Vec<_> = rows.into_iter().filter(open).map(|row| row.organization_bin).collect();
        if !open.is_empty() {
            self.store.write(move |writing| suspend(writing, &open)).await?;
        }
        self.bank.wakes().tell(Wake::Changed);
        Ok(())
    }
}

impl Observation {
    /// What a look makes of a config, and what is wrong with it.
    fn judge(self, row: &mut ConfigRow, bank: BankUrl, confirm: std::time::Duration, now: Moment) -> Option<String> {
        match self {
            Self::Listed(dialect, _) if row.dialect_changed(dialect, now) => {
                Some(format!("the bank answers in the {dialect} dialect now"))
            }
            Self::Listed(dialect, points) => {
                let by = Counterparty { bank, dialect };
                if let Some(point) = points.iter().find(|point| point.id == row.trade_point_id) {
                    row.seen_listed(&by, &point.name, now);
                    return None;
                }
                row.settle_dialect(&by, now);
                row.seen_missing(TRADE_POINT_MISSING, confirm, now);
                Some("the trade point is not listed".to_owned())
            }
            Self::NotRegistered(refusal) => {
                row.seen_missing(NOT_REGISTERED, confirm, now);
                Some(refusal_failure(&refusal).detail)
            }
        }
    }
}

/// Keeps what a look has told. The time of a look alone is no change of the config; and a look of the schedule that
/// tells nothing new, as one at a point that stays missing, is kept nowhere.
fn seen(
    writing: &mut Writing<'_>,
    actor: Option<Actor>,
    (before, after): (&ConfigRow, ConfigRow),
    note: Note,
) -> Result<(), Refused> {
    let known = ConfigRow { last_verified_at: after.last_verified_at, ..before.clone() };
    match (after == known, after == *before, &actor) {
        (false, ..) => put(writing, actor, after, note),
        (true, true, None) => Ok(()),
        (true, true, Some(_)) => {
            writing.append(actor, Change::Noted(note.of(&after)))?;
            Ok(())
        }
        (true, false, _) => keep(writing, actor, after, note),
    }
}

fn suspend(writing: &mut Writing<'_>, bins: &[OrganizationBin]) -> Result<(), Refused> {
    for bin in bins {
        if let Some(mut row) = writing.config(bin)? {
            row.stand(Standing::Suspended, Some(DIALECT_CHANGED), writing.now);
            put(writing, None, row, Note::done(OperationType::Config))?;
        }
    }
    Ok(())
}

/// Tells the journal what a look has changed.
fn tell(before: &ConfigRow, after: &ConfigRow) {
    let (config, reason) = (after.id, after.standing_reason.as_deref().unwrap_or("no reason is kept"));
    match (before.standing, after.standing) {
        (was, Standing::Suspended) if was != Standing::Suspended || before.standing_reason != after.standing_reason => {
            warn!(
                message_id = notice::SUSPENDED.id,
                kaspid.config = config,
                "config {config} is suspended, no new payments until a look finds its trade point: {reason}"
            );
        }
        (Standing::Suspended, Standing::Verified) => {
            info!(
                message_id = notice::RESTORED.id,
                kaspid.config = config,
                "config {config} is back: its trade point is listed"
            );
        }
        _ if before.missing_since.is_none() && after.missing_since.is_some() => {
            warn!(
                kaspid.config = config,
                "config {config}: its trade point is not listed any more; another look follows"
            );
        }
        _ if before.missing_since.is_some() && after.missing_since.is_none() => {
            info!(kaspid.config = config, "config {config}: its trade point is listed again");
        }
        _ => debug!(kaspid.config = config, "config {config}: trade point looked up"),
    }
}
