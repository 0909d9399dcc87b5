//! Changing the bank's world: organisations, trade points, devices, time.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::id::OrganizationBin;
use crate::moment::Span;
use crate::sandbox::call::Dialect;
use crate::sandbox::ledger::Timers;
use crate::sandbox::rules::BankState;
use crate::sandbox::world::{Again, DeviceStanding, TradePoint};

use super::complaint::Complaint;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NewTradePoint {
    name: Option<String>,
    city: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TradePointChange {
    name: Option<String>,
    city: Option<String>,
    active: Option<bool>,
    accepts_qr: Option<bool>,
    partial_refunds: Option<bool>,
    payment_methods: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Forget {
    register_again: Again,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Advance {
    advance: Span,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TimersChange {
    poll: Option<Span>,
    scan: Option<Span>,
    confirm: Option<Span>,
    remote: Option<Span>,
}

/// Changes the timers of new payments; what is not named stays.
pub(super) fn change_timers(timers: &mut Timers, change: TimersChange) {
    let TimersChange { poll, scan, confirm, remote } = change;
    *timers = Timers {
        poll: poll.unwrap_or(timers.poll),
        scan: scan.unwrap_or(timers.scan),
        confirm: confirm.unwrap_or(timers.confirm),
        remote: remote.unwrap_or(timers.remote),
    };
}

/// Everything the bank knows of its merchants, removed trade points too.
pub(super) fn organizations(state: &BankState) -> Value {
    json!({"organizations": state.world.organizations()})
}

/// Signs an organisation up, without trade points.
pub(super) fn add_organization(state: &mut BankState, bin: &str) -> Result<Value, Complaint> {
    bin.parse::<OrganizationBin>().map_err(|e| Complaint::bad(format!("{bin}: {e}.")))?;
    let new = state.world.add_organization(bin);
    Ok(json!({"organization_bin": bin, "new": new}))
}

/// Ends a contract; the organisation's devices go too.
pub(super) fn remove_organization(state: &mut BankState, bin: &str) -> Result<Value, Complaint> {
    match state.world.remove_organization(bin) {
        true => Ok(json!({"organization_bin": bin, "removed": true})),
        false => Err(unknown_organization(bin)),
    }
}

/// Opens a trade point, or lists a removed one again.
pub(super) fn add_trade_point(
    state: &mut BankState,
    bin: &str,
    id: &str,
    new: NewTradePoint,
) -> Result<Value, Complaint> {
    if state.dialect == Dialect::Bank && id.parse::<i64>().ok().map(|number| number.to_string()).as_deref() != Some(id)
    {
        return Err(Complaint::bad(format!("{id}: a trade point of the bank's dialect has an integer id.")));
    }
    let NewTradePoint { name, city } = new;
    if let Some(point) = state.world.trade_point_mut(bin, id) {
        if point.listed {
            return Err(Complaint::conflict(format!("{bin} has a trade point {id}; PATCH changes it.")));
        }
        point.listed = true;
        point.name = name.unwrap_or_else(|| point.name.clone());
        point.city = city.unwrap_or_else(|| point.city.clone());
        return Ok(json!(point));
    }
    let name = name.unwrap_or_else(|| format!("Trade point {id}"));
    let point = TradePoint::open(id, &name, city.as_deref().unwrap_or("Almaty"));
    state.world.add_trade_point(bin, point).map(|point| json!(point)).ok_or_else(|| unknown_organization(bin))
}

/// Changes a trade point; what is not named stays.
pub(super) fn change_trade_point(
    state: &mut BankState,
    bin: &str,
    id: &str,
    change: TradePointChange,
) -> Result<Value, Complaint> {
    let point = known(state, bin, id)?;
    let TradePointChange { name, city, active, accepts_qr, partial_refunds, payment_methods } = change;
    point.name = name.unwrap_or_else(|| point.name.clone());
    point.city = city.unwrap_or_else(|| point.city.clone());
    point.active = active.unwrap_or(point.active);
    point.accepts_qr = accepts_qr.unwrap_or(point.accepts_qr);
    point.partial_refunds = partial_refunds.unwrap_or(point.partial_refunds);
    point.payment_methods = payment_methods.unwrap_or_else(|| point.payment_methods.clone());
    Ok(json!(point))
}

/// Removes a trade point from the list; POST brings it back.
pub(super) fn remove_trade_point(state: &mut BankState, bin: &str, id: &str) -> Result<Value, Complaint> {
    let point = known(state, bin, id)?;
    point.listed = false;
    Ok(json!(point))
}

/// Makes the organisation's tokens unknown.
pub(super) fn forget_devices(state: &mut BankState, bin: &str, forget: Forget) -> Value {
    let devices = state.world.set_standing_of(bin, DeviceStanding::Forgotten(forget.register_again));
    json!({"organization_bin": bin, "devices": devices})
}

/// Switches the organisation's devices off.
pub(super) fn disable_devices(state: &mut BankState, bin: &str) -> Value {
    let devices = state.world.set_standing_of(bin, DeviceStanding::Disabled);
    json!({"organization_bin": bin, "devices": devices})
}

/// Makes the organisation's tokens work again.
pub(super) fn restore_devices(state: &mut BankState, bin: &str) -> Value {
    let devices = state.world.restore_devices_of(bin);
    json!({"organization_bin": bin, "devices": devices})
}

/// The bank's time.
pub(super) fn clock(state: &BankState) -> Value {
    let clock = &state.clock;
    let advanced_ms = u64::try_from(clock.advanced().as_millis()).unwrap_or(u64::MAX);
    json!({"now": clock.now(), "speed": clock.speed(), "advanced_ms": advanced_ms})
}

/// Jumps ahead.
pub(super) fn advance(state: &mut BankState, by: Advance) -> Value {
    state.clock.advance(by.advance.duration());
    clock(state)
}

fn known<'a>(state: &'a mut BankState, bin: &str, id: &str) -> Result<&'a mut TradePoint, Complaint> {
    let absent = || Complaint::absent(format!("{bin} has no trade point {id}; GET /organizations lists them."));
    state.world.trade_point_mut(bin, id).ok_or_else(absent)
}

fn unknown_organization(bin: &str) -> Complaint {
    Complaint::absent(format!("There is no organisation {bin}; POST /organizations/{bin} signs it up."))
}
