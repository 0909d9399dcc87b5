//! Payments for people: whether it is paid, whose money it is, what to do next.

use super::table::{Fields, Table, clean};
use crate::ctl::when::Zone;
use crate::domain::{Kind, State};
use crate::id::{Description, OrganizationBin, PaymentId, PaymentRef, QrPaymentId};
use crate::operation::{PayBack, Payment, Payments, Refund};

/// The first word a cashier looks for.
fn headline(payment: &Payment) -> &'static str {
    match payment.state {
        State::Creating => "NOT KNOWN YET: Kaspi is being asked",
        State::Waiting => "WAITING: not paid yet",
        State::Paid if payment.late => "PAID, after it had been taken for not paid",
        State::Paid => "PAID",
        State::Declined => "NOT PAID: declined",
        State::Cancelled => "NOT PAID: cancelled",
        State::Expired => "NOT PAID: its time ran out",
        State::Unknown => "UNKNOWN: look at the customer's phone before you repeat anything",
        State::Abandoned => "GIVEN UP: it may have been paid",
    }
}

/// `891027350515 (Main BIN)`.
pub(super) fn organisation(bin: &OrganizationBin, description: Option<&Description>) -> String {
    match description {
        Some(name) => format!("{bin} ({name})"),
        None => bin.to_string(),
    }
}

/// `104039 (Main Office)`.
pub(super) fn trade_point(id: &crate::id::TradePointId, name: Option<&String>) -> String {
    match name {
        Some(name) => format!("{id} ({name})"),
        None => id.to_string(),
    }
}

/// One payment.
pub(super) fn one(payment: &Payment, zone: &Zone) -> String {
    let time = |moment| format!("{} ({})", zone.show(moment), zone.offset(moment));
    let mut fields = Fields::default();
    fields
        .add("amount", payment.amount_tiyn)
        .add("money goes to", organisation(&payment.organization_bin, payment.description.as_ref()))
        .add("trade point", trade_point(&payment.trade_point_id, payment.trade_point_name.as_ref()))
        .add("payment", payment.id)
        .maybe("QrPaymentId", payment.qr_payment_id.as_ref())
        .add("kind", payment.kind)
        .add("state", state(payment))
        .maybe("phone", payment.phone.as_ref())
        .maybe("invoice", payment.invoice.as_ref())
        .maybe("comment", payment.comment.as_ref())
        .maybe("link", payment.link.as_ref())
        .maybe("QR token", payment.qr_token.as_ref())
        .add("created", time(payment.created_at))
        .maybe("can be paid until", payment.expires_at.filter(|_| open(payment.state)).map(time))
        .maybe("paid", payment.paid_at.map(time))
        .maybe("paid back", Some(payment.refunded_tiyn).filter(|amount| !amount.is_zero()))
        .maybe("paid back elsewhere", Some(payment.refunded_elsewhere_tiyn).filter(|amount| !amount.is_zero()))
        .maybe("replaces", payment.supersedes)
        .maybe("key", payment.request_key.as_ref());
    format!("{}\n{}{}", headline(payment), fields.print(), refunds(&payment.refunds, zone))
}

/// As a person types it: Kaspi's number where there is one, which every command takes.
pub(super) fn named(id: PaymentId, number: Option<&QrPaymentId>) -> String {
    number.map_or_else(|| id.to_string(), ToString::to_string)
}

fn open(state: State) -> bool {
    matches!(state, State::Creating | State::Waiting | State::Unknown)
}

fn state(payment: &Payment) -> String {
    match &payment.kaspi_status {
        Some(word) => format!("{} (Kaspi says {word})", payment.state),
        None => payment.state.to_string(),
    }
}

fn refunds(refunds: &[Refund], zone: &Zone) -> String {
    if refunds.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["REFUND", ">AMOUNT", "STATUS", "-KNOWN BY", "WHEN"]);
    for refund in refunds {
        table.row([
            refund.id.to_string(),
            refund.amount_tiyn.to_string(),
            refund.status.to_string(),
            refund.evidence.map(|evidence| evidence.to_string()).unwrap_or_default(),
            zone.show(refund.at),
        ]);
    }
    format!("\n{}", table.print())
}

/// A page of payments.
pub(super) fn list(page: &Payments, zone: &Zone) -> String {
    let mut table = Table::new(&[
        "CREATED",
        "STATE",
        ">AMOUNT",
        ">PAID BACK",
        "MONEY TO",
        "~-ORGANISATION",
        "~-INVOICE",
        "PAYMENT",
    ]);
    for payment in &page.payments {
        table.row([
            zone.show(payment.created_at),
            payment.state.to_string(),
            payment.amount_tiyn.to_string(),
            if payment.refunded_tiyn.is_zero() { String::new() } else { payment.refunded_tiyn.to_string() },
            payment.organization_bin.to_string(),
            payment.description.as_ref().map(ToString::to_string).unwrap_or_default(),
            payment.invoice.as_ref().map(ToString::to_string).unwrap_or_default(),
            named(payment.id, payment.qr_payment_id.as_ref()),
        ]);
    }
    table.print()
}

/// What a wait leaves that ended before the payment did.
pub(in crate::ctl) fn left(named: &PaymentRef, known: Option<&Payment>) -> String {
    let again = format!("to wait again: kaspictl payment wait {named}");
    let said = match known.map(|payment| (payment.state, payment.kind)) {
        None => format!("the customer may still have the bill.\n{again}"),
        Some((State::Creating | State::Waiting, Kind::Remote)) => {
            format!("the customer still has the invoice.\n{again}\nto take it back: kaspictl payment cancel {named}")
        }
        Some((State::Creating | State::Waiting, Kind::Link | Kind::Qr)) => {
            format!("the customer can still pay, until the code dies by itself: Kaspi takes none back.\n{again}")
        }
        Some((State::Unknown, _)) => {
            format!("nobody knows whether the customer has the bill.\nto look: kaspictl payment show {named}")
        }
        Some((state, _)) => format!("the payment is {state}.\nto look: kaspictl payment show {named}"),
    };
    format!("kaspictl: the wait ends here: {said}")
}

/// What is asked before money leaves.
pub(in crate::ctl) fn pay_back(back: &PayBack, known: Option<&Payment>) -> String {
    let left = known
        .and_then(|payment| payment.amount_tiyn.minus(payment.refunded_tiyn)?.minus(payment.refunded_elsewhere_tiyn));
    let amount = match (back.refund.amount_tiyn, left) {
        (Some(amount), _) => amount.to_string(),
        (None, Some(left)) => format!("all that is left, {left},"),
        (None, None) => "all that is left".to_owned(),
    };
    let of = known.map_or_else(String::new, |payment| {
        format!(
            " ({}), from {}",
            payment.amount_tiyn,
            organisation(&payment.organization_bin, payment.description.as_ref())
        )
    });
    clean(&format!("Pay back {amount} of payment {}{of}? [y/N] ", back.payment))
}

/// What to do now, if anything.
pub(super) fn next_step(payment: &Payment) -> Option<String> {
    let id = payment.id;
    match payment.state {
        State::Creating | State::Waiting => {
            let named = named(id, payment.qr_payment_id.as_ref());
            Some(format!("to wait for the customer: kaspictl payment wait {named}"))
        }
        State::Unknown => Some(format!(
            "when you know how it ended: kaspictl payment resolve {id} --attach QRID|--abandon --reason TEXT"
        )),
        State::Paid | State::Declined | State::Cancelled | State::Expired | State::Abandoned => None,
    }
}
