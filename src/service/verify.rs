//! Looking a trade point up again, and registering a device again, when an admin asks.

use super::configs::{put, tried};
use super::select::settled_dialect;
use super::{Request, Service, Settings, trouble};
use crate::failpoint::fail_point;
use crate::id::OrganizationBin;
use crate::moment::Moment;
use crate::operation::{Actor, Dialect, Failure, LogStatus, OperationType, Reply, Standing, TradePoint};
use crate::store::{ConfigRow, DIALECT_CHANGED, Note};

impl Service {
    pub(super) async fn verify_config(&self, request: &Request, bin: OrganizationBin) -> Result<Reply, Failure> {
        let row = self.config_row(request, &bin)?;
        self.verify(&request.settings, row, Some(request.caller.actor())).await?;
        self.config_get(request, &bin)
    }

    /// One look at a config's trade point. Success proves that the point is still listed, nothing more; not being
    /// able to ask changes nothing.
    pub(super) async fn verify(
        &self,
        settings: &Settings,
        row: ConfigRow,
        actor: Option<Actor>,
    ) -> Result<(), Failure> {
        let bin = row.organization_bin;
        if actor.is_none() {
            self.state.pace.own_turn(settings.config.read_rate).await;
        }
        let listed = self.listed(settings, &bin).await;
        self.state.failed_looks.note(row.id, &listed);
        let (dialect, points) = listed?;
        let (url, confirm) = (settings.config.kaspi.url.clone(), settings.config.verify.confirm);
        let written = self.store.write(move |writing| {
            let Some(mut row) = writing.config(&bin)? else { return Err(super::configs::not_enrolled(&bin).into()) };
            let now = writing.now;
            let mut note = Note::done(OperationType::Verify);
            match points.iter().find(|point| point.id == row.trade_point_id) {
                _ if row.dialect_changed(dialect, now) => {
                    note.status = LogStatus::Failed;
                    note.error = Some(format!("the bank answers in the {dialect} dialect now"));
                }
                Some(TradePoint { name, .. }) => {
                    row.seen_listed(dialect, &url, name, now);
                    row.alarm = None;
                }
                None => {
                    note.status = LogStatus::Failed;
                    note.error = Some("the trade point is not listed".to_owned());
                    row.seen_missing(confirm, now);
                }
            }
            put(writing, actor, row, note)
        });
        written.await
    }

    /// A trade-point answer in another dialect than the learned one stops money calls, whatever it was read for.
    pub(super) async fn notice_dialect(&self, bin: &OrganizationBin, dialect: Dialect) -> Result<(), Failure> {
        let bin = bin.clone();
        let noticed = self.store.write(move |writing| {
            let Some(mut row) = writing.config(&bin)? else { return Ok(()) };
            match row.dialect_changed(dialect, writing.now) {
                true => put(writing, None, row, Note::done(OperationType::Verify)),
                false => Ok(()),
            }
        });
        noticed.await
    }

    pub(super) async fn register_device(&self, request: &Request, bin: OrganizationBin) -> Result<Reply, Failure> {
        let row = self.config_row(request, &bin)?;
        let dialect: Dialect = settled_dialect(&request.settings, &row)?;
        let kaspi = request.settings.kaspi()?;
        let (ask, began) = (Self::ask(request), Moment::now());
        let answer = kaspi.register(&ask, dialect, &bin, &row.trade_point_id).await;
        fail_point!("register.answered");
        let note = tried(OperationType::Register, &ask, began, answer.as_ref().err());
        let token = match answer {
            Ok(token) => token,
            Err(trouble) => {
                self.note(request, note.of(&row)).await?;
                return Err(trouble::failure(&trouble).with_bin(&bin));
            }
        };
        let (actor, name, asked_for) = (request.caller.actor(), bin.clone(), row.trade_point_id);
        let kept = self.store.write(move |writing| {
            let Some(mut row) = writing.config(&name)? else { return Err(super::configs::not_enrolled(&name).into()) };
            // The config may have moved meanwhile; the token is of the point it was asked for.
            writing.put_device(&name, &asked_for, &token)?;
            row.alarm = None;
            put(writing, Some(actor), row, note)
        });
        kept.await?;
        fail_point!("register.stored");
        self.config_get(request, &bin)
    }

    /// Configs whose dialect is not known for the bank we speak to now are suspended until a look settles it, and
    /// looked at once. Called at start and after a reload; without the bank's answer they stay suspended, and the
    /// schedule looks again.
    pub(super) async fn settle_dialects(&self) -> Result<(), Failure> {
        let settings = self.live.get();
        let rows = self.store.read(|reading| Ok(reading.configs()?))?;
        // Also those that take no new payments: their old ones are cancelled and refunded.
        let open = rows.into_iter().filter(|row| settled_dialect(&settings, row).is_err());
        for row in open {
            let bin = row.organization_bin.clone();
            let name = bin.clone();
            let suspended = self.store.write(move |writing| {
                let Some(mut row) = writing.config(&name)? else { return Ok(()) };
                if row.standing_reason.as_deref() == Some(DIALECT_CHANGED) {
                    return Ok(());
                }
                row.stand(Standing::Suspended, Some(DIALECT_CHANGED), writing.now);
                put(writing, None, row, Note::done(OperationType::Config))
            });
            suspended.await?;
            if let Err(failure) = self.verify(&settings, row, None).await {
                tracing::warn!(
                    code = failure.code.word(),
                    "a config stays suspended: its trade point could not be looked up"
                );
            }
        }
        Ok(())
    }
}
