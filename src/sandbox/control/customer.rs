//! Acting as the customer, and looking at payments.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::moment::Moment;
use crate::money::Amount;
use crate::sandbox::ledger::{Act, BankPayment, PaymentKind, PaymentPhase};
use crate::sandbox::requests::Requests;
use crate::sandbox::rules::BankState;

use super::complaint::Complaint;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct How {
    force: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scanned {
    link: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Elsewhere {
    amount_tiyn: Option<Amount>,
}

/// All payments, oldest first.
pub(super) fn list(state: &mut BankState) -> Value {
    let now = state.clock.now();
    let requests = &state.requests;
    let payments: Vec<Value> = state.ledger.payments(now).map(|payment| shown(payment, requests, now)).collect();
    json!({ "payments": payments })
}

/// One payment.
pub(super) fn show(state: &mut BankState, id: &str) -> Result<Value, Complaint> {
    let now = state.clock.now();
    let payment = known(state, id)?.clone();
    Ok(shown(&payment, &state.requests, now))
}

/// The customer scans, pays, declines or waits too long.
pub(super) fn act(state: &mut BankState, id: &str, act: &str, how: How) -> Result<Value, Complaint> {
    let now = state.clock.now();
    let act = match act {
        "scan" => Act::Scan,
        "pay" => Act::Pay,
        "decline" => Act::Decline,
        "expire" => Act::Expire,
        _ => return Err(Complaint::absent("A customer can scan, pay, decline or expire.")),
    };
    let payment = known(state, id)?;
    let (number, kind, phase) = (payment.id, payment.order.kind, payment.phase);
    // A convenience: paying a QR or link that was not scanned scans it first.
    if act == Act::Pay && kind != PaymentKind::Remote && phase == PaymentPhase::Created {
        let _ = state.ledger.act(number, Act::Scan, how.force, now);
    }
    if state.ledger.act(number, act, how.force, now).is_err() {
        let status = known(state, id)?.status();
        return Err(Complaint::conflict(format!(
            "Payment {number} is {status}, which does not allow this; {{\"force\": true}} does it all the same."
        )));
    }
    show(state, id)
}

/// The customer's camera reads a QR, or a link is opened: its end is all that tells which payment it is.
pub(super) fn scan(state: &mut BankState, Scanned { link }: &Scanned) -> Result<Value, Complaint> {
    let now = state.clock.now();
    let token = link.trim().rsplit('/').next().unwrap_or_default();
    let found = state.ledger.payments(now).find(|payment| !token.is_empty() && payment.token == token);
    let number = found.map(|payment| payment.id.to_string());
    let number = number.ok_or_else(|| Complaint::absent("No payment of this bank has this link or QR."))?;
    act(state, &number, "scan", How::default())
}

/// The merchant's cashier app sends money back, past the API.
pub(super) fn refund_elsewhere(state: &mut BankState, id: &str, elsewhere: Elsewhere) -> Result<Value, Complaint> {
    let now = state.clock.now();
    let payment = known(state, id)?;
    let (number, left) = (payment.id, payment.balance());
    if !matches!(payment.phase, PaymentPhase::Paid { .. }) {
        return Err(Complaint::conflict(format!("Payment {number} is {}: nothing to send back.", payment.status())));
    }
    let amount = elsewhere.amount_tiyn.unwrap_or(left);
    if amount.is_zero() || amount > left {
        return Err(Complaint::conflict(format!("Payment {number} has {} tiyn left to send back.", left.tiyn())));
    }
    state.ledger.refund_elsewhere(number, amount, now);
    show(state, id)
}

fn known<'a>(state: &'a mut BankState, id: &str) -> Result<&'a BankPayment, Complaint> {
    let now = state.clock.now();
    let number = id.parse().ok();
    let payment = number.and_then(|number| state.ledger.payment(number, now));
    payment.map(|payment| &*payment).ok_or_else(|| Complaint::absent(format!("There is no payment {id}.")))
}

/// A payment as it is shown.
pub(super) fn shown(payment: &BankPayment, requests: &Requests, now: Moment) -> Value {
    let order = &payment.order;
    json!({
        "id": payment.id,
        "kind": order.kind,
        "status": payment.status(),
        "state": payment.phase,
        "organization_bin": order.bin,
        "trade_point_id": order.trade_point,
        "amount_tiyn": order.amount,
        "available_return_tiyn": payment.balance(),
        "shown_return_tiyn": payment.shown_balance(now),
        "refunds": payment.refunds,
        "phone": order.phone,
        "comment": order.comment,
        "external_id": order.external_id,
        "created_at": payment.created,
        "expires_at": payment.expires(),
        "asked": requests.about(payment.id),
    })
}
