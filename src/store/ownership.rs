//! Whose payment it is and of how much: the bank's details are compared here, and nowhere else, with what a payment is
//! frozen with. A mismatch keeps its money out of every sum until the bank agrees or a person has spoken; nothing here
//! corrects an amount or an organisation.
//!
//! What this cannot tell: at a bank that answers for a number whatever token asks, the details of a stranger's payment of
//! the same total look like ours. There only the bank's refusal of a refund would show it.

use super::doubt::{DetailsRead, Doubt, OtherTotal};
use super::payment::PaymentRow;
use crate::domain::{PaidAtSource, State};
use crate::moment::Moment;
use crate::money::Amount;

/// What the details say of it. Its own total proves that it is the organisation's.
pub(super) fn read_details(row: &mut PaymentRow, read: &DetailsRead) {
    match read {
        DetailsRead::Total(total) => {
            row.other_totals.by_details = OtherTotal::after(row.other_totals.by_details, *total, row.amount);
            if *total == row.amount {
                row.doubt = None;
            }
        }
        DetailsRead::Refused(why) if row.doubt.is_some() => row.doubt = Some(Doubt::Refused(why.clone())),
        DetailsRead::Refused(_) => {}
    }
}

/// What a status calls its total. Only details are asked for with a token, so a status proves nothing of whose it is.
pub(super) fn status_told(row: &mut PaymentRow, total: Amount) {
    row.other_totals.by_status = OtherTotal::after(row.other_totals.by_status, total, row.amount);
}

/// A person says that it is paid, and so the organisation's and of our amount, or that it is not. Whoever says so has
/// seen that it was late.
pub(super) fn told_paid(row: &mut PaymentRow, paid: bool, at: Moment) {
    let is_new = row.state != State::Paid;
    if !paid && row.is_paid_in_doubt() {
        // Paid, and not to this organisation: the number is another payment's.
        row.qr_payment_id = None;
    }
    (row.is_closed, row.acknowledged) = (row.is_closed || is_new, paid);
    if !paid {
        return row.become_state(State::Declined, None);
    }
    row.overruled = if is_new { row.kaspi_status.clone() } else { row.contradiction.take().or(row.overruled.take()) };
    row.doubt = None;
    take_balance(row);
    row.other_totals.accept();
    row.become_state(State::Paid, Some((at, PaidAtSource::Seen)));
}

/// A person takes the bank's balance as it is: what was thought to have gone back elsewhere has not, as far as that
/// explains it. A refund that did not happen is a word of its own.
fn take_balance(row: &mut PaymentRow) {
    let Some((balance, _)) = row.balance_above.take() else { return };
    let rest = row.account().without_ours(balance).unwrap_or_default();
    row.refunded_elsewhere = row.refunded_elsewhere.min(rest);
}
