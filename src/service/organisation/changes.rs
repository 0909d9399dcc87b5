//! Configs that exist: change, retire.

use std::sync::Arc;

use tokio::time::Instant;

use super::enrol::Enrolments;
use super::rows::{ConfigRows, not_enrolled, put, unset_default};
use crate::domain::OperationType;
use crate::failure::{Code, Failure};
use crate::id::{Description, OrganizationBin};
use crate::moment::Moment;
use crate::operation::{ChangeConfig, ConfigChange, Reply, RetireConfig};
use crate::service::Context;
use crate::service::bank::{Bank, DeviceTurn, Wake, failure_of, tried};
use crate::service::select::{no_token, settled};
use crate::store::{Change, ConfigRow, Note, Store, Triple};

/// Changes and retires configs; touches them and, where asked to, the bank's device.
pub(in crate::service) struct Changes {
    store: Store,
    bank: Arc<Bank>,
    organisations: ConfigRows,
    enrolments: Enrolments,
}

impl Changes {
    pub(in crate::service) fn new(store: Store, bank: Arc<Bank>) -> Self {
        let (organisations, enrolments) =
            (ConfigRows::new(store.clone()), Enrolments::new(store.clone(), bank.clone()));
        Self { store, bank, organisations, enrolments }
    }

    pub(in crate::service) async fn change_config(
        &self,
        context: &Context,
        ChangeConfig { organization_bin: bin, change }: ChangeConfig,
    ) -> Result<Reply, Failure> {
        if change == ConfigChange::default() {
            return Err(Failure::invalid(
                "nothing to change: give is_active, is_default, description or trade_point_id",
            ));
        }
        let row = self.organisations.config_row(context, &bin)?;
        not_retired(&row, &change)?;
        if let Some(trade_point) = &change.trade_point_id
            && *trade_point != row.trade_point_id
        {
            self.enrolments.move_config(context, &row, trade_point).await?;
        }
        let actor = context.caller.actor();
        let name = bin.clone();
        let changed = self.store.write(move |writing| {
            let Some(mut row) = writing.config(&name)? else { return Err(not_enrolled(&name).into()) };
            not_retired(&row, &change)?;
            row.is_active = change.is_active.unwrap_or(row.is_active);
            row.description = change.description.map_or(row.description, Description::given);
            if change.is_default == Some(true) {
                unset_default(writing, &actor, row.shop_id, &name)?;
            }
            row.is_default = change.is_default.unwrap_or(row.is_default);
            put(writing, Some(actor), row, Note::done(OperationType::Config))
        });
        changed.await?;
        self.bank.wakes().tell(Wake::Planned(bin.clone()));
        self.organisations.config_get(context, &bin)
    }

    pub(in crate::service) async fn retire_config(
        &self,
        context: &Context,
        RetireConfig { organization_bin: bin, delete_device }: RetireConfig,
    ) -> Result<Reply, Failure> {
        self.organisations.config_row(context, &bin)?;
        let (deleted, turn) = match delete_device {
            true => self.delete_device(context, &bin).await.map(|(deleted, turn)| (deleted, Some(turn)))?,
            false => (None, None),
        };
        let (actor, name) = (context.caller.actor(), bin.clone());
        let retired = self.store.write(move |writing| {
            let Some(mut row) = writing.config(&name)? else { return Err(not_enrolled(&name).into()) };
            (row.is_active, row.is_default) = (false, false);
            row.retire(true, writing.now);
            // The config may have moved meanwhile: what is forgotten is what was deleted.
            if let Some(deleted) = deleted {
                writing.forget_device(Some(actor.clone()), (&name, deleted.trade_point()), deleted.token())?;
            }
            put(writing, Some(actor), row, Note::done(OperationType::Config))
        });
        retired.await?;
        drop(turn);
        self.organisations.config_get(context, &bin)
    }

    /// Deletes the device where the config stands, for an admin who knows that refunds of this organisation stop. From
    /// before the call until its token is forgotten nobody else registers this device. Nothing is deleted of one that was
    /// retired with its device before: asked again, that is no failure.
    async fn delete_device(
        &self,
        context: &Context,
        bin: &OrganizationBin,
    ) -> Result<(Option<Triple>, DeviceTurn<'_>), Failure> {
        let mut row = self.organisations.config_row(context, bin)?;
        let turn = loop {
            let turn = self.bank.devices.device_turn(bin, &row.trade_point_id, Instant::now()).await;
            let now = self.organisations.config_row(context, bin)?;
            if now.trade_point_id == row.trade_point_id {
                break turn;
            }
            // It moved while somebody else had the turn.
            row = now;
        };
        Ok((self.ask_to_delete(context, &row).await?, turn))
    }

    async fn ask_to_delete(&self, context: &Context, row: &ConfigRow) -> Result<Option<Triple>, Failure> {
        let kaspi = context.settings.kaspi()?;
        let with = settled(&context.settings, row)?;
        let triple =
            self.store.read(|reading| Ok(reading.triple(&row.organization_bin, &row.trade_point_id, &with)?))?;
        let triple = match triple {
            Some(triple) => triple,
            None if row.is_retired => return Ok(None),
            None => return Err(no_token(row)),
        };
        let ask = context.ask();
        let began = Moment::now();
        let answer = kaspi.delete_device(&ask, &triple).await;
        let note = tried(OperationType::DeviceDelete, &ask, began, answer.as_ref().err()).of(row);
        self.note(context, note).await?;
        answer.map(|()| Some(triple)).map_err(|trouble| {
            let hint = format!(
                "The config is as it was; to retire it all the same: kaspictl bin remove {}",
                row.organization_bin
            );
            failure_of(&trouble).with_bin(&row.organization_bin).with_hint(hint)
        })
    }

    /// Keeps an administrative row that changes nothing else.
    pub(super) async fn note(&self, context: &Context, note: Note) -> Result<(), Failure> {
        let actor = context.caller.actor();
        self.store
            .write(move |writing| {
                writing.append(Some(actor), Change::Noted(note))?;
                Ok(())
            })
            .await
    }
}

/// A retired config is brought back by enrolling it, which asks the bank; not by a flag.
fn not_retired(row: &ConfigRow, change: &ConfigChange) -> Result<(), Failure> {
    if !row.is_retired || !(change.is_active == Some(true) || change.is_default == Some(true)) {
        return Ok(());
    }
    let bin = &row.organization_bin;
    Err(Failure::new(Code::BinInactive, format!("{bin} is retired"))
        .with_bin(bin)
        .with_hint(format!("Enrol it again: kaspictl bin add {bin}")))
}
