//! A payment as stored, and the only ways it can change. `paid` is reachable from every other state and
//! nothing leaves it.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use super::account::{Account, Booking, RefundRow, RefundState};
use super::config::ConfigRow;
use super::event::{Closed, Ending};
use super::{StoreError, codec};
use crate::id::{
    Comment, ConfigId, Description, Invoice, OrganizationBin, PaymentId, PaymentRef, QrPaymentId, RequestKey, ShopId,
    TradePointId,
};
use crate::moment::Moment;
use crate::money::Amount;
use crate::operation::{Dialect, Evidence, Kind, PaidAtSource, State};

/// A payment with the config it was frozen with. Its token is always the current one of its (BIN, trade point).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PaymentRow {
    pub(crate) id: PaymentId,
    pub(crate) qr_payment_id: Option<QrPaymentId>,
    pub(crate) kind: Kind,
    pub(crate) state: State,
    pub(crate) kaspi_status: Option<String>,
    pub(crate) shop_id: ShopId,
    pub(crate) config_id: ConfigId,
    pub(crate) organization_bin: OrganizationBin,
    pub(crate) description: Option<Description>,
    pub(crate) trade_point_id: TradePointId,
    pub(crate) trade_point_name: Option<String>,
    pub(crate) dialect: Dialect,
    pub(crate) amount: Amount,
    pub(crate) refunded_elsewhere: Amount,
    pub(crate) refunds: Vec<RefundRow>,
    /// Masked.
    pub(crate) phone: Option<String>,
    pub(crate) comment: Option<Comment>,
    pub(crate) invoice: Option<Invoice>,
    pub(crate) link: Option<String>,
    pub(crate) qr_token: Option<String>,
    /// From the reply's seconds where it has them, on our clock.
    pub(crate) expires_at: Option<Moment>,
    /// The same by the bank's clock: at the latest then its life is over, counted from the `Date` of the answer that took
    /// it in. None where that had no `Date`.
    pub(crate) bank_deadline: Option<Moment>,
    /// The reply's polling interval.
    pub(crate) poll_every_ms: Option<u64>,
    /// The reply's time from the first `Wait` to the automatic cancel.
    pub(crate) confirm_ms: Option<u64>,
    pub(crate) request_key: Option<RequestKey>,
    pub(crate) supersedes: Option<PaymentId>,
    pub(crate) late: bool,
    /// It was called over once: if it is paid after that, it is late.
    pub(crate) was_over: bool,
    /// An admin has seen that it was paid late.
    pub(crate) acknowledged: bool,
    /// What Kaspi said of it after it was paid, where that was something else, until Kaspi or a person ends that.
    pub(crate) contradiction: Option<String>,
    /// What Kaspi said of it when a person said that it is paid: the same again is nothing new.
    pub(crate) overruled: Option<String>,
    /// What Kaspi says the customer pays, where that is not our amount: a problem shown, never a correction.
    pub(crate) kaspi_amount: Option<Amount>,
    pub(crate) created_at: Moment,
    pub(crate) updated_at: Moment,
    pub(crate) paid_at: Option<Moment>,
    pub(crate) paid_at_source: Option<PaidAtSource>,
    /// When we learned that it is paid.
    pub(crate) paid_seen_at: Option<Moment>,
}

/// Something new seen of a payment at Kaspi.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Seen {
    /// Its status, and what that makes of it.
    Status {
        kaspi_status: String,
        state: State,
        paid_at: Option<(Moment, PaidAtSource)>,
        /// Kaspi's amount, where it is not ours.
        other_amount: Option<Amount>,
    },
    /// Kaspi says that the customer pays another amount than ours.
    OtherAmount(Amount),
    /// Kaspi says something else of a payment that is paid. It stays paid.
    Contradicted { kaspi_status: String },
    /// What a reading of its balance says of its money.
    Booked(Booking),
    /// The life of a link or QR that nobody saw is over.
    Dead,
    /// Kaspi says again that it is paid, after it had said something else.
    Confirmed { kaspi_status: String },
}

impl PaymentRow {
    /// A payment of an organisation, frozen with its config as it is now: shop, BIN, trade point and dialect are
    /// copied here together and nowhere else.
    pub(crate) fn frozen(config: &ConfigRow, dialect: Dialect, kind: Kind, amount: Amount, at: Moment) -> Self {
        Self {
            id: PaymentId::fresh(),
            qr_payment_id: None,
            kind,
            state: State::Creating,
            kaspi_status: None,
            shop_id: config.shop_id,
            config_id: config.id,
            organization_bin: config.organization_bin.clone(),
            description: config.description.clone(),
            trade_point_id: config.trade_point_id.clone(),
            trade_point_name: config.trade_point_name.clone(),
            dialect,
            amount,
            refunded_elsewhere: Amount::ZERO,
            refunds: Vec::new(),
            phone: None,
            comment: None,
            invoice: None,
            link: None,
            qr_token: None,
            expires_at: None,
            bank_deadline: None,
            poll_every_ms: None,
            confirm_ms: None,
            request_key: None,
            supersedes: None,
            late: false,
            was_over: false,
            acknowledged: false,
            contradiction: None,
            overruled: None,
            kaspi_amount: None,
            created_at: at,
            updated_at: at,
            paid_at: None,
            paid_at_source: None,
            paid_seen_at: None,
        }
    }

    /// What of its money went back, as far as known.
    pub(crate) fn account(&self) -> Account<'_> {
        Account::new(self.amount, self.refunded_elsewhere, &self.refunds)
    }

    /// Whether nobody knows if one of its refunds happened.
    pub(crate) fn has_refund_in_doubt(&self) -> bool {
        self.refunds.iter().any(RefundRow::is_pending)
    }

    /// Whether it must still be followed.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Creating | State::Waiting | State::Unknown)
    }

    /// Whether something about it can only be closed by a person.
    pub(crate) fn needs_a_person(&self) -> bool {
        matches!(self.state, State::Unknown | State::Abandoned)
            || (self.late && !self.acknowledged)
            || self.has_refund_in_doubt()
            || self.kaspi_amount.is_some()
            || self.contradiction.is_some()
    }

    /// A refund of it.
    pub(crate) fn refund(&self, id: PaymentId) -> Option<&RefundRow> {
        self.refunds.iter().find(|refund| refund.id == id)
    }

    fn refund_mut(&mut self, id: PaymentId) -> Option<&mut RefundRow> {
        self.refunds.iter_mut().find(|refund| refund.id == id)
    }

    /// What the end of its own call makes of it; `refund` is the one the call was about.
    pub(super) fn ended(&mut self, ending: &Ending, refund: Option<PaymentId>, at: Moment) {
        self.updated_at = at;
        match ending {
            Ending::Nothing => self.put_refund(refund, RefundState::Failed { by_person: false }),
            Ending::Created { qr_payment_id, link, qr_token, expires_at, bank_deadline, poll_every_ms, confirm_ms } => {
                self.state = State::Waiting;
                self.qr_payment_id = Some(qr_payment_id.clone());
                self.link.clone_from(link);
                self.qr_token.clone_from(qr_token);
                self.expires_at = *expires_at;
                self.bank_deadline = *bank_deadline;
                self.poll_every_ms = *poll_every_ms;
                self.confirm_ms = *confirm_ms;
            }
            Ending::Lost { dead_at } => {
                self.state = State::Unknown;
                self.expires_at = *dead_at;
            }
            Ending::Cancelled { kaspi_status } => {
                self.kaspi_status = Some(kaspi_status.clone());
                match self.state {
                    // Our clock said so; the bank has now said what it is.
                    State::Expired => self.state = State::Cancelled,
                    _ => self.become_state(State::Cancelled, None),
                }
            }
            Ending::Refunded { return_operation_id } => {
                self.put_refund(refund, RefundState::Success(Evidence::Answer));
                if let Some(refund) = refund.and_then(|id| self.refund_mut(id)) {
                    refund.return_operation_id.clone_from(return_operation_id);
                }
            }
            Ending::RefundLost => {
                // The guide's bank has no balance that could tell.
                let can_be_read = self.dialect == Dialect::Bank;
                let state = if can_be_read { RefundState::Unsettled } else { RefundState::Doubted };
                self.put_refund(refund, state);
            }
        }
    }

    fn put_refund(&mut self, refund: Option<PaymentId>, state: RefundState) {
        if let Some(refund) = refund.and_then(|id| self.refund_mut(id)) {
            refund.state = state;
        }
    }

    fn booked(&mut self, booking: Booking) {
        match booking {
            Booking::Happened(refund) => self.put_refund(Some(refund), RefundState::Success(Evidence::Balance)),
            Booking::NotSeen(refund) => self.put_refund(Some(refund), RefundState::Watched),
            Booking::Doubted(refund) => self.put_refund(Some(refund), RefundState::Doubted),
            Booking::Elsewhere(sum) => self.refunded_elsewhere = sum,
        }
    }

    /// What a sight of it at Kaspi makes of it.
    pub(super) fn seen(&mut self, seen: &Seen, at: Moment) {
        self.updated_at = at;
        match seen {
            Seen::Status { kaspi_status, state, paid_at, other_amount } => {
                self.kaspi_status = Some(kaspi_status.clone());
                self.kaspi_amount = other_amount.or(self.kaspi_amount);
                self.become_state(*state, *paid_at);
            }
            Seen::OtherAmount(amount) => self.kaspi_amount = Some(*amount),
            Seen::Contradicted { kaspi_status } => {
                self.kaspi_status = Some(kaspi_status.clone());
                self.contradiction = Some(kaspi_status.clone());
            }
            Seen::Confirmed { kaspi_status } => {
                self.kaspi_status = Some(kaspi_status.clone());
                (self.contradiction, self.overruled) = (None, None);
            }
            Seen::Booked(booking) => self.booked(*booking),
            Seen::Dead if self.state == State::Unknown => self.become_state(State::Expired, None),
            Seen::Dead => {}
        }
    }

    /// What a person's word makes of it.
    pub(super) fn resolved(&mut self, closed: &Closed, at: Moment) {
        self.updated_at = at;
        match closed {
            Closed::Attached { qr_payment_id, kaspi_status, amount, bank_deadline } => {
                self.qr_payment_id = Some(qr_payment_id.clone());
                self.kaspi_status = Some(kaspi_status.clone());
                self.bank_deadline = *bank_deadline;
                self.amount = amount.unwrap_or(self.amount);
                // The one way back from a final state: the next look tells what it is.
                self.state = State::Waiting;
            }
            Closed::Abandoned => self.become_state(State::Abandoned, None),
            Closed::Refund { refund, happened: true } => {
                self.put_refund(Some(*refund), RefundState::Success(Evidence::Person));
            }
            Closed::Refund { refund, happened: false } => {
                self.put_refund(Some(*refund), RefundState::Failed { by_person: true });
            }
            Closed::Paid(true) if self.state == State::Paid => {
                self.acknowledged = true;
                self.overruled = self.contradiction.take().or(self.overruled.take());
            }
            Closed::Paid(true) => {
                self.overruled = self.kaspi_status.clone();
                self.become_state(State::Paid, Some((at, PaidAtSource::Seen)));
            }
            Closed::Paid(false) => self.become_state(State::Declined, None),
        }
    }

    /// An earlier system's log says that it was cancelled.
    pub(crate) fn cancelled_earlier(&mut self, at: Moment) {
        self.updated_at = at;
        self.become_state(State::Cancelled, None);
    }

    /// An earlier system's log says that money of it went back, so it had been paid; when, the log does not say.
    pub(crate) fn refunded_earlier(&mut self, amount: Amount, at: Moment) {
        self.updated_at = at;
        self.become_state(State::Paid, None);
        self.late = false;
        self.refunds.push(RefundRow {
            id: PaymentId::made_at(at),
            amount,
            state: RefundState::Success(Evidence::Answer),
            at,
            key: None,
            balance_before: None,
            return_operation_id: None,
            is_claimed: true,
        });
    }

    /// The one door between states. Nothing leaves `paid`, and only `paid` follows another final state: then it is
    /// late.
    fn become_state(&mut self, state: State, paid_at: Option<(Moment, PaidAtSource)>) {
        if self.state == State::Paid || (!self.is_open() && state != State::Paid) {
            return;
        }
        if state == State::Paid {
            self.late = self.was_over;
            self.paid_at = paid_at.map(|(at, _)| at);
            self.paid_at_source = paid_at.map(|(_, source)| source);
            self.paid_seen_at = Some(self.updated_at);
        }
        self.state = state;
        self.was_over |= !self.is_open();
    }
}

/// The number a payment is stored under; sorts like the id.
pub(super) fn number(id: PaymentId) -> u128 {
    u128::from_be_bytes(id.to_bytes())
}

/// The payment of an id.
pub(super) fn by_id(
    payments: &impl ReadableTable<u128, &'static [u8]>,
    id: PaymentId,
) -> Result<Option<PaymentRow>, StoreError> {
    payments.get(number(id))?.map(|value| codec::decode(value.value())).transpose()
}

/// The payment a caller names.
pub(super) fn by_ref(
    payments: &impl ReadableTable<u128, &'static [u8]>,
    numbers: &impl ReadableTable<&'static str, u128>,
    named: &PaymentRef,
) -> Result<Option<PaymentRow>, StoreError> {
    let id = match named {
        PaymentRef::Id(id) => Some(*id),
        PaymentRef::QrPaymentId(qr) => {
            numbers.get(qr.as_str())?.map(|id| PaymentId::from_bytes(id.value().to_be_bytes()))
        }
    };
    id.map_or(Ok(None), |id| by_id(payments, id))
}
