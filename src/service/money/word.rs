//! A person's word on a refund. It is taken where neither the account nor the bank's balance says otherwise, and the
//! balance is judged anew with it: what the refund leaves of a fall went back elsewhere.

use std::sync::Arc;
use tokio::time::Instant;

use super::balance::{BalanceRead, Balances};
use super::refund::in_progress;
use crate::domain::Dialect;
use crate::failure::{Code, Failure};
use crate::id::{PaymentId, Reason};
use crate::money::Amount;
use crate::service::Context;
use crate::service::bank::Bank;
use crate::service::payment::PaymentRows;
use crate::store::{Change, Closed, PaymentRow, RefundRow, RefundState, Store, Untrue};

/// Takes people's words on refunds; touches the account, on the balance of the moment.
pub(super) struct PeoplesWords {
    store: Store,
    payments: PaymentRows,
    bank: Arc<Bank>,
    balances: Arc<Balances>,
}

impl PeoplesWords {
    pub(super) fn new(store: Store, bank: Arc<Bank>, balances: Arc<Balances>) -> Self {
        Self { payments: PaymentRows::new(store.clone()), store, bank, balances }
    }

    /// Keeps a person's word that a refund did or did not happen.
    ///
    /// # Errors
    /// `in_progress` while its call or the time in which the balance may settle it is not over; `invalid_request` where
    /// there is no doubt, or the word cannot be true.
    pub(super) async fn take_word(
        &self,
        context: &Context,
        row: &PaymentRow,
        (refund, happened): (PaymentId, bool),
        reason: Reason,
    ) -> Result<(), Failure> {
        let id = row.id;
        // Nobody pays back of it, or waits for its balance, while a person's word is weighed.
        let Some(_one) = self.balances.alone(id) else { return Err(in_progress(id)) };
        let settle = context.settings.config.payments.refund_settle;
        let over_at = self.balances.unsettled.over_at(refund, settle);
        // Of what the bank may still carry out nobody can have seen that it did not happen, also where no balance tells.
        let is_open = |found: &RefundRow| match found.state {
            RefundState::Unsettled => true,
            RefundState::Doubted => !happened,
            _ => false,
        };
        let is_settling = |found: &RefundRow| is_open(found) && Instant::now() < over_at;
        if self.payments.row(id)?.refund(refund).is_some_and(is_settling) {
            let rest = over_at.saturating_duration_since(Instant::now()).as_secs() + 1;
            return Err(in_progress(id).with_hint(format!(
                "Kaspi may still carry the refund out: look in {rest} s with kaspictl payment show {id}, and resolve it then if it is still open."
            )));
        }
        // Without the balance the person's word is all there is.
        let balance = self.balance_for_a_word(context, id).await;
        let actor = context.caller.actor();
        let kept = self.store.write(move |writing| {
            let Some(row) = writing.payment(id)? else { return Err(Failure::not_found("the payment is gone").into()) };
            let Some(found) = row.refund(refund).cloned() else { return Err(no_refund(&row, refund).into()) };
            let is_denied = !happened && row.is_denied(&found, writing.now);
            if !is_denied && !row.account().is_for_a_person(&found) {
                return Err(nothing_open(&row, &found).into());
            }
            row.account().could_be(&found, happened, balance).map_err(|untrue| contradicted(&row, &found, untrue))?;
            let closed = Closed::Refund { refund, happened };
            writing.append(Some(actor), Change::Resolved { payment: id, closed, reason })?;
            let (Some(balance), Some(row)) = (balance, writing.payment(id)?) else { return Ok(()) };
            for seen in row.seen_behind_word(refund, happened, balance) {
                writing.append(None, Change::Seen { payment: id, seen })?;
            }
            Ok(())
        });
        kept.await
    }

    /// The balance, booked as anybody's reading; none where it cannot be had.
    async fn balance_for_a_word(&self, context: &Context, id: PaymentId) -> Option<Amount> {
        let (settings, row) = (&context.settings, self.payments.row(id).ok()?);
        if row.dialect == Dialect::Guide {
            return None;
        }
        let triple = self.bank.frozen_triple(settings, &row).ok()?;
        let asked_at = Instant::now();
        let balance = self.balances.balance(settings, &row, &triple).await.ok()?;
        self.balances.book(settings, id, BalanceRead { balance, asked_at, key: None }).await.ok()?.ok();
        Some(balance)
    }
}

fn no_refund(row: &PaymentRow, refund: PaymentId) -> Failure {
    Failure::not_found(format!("payment {} has no refund {refund}", row.id)).with_payment(row.id)
}

fn nothing_open(row: &PaymentRow, refund: &RefundRow) -> Failure {
    let detail = format!("refund {} is {}: there is nothing that this would close", refund.id, refund.status());
    see(Failure::new(Code::InvalidRequest, detail), row)
}

fn contradicted(row: &PaymentRow, refund: &RefundRow, untrue: Untrue) -> Failure {
    let (id, amount) = (refund.id, refund.amount);
    let detail = match untrue {
        Untrue::MoreThanPaid => format!("with refund {id} of {amount} more would have gone back than was paid"),
        Untrue::Fallen(balance) => {
            format!("Kaspi has only {balance} of this payment left, which refund {id} of {amount} explains")
        }
    };
    see(Failure::invalid(detail), row)
}

fn see(failure: Failure, row: &PaymentRow) -> Failure {
    failure.with_payment(row.id).with_hint(format!("See what is open: kaspictl payment show {}", row.id))
}
