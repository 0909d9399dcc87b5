//! All that the phone's page shows, as it is at one moment.

use serde_json::{Value, json};

use crate::sandbox::ledger::{Effects, PaymentPhase};
use crate::sandbox::rules::BankState;

use super::customer::shown;

/// How many payments and requests are shown: what a person looks through.
const SHOWN: usize = 40;

/// The payments newest first, those that wait all of them.
pub(super) fn overview(state: &mut BankState) -> Value {
    let now = state.clock.now();
    let waits = |phase| matches!(phase, PaymentPhase::Created | PaymentPhase::Scanned { .. });
    let (waiting, ended): (Vec<_>, Vec<_>) = state.ledger.payments(now).partition(|payment| waits(payment.phase));
    let earlier = ended.len().saturating_sub(SHOWN);
    let payments = waiting.into_iter().rev().chain(ended.into_iter().rev().take(SHOWN));
    let payments: Vec<Value> = payments.map(|payment| shown(payment, &state.requests, now)).collect();
    let organizations: serde_json::Map<String, Value> = state
        .world
        .organizations()
        .iter()
        .map(|(bin, points)| (bin.clone(), json!({"trade_points": points, "devices": state.world.devices_of(bin)})))
        .collect();
    json!({
        "now": now,
        "payments": payments,
        "earlier": earlier,
        "effects": effects(state.ledger.effects().iter()),
        "organizations": organizations,
        "faults": state.faults.open(),
        "requests": state.requests.last(SHOWN).collect::<Vec<_>>(),
    })
}

/// Sums over all organisations, and each of them.
pub(super) fn effects<'a>(by_bin: impl Iterator<Item = (&'a String, &'a Effects)> + Clone) -> Value {
    let total = by_bin.clone().fold(Effects::default(), |total, (_, one)| total.plus(one));
    let by_bin: serde_json::Map<String, Value> = by_bin.map(|(bin, one)| (bin.clone(), json!(one))).collect();
    json!({"total": total, "by_bin": by_bin})
}
