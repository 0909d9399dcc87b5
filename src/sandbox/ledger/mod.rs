//! Payments and what really happened to them: the bank's state machine and its timers (wire §8).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::moment::{Moment, Span};
use crate::money::Amount;

/// The guide's example id: the first payment gets it, so that the guide's later examples run as printed.
pub(super) const FIRST_ID: u64 = 12_737_694_350;
/// Where ReturnOperationIds begin.
const FIRST_RETURN_ID: u64 = 5_300_000_001;

/// How long the bank waits for the customer (wire §8).
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Timers {
    /// `StatusPollingInterval`: whole seconds on the wire.
    pub poll: Span,
    /// `QrCodeScanWaitTimeout` and `LinkActivationWaitTimeout`, counted from creation.
    pub scan: Span,
    /// `PaymentConfirmationTimeout`, counted from the first `Wait`.
    pub confirm: Span,
    /// Life of a remote invoice.
    pub remote: Span,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            poll: Span::from_secs(5),
            scan: Span::from_secs(180),
            confirm: Span::from_secs(65),
            remote: Span::from_secs(24 * 3600),
        }
    }
}

/// How a payment is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PaymentKind {
    /// An invoice in the customer's app.
    Remote,
    /// A link the customer opens.
    Link,
    /// A QR the customer scans.
    Qr,
}

/// Why a payment will not be paid any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NotPaid {
    /// The customer said no, or the emulation says so.
    Declined,
    /// Nobody scanned, opened or paid in time.
    Expired,
    /// Scanned but not confirmed in time: the money went back.
    NotConfirmed,
}

/// Where a payment is. Times are the bank's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub(super) enum PaymentPhase {
    /// Made; the customer has done nothing.
    Created,
    /// Scanned or opened; the customer is confirming.
    Scanned { at: Moment },
    /// Paid.
    Paid { at: Moment },
    /// Cancelled by the merchant.
    Cancelled { at: Moment },
    /// Will not be paid.
    Failed { at: Moment, why: NotPaid },
}

/// Money that went back.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Returned {
    /// `ReturnOperationId`.
    pub(super) id: u64,
    /// How much.
    #[serde(rename = "amount_tiyn")]
    pub(super) amount: Amount,
    /// From when the balance shows it.
    pub(super) shown_from: Moment,
    /// Made by somebody else, such as the cashier's app.
    pub(super) elsewhere: bool,
}

/// What a create asks for, after the wire has been read.
#[derive(Clone, Debug)]
pub(super) struct Bill {
    /// How it is asked for.
    pub(super) kind: PaymentKind,
    /// Who gets the money.
    pub(super) bin: String,
    /// At which trade point.
    pub(super) trade_point: String,
    /// How much.
    pub(super) amount: Amount,
    /// Whose phone, for invoices.
    pub(super) phone: Option<String>,
    /// What the customer reads.
    pub(super) comment: Option<String>,
    /// The merchant's number.
    pub(super) external_id: Option<String>,
}

/// One payment.
#[derive(Clone, Debug)]
pub(super) struct BankPayment {
    /// `QrPaymentId`; a link's `PaymentId` is the same.
    pub(super) id: u64,
    /// What was asked.
    pub(super) order: Bill,
    /// When.
    pub(super) created: Moment,
    /// Where it is.
    pub(super) phase: PaymentPhase,
    /// What went back.
    pub(super) refunds: Vec<Returned>,
    /// The timers at its creation: later changes do not reach it.
    pub(super) timers: Timers,
    /// Digits of the QR token or of the link.
    pub(super) token: String,
}

impl BankPayment {
    /// The wire's name for where it is (wire §8).
    pub(super) fn status(&self) -> &'static str {
        match (self.phase, self.order.kind) {
            (PaymentPhase::Created, PaymentKind::Remote) => "RemotePaymentCreated",
            (PaymentPhase::Created, PaymentKind::Link | PaymentKind::Qr) => "QrTokenCreated",
            (PaymentPhase::Scanned { .. }, _) => "Wait",
            (PaymentPhase::Paid { .. }, _) => "Processed",
            (PaymentPhase::Cancelled { .. }, _) => "RemotePaymentCanceled",
            // No source names what v01 says of an expired invoice; Error is the only listed end left.
            (PaymentPhase::Failed { .. }, _) => "Error",
        }
    }

    /// When it dies if the customer does nothing.
    pub(super) fn expires(&self) -> Moment {
        let life = if self.order.kind == PaymentKind::Remote { self.timers.remote } else { self.timers.scan };
        self.created.after(life.duration())
    }

    /// Lets due timers run out.
    fn settle(&mut self, now: Moment) {
        let (deadline, why) = match self.phase {
            PaymentPhase::Created => (self.expires(), NotPaid::Expired),
            PaymentPhase::Scanned { at } => (at.after(self.timers.confirm.duration()), NotPaid::NotConfirmed),
            PaymentPhase::Paid { .. } | PaymentPhase::Cancelled { .. } | PaymentPhase::Failed { .. } => return,
        };
        if now >= deadline {
            self.phase = PaymentPhase::Failed { at: deadline, why };
        }
    }

    /// What `AvailableReturnAmount` shows at `now`.
    pub(super) fn shown_balance(&self, now: Moment) -> Amount {
        self.less_refunds(|refund| refund.shown_from <= now)
    }

    /// What can still go back, shown or not.
    pub(super) fn balance(&self) -> Amount {
        self.less_refunds(|_| true)
    }

    fn less_refunds(&self, counts: impl Fn(&Returned) -> bool) -> Amount {
        let counted = self.refunds.iter().filter(|refund| counts(refund));
        counted.fold(self.order.amount, |left, refund| left.minus(refund.amount).unwrap_or_default())
    }
}

/// What the customer, or the test emulation, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Scans the QR or opens the link.
    Scan,
    /// Confirms; a QR or link must have been scanned.
    Pay,
    /// Says no, or the payment fails.
    Decline,
    /// Lets the time run out.
    Expire,
}

/// An act that the payment's phase does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotNow;

/// Counts and sums of what really happened, overall and per organisation: what tests compare with what a
/// client believes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Effects {
    /// Invoices pushed to a customer.
    pub(super) invoices: u64,
    /// Links made.
    pub(super) links: u64,
    /// QR tokens made.
    pub(super) qrs: u64,
    /// Payments that were paid.
    pub(super) paid: u64,
    /// Returns made through the API.
    pub(super) refunds: u64,
    /// Returns made elsewhere.
    pub(super) refunds_elsewhere: u64,
    /// Invoices cancelled.
    pub(super) cancels: u64,
    /// Devices that got a token of their own.
    pub(super) registrations: u64,
    /// Devices deleted.
    pub(super) deletes: u64,
    /// Sum of all creates.
    pub(super) asked_tiyn: u64,
    /// Sum of all that was paid.
    pub(super) paid_tiyn: u64,
    /// Sum of returns through the API.
    pub(super) refunded_tiyn: u64,
    /// Sum of returns elsewhere.
    pub(super) refunded_elsewhere_tiyn: u64,
}

impl Effects {
    /// The sum of two.
    pub(super) fn plus(self, other: &Self) -> Self {
        Self {
            invoices: self.invoices + other.invoices,
            links: self.links + other.links,
            qrs: self.qrs + other.qrs,
            paid: self.paid + other.paid,
            refunds: self.refunds + other.refunds,
            refunds_elsewhere: self.refunds_elsewhere + other.refunds_elsewhere,
            cancels: self.cancels + other.cancels,
            registrations: self.registrations + other.registrations,
            deletes: self.deletes + other.deletes,
            asked_tiyn: self.asked_tiyn + other.asked_tiyn,
            paid_tiyn: self.paid_tiyn + other.paid_tiyn,
            refunded_tiyn: self.refunded_tiyn + other.refunded_tiyn,
            refunded_elsewhere_tiyn: self.refunded_elsewhere_tiyn + other.refunded_elsewhere_tiyn,
        }
    }
}

/// All payments and their effects.
#[derive(Debug)]
pub(super) struct Ledger {
    payments: BTreeMap<u64, BankPayment>,
    effects: BTreeMap<String, Effects>,
    /// Timers of payments made from now on.
    pub(super) timers: Timers,
    /// Number of the first payment.
    pub(super) first_id: u64,
    next_return: u64,
}

impl Ledger {
    /// An empty ledger.
    pub(super) fn new(timers: Timers) -> Self {
        Self {
            payments: BTreeMap::new(),
            effects: BTreeMap::new(),
            timers,
            first_id: FIRST_ID,
            next_return: FIRST_RETURN_ID,
        }
    }

    /// Per organisation.
    pub(super) fn effects(&self) -> &BTreeMap<String, Effects> {
        &self.effects
    }

    /// The effects of one organisation, to be added to.
    pub(super) fn effects_of(&mut self, bin: &str) -> &mut Effects {
        self.effects.entry(bin.to_owned()).or_default()
    }

    /// Makes a payment.
    pub(super) fn create(&mut self, order: Bill, now: Moment) -> &BankPayment {
        let id = self.payments.last_key_value().map_or(self.first_id, |(last, _)| last + 1);
        let effects = self.effects_of(&order.bin);
        match order.kind {
            PaymentKind::Remote => effects.invoices += 1,
            PaymentKind::Link => effects.links += 1,
            PaymentKind::Qr => effects.qrs += 1,
        }
        effects.asked_tiyn += order.amount.tiyn();
        let token = match order.kind {
            // About as long as the live ones (wire §4); unguessable, so a test cannot make one up.
            PaymentKind::Link | PaymentKind::Qr => format!("{:0>41}", uuid::Uuid::new_v4().as_u128()),
            PaymentKind::Remote => String::new(),
        };
        let (phase, timers) = (PaymentPhase::Created, self.timers);
        let payment = BankPayment { id, order, created: now, phase, refunds: Vec::new(), timers, token };
        self.payments.entry(id).or_insert(payment)
    }

    /// A payment as it is at `now`.
    pub(super) fn payment(&mut self, id: u64, now: Moment) -> Option<&mut BankPayment> {
        let payment = self.payments.get_mut(&id)?;
        payment.settle(now);
        Some(payment)
    }

    /// All payments as they are at `now`, oldest first.
    pub(super) fn payments(&mut self, now: Moment) -> impl Iterator<Item = &BankPayment> {
        self.payments.values_mut().map(move |payment| {
            payment.settle(now);
            &*payment
        })
    }

    /// Lets the customer act. `force` skips the phase: a payment of a dead invoice, an error after a payment.
    pub(super) fn act(&mut self, id: u64, act: Act, force: bool, now: Moment) -> Result<(), NotNow> {
        let payment = self.payment(id, now).ok_or(NotNow)?;
        let remote = payment.order.kind == PaymentKind::Remote;
        let allowed = match (act, payment.phase) {
            (Act::Scan, PaymentPhase::Created) => !remote,
            (Act::Pay, PaymentPhase::Created) => remote,
            (Act::Pay, PaymentPhase::Scanned { .. }) => true,
            (Act::Decline | Act::Expire, PaymentPhase::Created | PaymentPhase::Scanned { .. }) => true,
            _ => false,
        };
        if !allowed && !force {
            return Err(NotNow);
        }
        payment.phase = match act {
            Act::Scan => PaymentPhase::Scanned { at: now },
            Act::Pay => PaymentPhase::Paid { at: now },
            Act::Decline => PaymentPhase::Failed { at: now, why: NotPaid::Declined },
            Act::Expire => PaymentPhase::Failed { at: now, why: NotPaid::Expired },
        };
        if act == Act::Pay {
            let (bin, tiyn) = (payment.order.bin.clone(), payment.order.amount.tiyn());
            let effects = self.effects_of(&bin);
            effects.paid += 1;
            effects.paid_tiyn += tiyn;
        }
        Ok(())
    }

    /// Cancels an outstanding invoice; cancelling it again is no new effect.
    pub(super) fn cancel(&mut self, id: u64, now: Moment) -> Result<(), NotNow> {
        let payment = self.payment(id, now).ok_or(NotNow)?;
        match payment.phase {
            PaymentPhase::Created if payment.order.kind == PaymentKind::Remote => {
                payment.phase = PaymentPhase::Cancelled { at: now };
                let bin = payment.order.bin.clone();
                self.effects_of(&bin).cancels += 1;
                Ok(())
            }
            PaymentPhase::Cancelled { .. } => Ok(()),
            PaymentPhase::Created
            | PaymentPhase::Scanned { .. }
            | PaymentPhase::Paid { .. }
            | PaymentPhase::Failed { .. } => Err(NotNow),
        }
    }

    /// Sends money of a paid payment back. The rules must have checked the balance.
    pub(super) fn refund(&mut self, id: u64, amount: Amount, shown_after: Duration, now: Moment) -> Option<u64> {
        self.add_refund(id, amount, now.after(shown_after), false)
    }

    /// The same, by somebody else.
    pub(super) fn refund_elsewhere(&mut self, id: u64, amount: Amount, now: Moment) -> Option<u64> {
        self.add_refund(id, amount, now, true)
    }

    fn add_refund(&mut self, id: u64, amount: Amount, shown_from: Moment, elsewhere: bool) -> Option<u64> {
        let payment = self.payments.get_mut(&id)?;
        let refund = Returned { id: self.next_return, amount, shown_from, elsewhere };
        self.next_return += 1;
        payment.refunds.push(refund);
        let bin = payment.order.bin.clone();
        let effects = self.effects_of(&bin);
        let (count, sum) = match elsewhere {
            false => (&mut effects.refunds, &mut effects.refunded_tiyn),
            true => (&mut effects.refunds_elsewhere, &mut effects.refunded_elsewhere_tiyn),
        };
        *count += 1;
        *sum += amount.tiyn();
        Some(refund.id)
    }
}

#[cfg(test)]
mod tests;
