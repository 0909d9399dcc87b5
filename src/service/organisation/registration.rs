//! Step 2 of the guide: a token for a device at a trade point, asked for by an admin.

use std::sync::Arc;

use tokio::time::Instant;

use super::points::Points;
use super::rows::{ConfigRows, not_enrolled, put};
use crate::domain::{LogStatus, OperationType};
use crate::failpoint::fail_point;
use crate::failure::{Code, Failure};
use crate::id::{DeviceToken, OrganizationBin, TradePointId};
use crate::moment::Moment;
use crate::operation::{RegisterDevice, Reply};
use crate::service::Context;
use crate::service::bank::{Bank, DeviceTurn, Registered, failure_of, refusal_failure, refusal_of_another, tried};
use crate::service::select::settled;
use crate::store::{Alarm, Counterparty, Note, Store};

/// Registers devices; touches their tokens, and the alarms of their points.
#[derive(Clone)]
pub(in crate::service) struct Registrations {
    store: Store,
    bank: Arc<Bank>,
    organisations: ConfigRows,
    points: Points,
}

impl Registrations {
    pub(in crate::service) fn new(store: Store, bank: Arc<Bank>) -> Self {
        let (organisations, points) = (ConfigRows::new(store.clone()), Points::new(store.clone()));
        Self { store, bank, organisations, points }
    }

    /// A new token for the config's trade point, or for another that has or had a device here or is listed: old payments
    /// are refunded with the device of their own point, wherever the config stands now.
    pub(in crate::service) async fn register_device(
        &self,
        context: &Context,
        RegisterDevice { organization_bin: bin, trade_point_id: point }: RegisterDevice,
    ) -> Result<Reply, Failure> {
        let row = self.organisations.config_row(context, &bin)?;
        let with = settled(&context.settings, &row)?;
        let point = point.unwrap_or_else(|| row.trade_point_id.clone());
        if point != row.trade_point_id {
            self.may_have_device(context, &bin, &point).await?;
        }
        let turn = self.bank.devices.device_turn(&bin, &point, Instant::now()).await;
        let (token, note) = self.registered(context, &with, (&bin, &point), &turn).await?;
        let (actor, name, asked_for) = (context.caller.actor(), bin.clone(), point.clone());
        let kept = self.store.write(move |writing| {
            let Some(mut row) = writing.config(&name)? else { return Err(not_enrolled(&name).into()) };
            // The config may have moved meanwhile; the token is of the point it was asked for.
            if let Err(other) = writing.put_device(Some(actor.clone()), (&name, &asked_for), &token)? {
                return Ok(Err(other));
            }
            row.alarms.end_at(&asked_for);
            put(writing, Some(actor), row, note).map(Ok)
        });
        if let Err(other) = kept.await? {
            return Err(self.bank.devices.given_of_another(context, (&bin, &point), &other));
        }
        turn.ended(Registered::Stored);
        fail_point!("register.stored");
        self.organisations.config_get(context, &bin)
    }

    /// A device is registered where there was one, or where Kaspi lists a trade point: not at a typing error.
    async fn may_have_device(
        &self,
        context: &Context,
        bin: &OrganizationBin,
        point: &TradePointId,
    ) -> Result<(), Failure> {
        if self.store.read(|reading| Ok(reading.had_device(bin, point)?))? {
            return Ok(());
        }
        let (_, points) = self.points.listed(context, bin).await?;
        if points.iter().any(|listed| listed.id == *point) {
            return Ok(());
        }
        let detail = format!("{bin} has and had no device at trade point {point}, and Kaspi does not list that");
        Err(Failure::new(Code::TradePointInactive, detail).with_bin(bin))
    }

    /// Step 2, made once however many wait for it: whoever had the turn meanwhile has the token for all.
    pub(super) async fn registered(
        &self,
        context: &Context,
        with: &Counterparty,
        (bin, point): (&OrganizationBin, &TradePointId),
        turn: &DeviceTurn<'_>,
    ) -> Result<(DeviceToken, Note), Failure> {
        match turn.meanwhile() {
            Some(Registered::Stored) => {
                let triple = self.store.read(|reading| Ok(reading.triple(bin, point, with)?))?;
                if let Some(triple) = triple {
                    return Ok((triple.token().clone(), Note::done(OperationType::Config)));
                }
            }
            Some(Registered::Refused(refusal)) => return Err(refusal_failure(&refusal).with_bin(bin)),
            Some(Registered::Failed(trouble)) => return Err(failure_of(&trouble).with_bin(bin)),
            Some(Registered::Useless) | None => {}
        }
        let kaspi = context.settings.kaspi()?;
        let (ask, began) = (context.ask(), Moment::now());
        let answer = self.bank.devices.ask_for_token(kaspi, (&ask, with.dialect), (bin, point)).await;
        fail_point!("register.answered");
        let note = tried(OperationType::Register, &ask, began, answer.as_ref().err());
        match answer {
            Ok(Ok(token)) => Ok((token, note)),
            Ok(Err(other)) => {
                turn.ended(Registered::Refused(refusal_of_another()));
                let failure = self.bank.devices.given_of_another(context, (bin, point), &other);
                let note = Note { status: LogStatus::Failed, error: Some(failure.detail.clone()), ..note };
                let at = (Some(context.caller.actor()), (bin, point));
                self.bank.note_refused(at, note, Alarm::GivenOfAnother).await?;
                Err(failure)
            }
            Err(trouble) => {
                turn.ended(Registered::not(&trouble));
                self.points.note_of(context.caller.actor(), bin, note).await?;
                Err(failure_of(&trouble).with_bin(bin))
            }
        }
    }
}
