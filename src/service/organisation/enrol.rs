//! Steps 1–3 of the guide as one call: look up the trade point, register the device, store the config. Also the
//! move of a config to another trade point, which is the same three steps.

use std::sync::Arc;

use tokio::time::Instant;

use super::points::Points;
use super::registration::Registrations;
use super::rows::{ConfigRows, not_enrolled, put, unset_default};
use crate::domain::{Actor, OperationType, Standing, TradePoint};
use crate::failpoint::fail_point;
use crate::failure::{Code, Failure};
use crate::id::{Description, DeviceToken, OrganizationBin, ShopId, TradePointId};
use crate::operation::{Enrol, Reply};
use crate::service::Context;
use crate::service::bank::{Bank, DeviceTurn, Registered, Wake};
use crate::store::{Alarms, ConfigRow, Counterparty, Note, OfAnother, Refused, Store, Writing};

/// A trade point that Kaspi lists, and the device there.
struct FoundPlace<'a> {
    at: At,
    /// Held until the token is stored: whoever waits for the same device takes it from there.
    turn: DeviceTurn<'a>,
}

/// Enrols and moves; touches configs and, through [`Registrations`], tokens.
#[derive(Clone)]
pub(in crate::service) struct Enrolments {
    store: Store,
    bank: Arc<Bank>,
    organisations: ConfigRows,
    points: Points,
    registrations: Registrations,
}

impl Enrolments {
    pub(in crate::service) fn new(store: Store, bank: Arc<Bank>) -> Self {
        Self {
            organisations: ConfigRows::new(store.clone()),
            points: Points::new(store.clone()),
            registrations: Registrations::new(store.clone(), bank.clone()),
            store,
            bank,
        }
    }

    pub(in crate::service) async fn enrol(&self, context: &Context, enrol: Enrol) -> Result<Reply, Failure> {
        let bin = enrol.organization_bin.clone();
        let shop = context.shop(enrol.shop_id);
        context.may_set_up(shop, &bin)?;
        let existing = self.store.read(|reading| Ok(reading.config(&bin)?))?;
        if let Some(row) = existing.as_ref().filter(|row| row.shop_id != shop) {
            let whose = if context.scope.allows(row.shop_id, &bin) {
                format!("shop {}", row.shop_id)
            } else {
                "another shop".to_owned()
            };
            let detail = format!("{bin} is enrolled for {whose}, and a BIN belongs to one shop");
            return Err(Failure::new(Code::BinNotAllowed, detail).with_bin(&bin));
        }
        let token = enrol.device_token.clone();
        let is_brought = token.is_some();
        let FoundPlace { at, turn } = self.place(context, &bin, enrol.trade_point_id.as_ref(), token).await?;
        let (actor, point) = (context.caller.actor(), at.point.id.clone());
        let stored = self.store.write(move |writing| {
            let bin = &enrol.organization_bin;
            let (mut row, is_new) = match writing.config(bin)? {
                Some(row) if row.shop_id == shop => (row, false),
                Some(_) => return Err(Failure::new(Code::BinNotAllowed, "enrolled for another shop just now").into()),
                None => (blank(writing, &enrol, &at.point.id, shop)?, true),
            };
            // Before anything else is written: what is written stays.
            if let Err(other) = writing.put_device(Some(actor.clone()), (bin, &at.point.id), &at.token)? {
                return Ok(Err(other));
            }
            row.is_active = true;
            row.retire(false, writing.now);
            row.description = enrol.description.clone().map_or(row.description, Description::given);
            if enrol.is_default {
                unset_default(writing, &actor, shop, bin)?;
                row.is_default = true;
            }
            settle_at(writing, row, at, Some(actor))?;
            Ok(Ok(is_new))
        });
        let is_new = match stored.await? {
            Ok(is_new) => is_new,
            Err(other) if is_brought => return Err(self.brought_of_another(context, &bin, &other)?),
            Err(other) => return Err(self.bank.devices.given_of_another(context, (&bin, &point), &other)),
        };
        turn.ended(Registered::Stored);
        self.bank.wakes().tell(Wake::Planned(bin.clone()));
        fail_point!("enrol.stored");
        let row = self.organisations.config_row(context, &bin)?.view();
        Ok(if is_new { Reply::Enrolled(row) } else { Reply::Config(row) })
    }

    /// Moves a config: the new point must be listed, and a device is registered there. The old device stays, so
    /// that old payments can be refunded.
    pub(super) async fn move_config(
        &self,
        context: &Context,
        row: &ConfigRow,
        trade_point: &TradePointId,
    ) -> Result<(), Failure> {
        let bin = row.organization_bin.clone();
        let FoundPlace { at, turn } = self.place(context, &bin, Some(trade_point), None).await?;
        let (actor, point) = (context.caller.actor(), at.point.id.clone());
        let moved = self.store.write(move |writing| {
            let Some(row) = writing.config(&bin)? else { return Err(not_enrolled(&bin).into()) };
            match writing.put_device(Some(actor.clone()), (&bin, &at.point.id), &at.token)? {
                Ok(()) => settle_at(writing, row, at, Some(actor)).map(Ok),
                Err(other) => Ok(Err(other)),
            }
        });
        if let Err(other) = moved.await? {
            return Err(self.bank.devices.given_of_another(context, (&row.organization_bin, &point), &other));
        }
        turn.ended(Registered::Stored);
        Ok(())
    }

    /// A token that an admin brought for one organisation and that stands for another.
    fn brought_of_another(
        &self,
        context: &Context,
        bin: &OrganizationBin,
        other: &OfAnother,
    ) -> Result<Failure, Failure> {
        let whose = self.bank.devices.whose(context, other)?;
        let detail = format!(
            "this device token is that of {whose}, and a token stands for one organisation at one trade point; with it the \
             money of {bin} could go there"
        );
        Ok(Failure::invalid(detail).with_bin(bin).with_hint(format!(
            "Bring the token of {bin}, or leave it out and let Kaspi give it one: kaspictl bin add {bin}"
        )))
    }

    /// Steps 1 and 2: a listed trade point and a token for it. A refused registration stands in the log.
    async fn place(
        &self,
        context: &Context,
        bin: &OrganizationBin,
        wanted: Option<&TradePointId>,
        brought: Option<DeviceToken>,
    ) -> Result<FoundPlace<'_>, Failure> {
        let began = Instant::now();
        let (by, points) = self.points.listed(context, bin).await?;
        let point = chosen(bin, points, wanted)?;
        let turn = self.bank.devices.device_turn(bin, &point.id, began).await;
        let note = Note::done(OperationType::Config);
        let (token, note) = match brought {
            Some(token) => (token, note),
            None => self.registrations.registered(context, &by, (bin, &point.id), &turn).await?,
        };
        Ok(FoundPlace { at: At { by, point, token, note }, turn })
    }
}

/// Exactly one listed point is taken; several need a choice; a choice must be listed.
fn chosen(
    bin: &OrganizationBin,
    points: Vec<TradePoint>,
    wanted: Option<&TradePointId>,
) -> Result<TradePoint, Failure> {
    let names = points.iter().map(|point| format!("{} ({})", point.id, point.name)).collect::<Vec<_>>().join(", ");
    let inactive = |detail: String| Failure::new(Code::TradePointInactive, detail).with_bin(bin);
    match (wanted, points.as_slice()) {
        (_, []) => Err(inactive(format!("Kaspi lists no trade point for {bin}"))),
        (None, [only]) => Ok(only.clone()),
        (None, _) => {
            let failure = Failure::new(Code::TradePointChoice, format!("Kaspi lists several for {bin}: {names}"));
            Err(Failure { trade_points: points, ..failure }.with_bin(bin))
        }
        (Some(id), _) => points.iter().find(|point| point.id == *id).cloned().ok_or_else(|| {
            inactive(format!("Kaspi does not list {id} for {bin}; it lists: {names}"))
                .with_hint("Repeat it with one that is listed: --trade-point ID (field trade_point_id)")
        }),
    }
}

fn blank(writing: &Writing<'_>, enrol: &Enrol, point: &TradePointId, shop: ShopId) -> Result<ConfigRow, Refused> {
    Ok(ConfigRow {
        id: writing.next_config_id()?,
        shop_id: shop,
        organization_bin: enrol.organization_bin.clone(),
        trade_point_id: point.clone(),
        trade_point_name: None,
        is_active: true,
        is_default: false,
        is_retired: false,
        dialect: None,
        learned_from: None,
        standing: Standing::Unverified,
        standing_reason: None,
        standing_since: writing.now,
        missing_since: None,
        alarms: Alarms::default(),
        created_at: writing.now,
        updated_at: writing.now,
        last_verified_at: None,
        description: None,
    })
}

/// What is stored of a [`Place`].
struct At {
    /// Who lists it.
    by: Counterparty,
    point: TradePoint,
    token: DeviceToken,
    note: Note,
}

/// Step 3: the config stands at this trade point, whose token is kept.
fn settle_at(writing: &mut Writing<'_>, mut row: ConfigRow, at: At, actor: Option<Actor>) -> Result<(), Refused> {
    let At { by, point, note, .. } = at;
    row.trade_point_id = point.id.clone();
    row.seen_listed(&by, &point.name, writing.now);
    row.alarms.end_at(&point.id);
    put(writing, actor, row, note)
}
