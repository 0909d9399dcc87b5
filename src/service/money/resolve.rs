//! Closing what only a person can close. Each way is checked as far as the bank can tell, and audited.

use std::sync::Arc;

use super::adopt::{Adoptions, BankRecord};
use super::word::PeoplesWords;
use crate::domain::State;
use crate::failpoint::fail_point;
use crate::failure::{Code, Failure};
use crate::id::{PaymentId, PaymentRef, QrPaymentId, Reason};
use crate::operation::{Reply, Resolve};
use crate::service::bank::Bank;
use crate::service::payment::{
    For, PaymentRows, Statuses, deadline, lively_until, longest_life, waits_for_another_bank,
};
use crate::service::{Context, Settings};
use crate::store::{Change, Closed, Event, PaymentRow, Refused, Store, Writing};

/// Closes payments by a person's word; touches their states, and refunds through [`PeoplesWords`].
pub(in crate::service) struct Resolutions {
    store: Store,
    payments: PaymentRows,
    bank: Arc<Bank>,
    statuses: Arc<Statuses>,
    words: PeoplesWords,
    adoptions: Arc<Adoptions>,
}

impl Resolutions {
    pub(super) fn new(
        (store, bank): (Store, Arc<Bank>),
        statuses: Arc<Statuses>,
        words: PeoplesWords,
        adoptions: Arc<Adoptions>,
    ) -> Self {
        Self { payments: PaymentRows::new(store.clone()), store, bank, statuses, words, adoptions }
    }

    pub(in crate::service) async fn resolve(
        &self,
        context: &Context,
        named: &PaymentRef,
        how: Resolve,
    ) -> Result<Reply, Failure> {
        let row = self.payments.visible(context, named)?;
        let (closed, reason) = match how {
            Resolve::Refund { refund, happened, reason } => {
                self.words.take_word(context, &row, (refund, happened), reason).await?;
                return Ok(Reply::Payment(self.payments.row(row.id)?.view()));
            }
            Resolve::Attach { qr_payment_id, reason } => (self.attached(context, &row, qr_payment_id).await?, reason),
            Resolve::Abandon { reason } => (Closed::Abandoned, reason),
            Resolve::Paid { paid, reason } => {
                self.beyond_kaspi(context, &row).await?;
                (Closed::Paid(paid), reason)
            }
        };
        self.close(context, &row, closed, reason).await?;
        let row = self.statuses.seen(&context.settings, row.id, For::Money).await?;
        Ok(Reply::Payment(row.view()))
    }

    /// The number must be no other payment's, Kaspi must know it, and where Kaspi tells an amount it must be ours.
    async fn attached(&self, context: &Context, row: &PaymentRow, qr: QrPaymentId) -> Result<Closed, Failure> {
        let record = self.adoptions.ask_about(context, &self.bank.frozen_triple(&context.settings, row)?, &qr).await?;
        match record.total {
            Some(total) if total != row.amount => Err(Failure::invalid(format!(
                "Kaspi says {qr} is {total}, and this payment is {}: it is another one",
                row.amount
            ))
            .with_payment(row.id)),
            _ => {
                let BankRecord { kaspi_status, doubt, bank, .. } = record;
                let bank_deadline = bank.map(|bank| bank.after(longest_life(row.kind)));
                Ok(Closed::Attached { qr_payment_id: qr, kaspi_status, doubt, bank_deadline })
            }
        }
    }

    /// A person's word counts only where Kaspi's ends nothing: when its time is over and it still waits, whatever Kaspi
    /// says of it. A late or contradicted payment is only acknowledged, which asks nobody.
    async fn beyond_kaspi(&self, context: &Context, row: &PaymentRow) -> Result<(), Failure> {
        if row.state != State::Waiting {
            return Ok(());
        }
        let now = match self.statuses.read_status(&context.settings, row).await {
            // Kaspi calls it paid and does not say for whom.
            Ok(now) if now.is_disputed() && now.state != State::Paid => return Ok(()),
            Ok(now) => now,
            // Nobody there can tell, or nobody is asked.
            Err(failure) if matches!(failure.code, Code::NotFound | Code::OtherBank) => row.clone(),
            Err(failure) => return Err(failure),
        };
        if now.state != State::Waiting {
            let said = now.kaspi_status.as_deref().unwrap_or("nothing");
            return Err(Failure::invalid(format!("Kaspi itself says {said}, and it is {} now", now.state))
                .with_payment(row.id)
                .with_hint(format!("See what it is: kaspictl payment show {}", row.id)));
        }
        // A bank that is not ours any more is asked nothing: its grace is nobody's.
        let is_foreign = waits_for_another_bank(&context.settings, &now);
        let over_at = if is_foreign { deadline(&now) } else { lively_until(&now) };
        if self.statuses.ages.now(&now) < over_at {
            let detail = format!("the customer can still pay until {over_at}");
            let then = "Do the same again when its time is over.";
            return Err(Failure::invalid(detail).with_payment(row.id).with_hint(then));
        }
        Ok(())
    }

    async fn close(&self, context: &Context, row: &PaymentRow, closed: Closed, reason: Reason) -> Result<(), Failure> {
        let (payment, actor, settings) = (row.id, context.caller.actor(), Arc::clone(&context.settings));
        let write = self.store.write(move |writing| {
            let Some(row) = writing.payment(payment)? else {
                return Err(Failure::not_found("the payment is gone").into());
            };
            closable(&settings, &row, &closed)?;
            if matches!(closed, Closed::Attached { .. } | Closed::Abandoned) {
                not_superseded(writing, payment)?;
            }
            if let Closed::Attached { qr_payment_id, .. } = &closed
                && let Some(other) = writing.payment_by_qr(qr_payment_id)?
            {
                let detail = format!("{qr_payment_id} is payment {} already", other.id);
                return Err(Refused::from(Failure::invalid(detail).with_payment(other.id).with_hint(format!(
                    "See that one: kaspictl payment show {}; if both are the same, this one is not needed: \
                     kaspictl payment resolve {payment} --abandon --reason TEXT",
                    other.id
                ))));
            }
            writing.append(Some(actor), Change::Resolved { payment, closed, reason })?;
            Ok(())
        });
        fail_point!("resolve.begin");
        write.await?;
        fail_point!("resolve.stored");
        Ok(())
    }
}

/// A payment whose replacement is just being asked for is not closed beside it: both could be billed.
fn not_superseded(writing: &Writing<'_>, payment: PaymentId) -> Result<(), Refused> {
    let replaces = |event: &Event| match &event.change {
        Change::CreateIntended { payment: new, .. } => new.supersedes == Some(payment),
        _ => false,
    };
    if writing.running()?.iter().any(|(_, event)| replaces(event)) {
        let detail = "a payment that replaces this one is just being asked for";
        return Err(Failure::new(Code::InProgress, detail).with_payment(payment).into());
    }
    Ok(())
}

/// Nothing leaves `paid`: a person who does not find the money takes that up with the bank.
fn stays_paid(row: &PaymentRow) -> Failure {
    let hint = format!(
        "If the money is not there, take it up with the bank; it counts as paid here. When that is settled: kaspictl payment resolve {} --paid yes --reason TEXT",
        row.id
    );
    Failure::invalid("the payment was paid, and a payment that was paid stays so").with_payment(row.id).with_hint(hint)
}

/// Whether a payment is in the doubt that this would close.
fn closable(settings: &Settings, row: &PaymentRow, closed: &Closed) -> Result<(), Failure> {
    let open = match closed {
        Closed::Attached { .. } => matches!(row.state, State::Unknown | State::Abandoned),
        Closed::Abandoned => row.state == State::Unknown,
        // Taken with the balance, and nowhere else.
        Closed::Refund { .. } => false,
        // Of a payment that was paid late, or that Kaspi calls something else since, it is the acknowledgement.
        Closed::Paid(true) if row.state == State::Paid => {
            (row.late && !row.acknowledged)
                || row.contradiction.is_some()
                || row.disputed_total().is_some()
                || row.balance_above.is_some()
        }
        Closed::Paid(false) if row.contradiction.is_some() => return Err(stays_paid(row)),
        Closed::Paid(_) => {
            let is_asked_for = row.is_disputed() || waits_for_another_bank(settings, row);
            row.state == State::Waiting || (row.is_over() && is_asked_for)
        }
    };
    if open {
        return Ok(());
    }
    let detail = format!("the payment is {} and has nothing that this would close", row.state);
    Err(Failure::new(Code::InvalidRequest, detail)
        .with_payment(row.id)
        .with_hint(format!("See what is open: kaspictl payment show {}", row.id)))
}
