//! A payment as stored, and the only ways it can change. `paid` is reachable from every other state and
//! nothing leaves it.

use std::time::Duration;

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use super::account::{Account, Booking};
use super::doubt::{DetailsRead, Doubt, OtherTotals};
use super::refund::{RefundRow, RefundState};
use super::{StoreError, codec};
use crate::domain::{Dialect, Evidence, Kind, PaidAtSource, State};
use crate::id::{
    BankUrl, Comment, ConfigId, Description, Invoice, OrganizationBin, PaymentId, PaymentRef, QrPaymentId, RequestKey,
    ShopId, TradePointId,
};
use crate::moment::Moment;
use crate::money::Amount;
use crate::operation::Payment;

/// So long the bank's books may be behind before that is a problem.
const BEHIND: Duration = Duration::from_secs(5 * 60);

/// The status of a payment that the customer has paid.
pub(crate) const PROCESSED: &str = "Processed";

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
    /// Where it was made. At another bank its number means nothing, or another payment.
    pub(crate) bank: BankUrl,
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
    /// A person has said how it ended: nobody waits for Kaspi's word any more.
    pub(crate) is_closed: bool,
    /// What Kaspi said of it after it was paid, where that was something else, until Kaspi or a person ends that.
    pub(crate) contradiction: Option<String>,
    /// What Kaspi said of it when a person said that it is paid: the same again is nothing new.
    pub(crate) overruled: Option<String>,
    /// What Kaspi says the customer pays, where that is not our amount: a problem shown, never a correction.
    pub(crate) other_totals: OtherTotals,
    /// A balance above what is left by all that is known, and since when it is seen: the bank shows its books late, or
    /// something here never happened.
    pub(crate) balance_above: Option<(Amount, Moment)>,
    /// The number that Kaspi gave for it, and the payment here that had it before. An alarm, until a person has said what
    /// this one is.
    pub(crate) number_taken: Option<(QrPaymentId, PaymentId)>,
    /// Why it is not known to be the organisation's: while there is a doubt, only a person makes it paid.
    pub(crate) doubt: Option<Doubt>,
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
        /// What the status calls its total, where it does.
        total: Option<Amount>,
        /// What its details say, where they were read with it.
        details: Option<DetailsRead>,
    },
    /// What its details say.
    Details(DetailsRead),
    /// What a status of one that is paid calls its total.
    Total(Amount),
    /// Kaspi says something else of a payment that is paid. It stays paid.
    Contradicted { kaspi_status: String },
    /// What a reading of its balance says of its money.
    Booked(Booking),
    /// The life of a link or QR that nobody saw is over.
    Dead,
    /// Kaspi says again that it is paid, after it had said something else.
    Confirmed { kaspi_status: String },
    /// A balance above what is left by all that is known; none once it is not.
    BalanceAbove(Option<Amount>),
}

impl PaymentRow {
    /// What callers see.
    pub(crate) fn view(&self) -> Payment {
        Payment {
            id: self.id,
            qr_payment_id: self.qr_payment_id.clone(),
            kind: self.kind,
            state: self.state,
            kaspi_status: self.kaspi_status.clone(),
            shop_id: self.shop_id,
            organization_bin: self.organization_bin.clone(),
            description: self.description.clone(),
            trade_point_id: self.trade_point_id.clone(),
            trade_point_name: self.trade_point_name.clone(),
            amount_tiyn: self.amount,
            refunded_tiyn: self.account().refunded(),
            refunded_elsewhere_tiyn: self.refunded_elsewhere,
            refunds: self.refunds.iter().map(RefundRow::view).collect(),
            phone: self.phone.clone(),
            comment: self.comment.clone(),
            invoice: self.invoice.clone(),
            link: self.link.clone(),
            qr_token: self.qr_token.clone(),
            expires_at: self.expires_at,
            request_key: self.request_key.clone(),
            supersedes: self.supersedes,
            late: self.late,
            created_at: self.created_at,
            updated_at: self.updated_at,
            paid_at: self.paid_at,
            paid_at_source: self.paid_at_source,
        }
    }

    /// What of its money went back, as far as known.
    pub(crate) fn account(&self) -> Account<'_> {
        Account::new(self.accountable(), self.refunded_elsewhere, &self.refunds)
    }

    /// Whether nobody knows if one of its refunds happened.
    pub(crate) fn has_refund_in_doubt(&self) -> bool {
        self.refunds.iter().any(RefundRow::is_pending)
    }

    /// Whether it must still be followed.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Creating | State::Waiting | State::Unknown)
    }

    /// Whether it was called over without being paid. The bank may know better later.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Expired | State::Declined | State::Cancelled)
    }

    /// Whether something about it can only be closed by a person.
    pub(crate) fn needs_a_person(&self) -> bool {
        matches!(self.state, State::Unknown | State::Abandoned)
            || (self.late && !self.acknowledged)
            || self.has_refund_in_doubt()
            || self.disputed_total().is_some()
            || self.is_paid_in_doubt()
            || self.balance_above.is_some()
            || self.contradiction.is_some()
    }

    /// The balance that has stood above what is left by all that is known for so long that the bank's books are not just
    /// behind, and since when.
    pub(crate) fn stands_above(&self, now: Moment) -> Option<(Amount, Moment)> {
        self.balance_above.filter(|(_, since)| now.since(*since) >= BEHIND)
    }

    /// Whether a person may say that a refund did not happen which the bank has answered: its own balance has denied it
    /// for long.
    pub(crate) fn is_denied(&self, refund: &RefundRow, now: Moment) -> bool {
        let more = self.stands_above(now).and_then(|(balance, _)| balance.minus(self.account().left()));
        refund.state == RefundState::Success(Evidence::Answer) && more.is_some_and(|more| more >= refund.amount)
    }

    /// What can be paid back of it at all: no more than the bank has, where a person has accepted that it has less. The
    /// details tell what the bank has, a status does not.
    pub(super) fn accountable(&self) -> Amount {
        let accepted = self.other_totals.by_details.filter(|other| other.is_accepted);
        accepted.map_or(self.amount, |other| other.total.min(self.amount))
    }

    /// The bank's total, where nobody has accepted that it is another than ours.
    pub(crate) fn disputed_total(&self) -> Option<Amount> {
        self.other_totals.each().find(|other| !other.is_accepted).map(|other| other.total)
    }

    /// Whether the bank calls it paid and nobody knows for whom.
    pub(crate) fn is_paid_in_doubt(&self) -> bool {
        self.doubt.is_some() && !self.is_closed && self.kaspi_status.as_deref() == Some(PROCESSED)
    }

    /// Whether its money stands in sums: it is paid, and nothing that the bank says of it is another than ours.
    pub(crate) fn is_counted(&self) -> bool {
        self.state == State::Paid && self.disputed_total().is_none()
    }

    /// Whether its money may be ours and stands in no sum until the bank or a person says so.
    pub(crate) fn is_disputed(&self) -> bool {
        self.is_paid_in_doubt() || (self.state == State::Paid && self.disputed_total().is_some())
    }

    /// Whether it is listed, however old it is: for a person, or because a refund of it counts as failed and may still
    /// happen.
    pub(super) fn is_attended(&self) -> bool {
        self.needs_a_person() || self.refunds.iter().any(|refund| refund.state == RefundState::Watched)
    }

    /// A refund of it.
    pub(crate) fn refund(&self, id: PaymentId) -> Option<&RefundRow> {
        self.refunds.iter().find(|refund| refund.id == id)
    }

    pub(super) fn refund_mut(&mut self, id: PaymentId) -> Option<&mut RefundRow> {
        self.refunds.iter_mut().find(|refund| refund.id == id)
    }

    /// The one door between states. Nothing leaves `paid`, and only `paid` follows another final state: then it is
    /// late. What may be somebody else's does not become paid.
    pub(super) fn become_state(&mut self, state: State, paid_at: Option<(Moment, PaidAtSource)>) {
        let is_shut = match state {
            State::Paid => self.state == State::Paid || self.doubt.is_some(),
            _ => !self.is_open(),
        };
        if is_shut {
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
