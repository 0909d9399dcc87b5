//! Step 1 of the guide: what Kaspi lists for an organisation.

use super::rows::put;
use crate::domain::{Actor, Dialect, OperationType, TradePoint};
use crate::failure::Failure;
use crate::id::OrganizationBin;
use crate::moment::Moment;
use crate::operation::{Reply, TradePoints};
use crate::service::Context;
use crate::service::bank::{failure_of, of_bin, tried};
use crate::store::{Change, Counterparty, Note, Store};

/// Asks for trade points; touches the log, and a config whose bank answers in another dialect than before.
#[derive(Clone)]
pub(in crate::service) struct Points {
    store: Store,
}

impl Points {
    pub(in crate::service) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Step 1 of the guide by itself.
    pub(in crate::service) async fn trade_points(
        &self,
        context: &Context,
        bin: &OrganizationBin,
    ) -> Result<Reply, Failure> {
        let enrolled = self.store.read(|reading| Ok(reading.config(bin)?))?;
        let shop = enrolled.map_or(context.settings.config.daemon.shop_id, |row| row.shop_id);
        context.may_set_up(shop, bin)?;
        let (by, trade_points) = self.listed(context, bin).await?;
        self.notice_dialect(bin, by.dialect).await?;
        Ok(Reply::TradePoints(TradePoints { trade_points, next: None }))
    }

    /// What Kaspi lists for a BIN, and which bank says so in which dialect. Trouble stands in the log.
    pub(super) async fn listed(
        &self,
        context: &Context,
        bin: &OrganizationBin,
    ) -> Result<(Counterparty, Vec<TradePoint>), Failure> {
        let kaspi = context.settings.kaspi()?;
        let (ask, began) = (context.ask(), Moment::now());
        let listed = kaspi.trade_points(&ask, bin, context.settings.config.kaspi.dialect).await;
        if let Err(trouble) = &listed {
            let note = tried(OperationType::Verify, &ask, began, Some(trouble));
            self.note_of(context.caller.actor(), bin, note).await?;
        }
        let bank = context.settings.config.kaspi.url.clone();
        listed
            .map(|(dialect, points)| (Counterparty { bank, dialect }, points))
            .map_err(|trouble| failure_of(&trouble).with_bin(bin))
    }

    /// Keeps an administrative row about an organisation, enrolled or not.
    pub(super) async fn note_of(&self, actor: Actor, bin: &OrganizationBin, note: Note) -> Result<(), Failure> {
        let bin = bin.clone();
        let noted = self.store.write(move |writing| {
            let note = of_bin(writing, note, &bin)?;
            writing.append(Some(actor), Change::Noted(note))?;
            Ok(())
        });
        noted.await
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
}
