//! What the daemon says of a payment, against what the bank has: as it is said, and in the end.

use super::bill::{Bill, Phase};
use super::fate::broken;
use super::till::{Want, What};
use super::wire::Line;
use crate::domain::State;
use crate::failure::{Code, Failure, Money};
use crate::operation::Payment;

/// An answer as it is given: it may be old news, but no bank has books that it contradicts.
pub(super) fn check_answer(line: &Line, want: &Want, answer: &Result<Box<Payment>, Failure>) {
    match answer {
        Ok(payment) => {
            let bill = line.look(|bank| {
                bank.shown(payment);
                bank.bill_of(payment).cloned()
            });
            check_view(payment, bill.as_ref());
            if want.what == What::Cancel && !bill.is_some_and(|bill| bill.was_cancelled) {
                broken(format!("{} was told cancelled, and it is not: {payment:?}", want.key));
            }
        }
        Err(failure) if failure.money == Money::Moved => {
            let is_paid = line.look(|bank| bank.of_amount(want.amount).any(|bill| bill.phase == Phase::Paid));
            if !is_paid {
                broken(format!("{} was told that money moved, and none did: {failure}", want.key));
            }
        }
        Err(_) => {}
    }
}

/// A failure that says that its key has moved nothing. What is not finished or was not begun says nothing of what the
/// key has done before, and a refund that is called failed by the balance may show later.
pub(super) fn is_surely_not(failure: &Failure) -> bool {
    let says_nothing = [
        Code::InProgress,
        Code::InvoiceOpen,
        Code::ShuttingDown,
        Code::StorageFailed,
        Code::KaspiUnavailable,
        Code::KeyConflict,
    ];
    failure.money == Money::NotMoved && !says_nothing.contains(&failure.code)
}

/// What a payment says of itself.
pub(super) fn check_view(payment: &Payment, bill: Option<&Bill>) {
    let said = || format!("{payment:?}\n{bill:?}");
    let Some(bill) = bill else {
        if payment.qr_payment_id.is_some() || payment.state == State::Paid {
            broken(format!("the bank has no such bill: {}", said()));
        }
        return;
    };
    if payment.amount_tiyn.tiyn() != bill.amount {
        broken(format!("the number is another bill's: {}", said()));
    }
    if super::bank::organisation(payment.organization_bin.as_str()) != Some(bill.organisation) {
        broken(format!("the money is another organisation's: {}", said()));
    }
    let is_lie = match payment.state {
        State::Paid => bill.phase != Phase::Paid,
        State::Cancelled => !bill.was_cancelled,
        _ => false,
    };
    if is_lie {
        broken(format!("the state is not the bank's: {}", said()));
    }
    if went_back(payment) > bill.returned() {
        broken(format!("less went back than is said: {}", said()));
    }
}

/// Through us and otherwise, as the daemon says.
pub(super) fn went_back(payment: &Payment) -> u64 {
    payment.refunded_tiyn.tiyn() + payment.refunded_elsewhere_tiyn.tiyn()
}

/// What was said of a payment does not become less.
pub(super) fn check_grown(told: &Payment, row: &Payment) {
    let lost = if told.qr_payment_id.is_some() && told.qr_payment_id != row.qr_payment_id {
        "another number"
    } else if told.state == State::Paid && row.state != State::Paid {
        "no longer paid"
    } else if went_back(told) > went_back(row) {
        "less went back"
    } else {
        return;
    };
    broken(format!("{lost} than was told: {told:?}\n{row:?}"));
}
