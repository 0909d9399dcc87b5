//! Looking at a payment at Kaspi: in whose name, at most how often, and what is kept of it. Failing to ask is not
//! failing to pay, and only a status we know closes a payment.

use std::sync::Arc;
use std::time::Duration;

use tracing::debug;

use super::age::Ages;
use super::asked::{Asks, Freshness};
use super::life::{AnswerTime, deadline, is_unpaid, state_of};
use super::rows::PaymentRows;
use super::total::{ReadNow, Totals};
use crate::domain::{PaidAtSource, State};
use crate::failure::{Code, Failure, Money};
use crate::id::PaymentId;
use crate::kaspi::{CallContext, CallError, Refusal, RefusalKind, StatusRead};
use crate::moment::{Moment, since_boot};
use crate::service::bank::{failure_of, of_our_bank};
use crate::service::locks::Locks;
use crate::service::rate::ReadRate;
use crate::service::{Live, Settings};
use crate::store::{Change, PROCESSED, PaymentRow, Seen, Store};

/// A payment called over is asked about once more on a GET for this long.
const LATE: Duration = Duration::from_secs(48 * 3600);

/// In whose name a look is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum For {
    /// Somebody at the door. Without a turn of the rate, and right after a call that failed, what is known is the
    /// answer.
    Caller,
    /// A call that decides money: waits for no turn, and asks again whatever failed before it came.
    Money,
    /// The same for a refund, of what is paid.
    Refund,
    /// The daemon itself, however late it is.
    Follower,
    /// A report, in the daemon's own turns.
    Report,
}

/// Reads statuses, each at most once at a time and as often as is worth it; touches what the store knows of payments.
pub(in crate::service) struct Statuses {
    store: Store,
    live: Arc<Live>,
    payments: PaymentRows,
    totals: Arc<Totals>,
    rate: Arc<ReadRate>,
    /// One status read at a time per payment.
    turns: Locks<PaymentId>,
    /// How Kaspi was lately asked about each payment.
    pub(in crate::service) asks: Asks,
    /// How late it is for each followed payment, whatever becomes of the wall clock.
    pub(in crate::service) ages: Arc<Ages>,
}

impl Statuses {
    pub(in crate::service) fn new((store, live): (Store, Arc<Live>), totals: Arc<Totals>, rate: Arc<ReadRate>) -> Self {
        let (payments, turns) = (PaymentRows::new(store.clone()), Locks::new());
        Self { store, live, payments, totals, rate, turns, asks: Asks::default(), ages: Arc::default() }
    }

    /// A payment as it stands now: asks Kaspi unless what is known is younger than the interval, or nobody's turn of
    /// the rate is near. Trouble at Kaspi is not an error here: the answer is then what was known.
    ///
    /// # Errors
    /// `storage_failed`: Kaspi has said something new, and what was known is the answer no more.
    pub(in crate::service) async fn seen(
        &self,
        settings: &Settings,
        id: PaymentId,
        whom: For,
    ) -> Result<PaymentRow, Failure> {
        let refreshed = self.refresh(settings, id, whom).await;
        refreshed.or_else(|failure| {
            if failure.code == Code::StorageFailed {
                let detail = format!("what Kaspi says of the payment could not be stored: {}", failure.detail);
                return Err(Failure { detail, ..failure }.with_money(Money::Unknown).with_payment(id));
            }
            debug!(payment = %id, code = failure.code.word(), "could not ask about a payment");
            self.payments.row(id)
        })
    }

    /// A paid payment that Kaspi still calls paid, for a call that would pay it back. What Kaspi calls something else
    /// is not paid back before Kaspi or a person has ended that.
    ///
    /// # Errors
    /// `not_refundable` for one that Kaspi calls something else; `kaspi_unavailable` if nobody could be asked. Nothing
    /// has moved.
    pub(in crate::service) async fn still_paid(
        &self,
        settings: &Settings,
        row: &PaymentRow,
    ) -> Result<PaymentRow, Failure> {
        let row = match self.refresh(settings, row.id, For::Refund).await {
            Ok(row) => row,
            // Not knowing it is no other status.
            Err(failure) if failure.code == Code::NotFound => self.payments.row(row.id)?,
            Err(failure) => {
                let detail = format!("it could not be read whether the payment is still paid: {}", failure.detail);
                return Err(Failure { detail, ..failure }.with_money(Money::NotMoved).with_payment(row.id));
            }
        };
        match &row.contradiction {
            None => Ok(row),
            Some(status) => Err(contradicted(&row, status)),
        }
    }

    /// Asks Kaspi about a payment unless what is known is younger than the interval.
    ///
    /// # Errors
    /// Why Kaspi could not be asked, now or a moment ago.
    pub(in crate::service) async fn refresh(
        &self,
        settings: &Settings,
        id: PaymentId,
        whom: For,
    ) -> Result<PaymentRow, Failure> {
        let came = since_boot();
        if whom == For::Report && self.asks.known(&self.payments.row(id)?, came) == Freshness::Nothing {
            self.rate.own_turn(|| self.live.get().config.follow.rate).await;
        }
        let _turn = self.turns.lock(id).await;
        let row = self.payments.row(id)?;
        if !self.is_worth(&row, whom) {
            return self.expire_lost(row).await;
        }
        match (self.asks.known(&row, came), whom) {
            (Freshness::Answered, _) | (Freshness::Failed | Freshness::FailedLately, For::Caller) => return Ok(row),
            (Freshness::Unkept, _) => {
                return Err(Failure::new(Code::StorageFailed, "Kaspi was asked a moment ago"));
            }
            (Freshness::Failed, _) | (Freshness::FailedLately, For::Follower | For::Report) => {
                return Err(Failure::new(Code::KaspiUnavailable, "Kaspi was asked a moment ago and did not answer"));
            }
            (Freshness::FailedLately, For::Money | For::Refund) | (Freshness::Nothing, _) => {}
        }
        if whom == For::Caller && !self.rate.callers_turn(settings.config.follow.rate).await {
            return Ok(row);
        }
        self.read_status(settings, &row).await
    }

    /// A payment that Kaspi has just made stands there as well known as after a read: the first one of a wait comes an
    /// interval later.
    pub(in crate::service) fn made(&self, id: PaymentId) {
        self.asks.begin(id);
        self.asks.end(id, true);
        self.ages.was_read(id);
    }

    fn is_worth(&self, row: &PaymentRow, whom: For) -> bool {
        match whom {
            For::Caller | For::Report | For::Money => worth_a_look(row, self.ages.now(row)),
            For::Follower | For::Refund => may_change(row),
        }
    }

    /// Asks Kaspi now, whatever is known, and keeps what is new.
    pub(in crate::service) async fn read_status(
        &self,
        settings: &Settings,
        row: &PaymentRow,
    ) -> Result<PaymentRow, Failure> {
        self.status_now(settings, row).await.map(|(_, row)| row)
    }

    /// The same with Kaspi's word, which of a payment that is over need not be kept; none without a number to ask by.
    pub(in crate::service) async fn status_now(
        &self,
        settings: &Settings,
        row: &PaymentRow,
    ) -> Result<(Option<String>, PaymentRow), Failure> {
        of_our_bank(settings, row)?;
        let Some(payment) = row.at_bank() else { return Ok((None, row.clone())) };
        let kaspi = settings.kaspi()?;
        self.asks.begin(row.id);
        let read = kaspi.status(&CallContext::fresh(settings.config.kaspi.timeout), &payment).await;
        self.asks.end(row.id, is_answer(&read));
        if is_answer(&read) {
            self.ages.was_read(row.id);
        }
        let read = read.map_err(|trouble| failure_of(&trouble).with_payment(row.id))?;
        if let Some(bank) = read.date {
            self.ages.put_right(row, bank);
        }
        let newly_paid = row.state != State::Paid && read.status == PROCESSED;
        let details = if newly_paid { self.totals.details_of_paid(settings, row).await } else { None };
        let said = read.status.clone();
        self.keep_status(row.id, read, details).await.inspect_err(|_| self.asks.unkept(row.id))?;
        Ok((Some(said), self.payments.row(row.id)?))
    }

    /// Keeps what a status makes of a payment as it stands in the transaction, if that is new; `details` were read with
    /// it.
    async fn keep_status(&self, id: PaymentId, read: StatusRead, details: Option<ReadNow>) -> Result<(), Failure> {
        let ages = self.ages.clone();
        // Most looks find what is known. They wait neither for the writer nor for what it is busy with.
        if details.is_none() && news(&ages, &self.payments.row(id)?, read.clone(), (None, Moment::now())).is_none() {
            return Ok(());
        }
        let kept = self.store.write(move |writing| {
            let Some(row) = writing.payment(id)? else { return Err(Failure::not_found("the payment is gone").into()) };
            if let Some(seen) = news(&ages, &row, read, (details, writing.now)) {
                writing.append(None, Change::Seen { payment: id, seen })?;
            }
            Ok(())
        });
        kept.await
    }

    /// A link or QR whose create was lost and which nobody saw is over once its life is.
    async fn expire_lost(&self, row: PaymentRow) -> Result<PaymentRow, Failure> {
        let dead = row.state == State::Unknown && row.expires_at.is_some_and(|at| self.ages.now(&row) >= at);
        if !dead {
            return Ok(row);
        }
        let id = row.id;
        let kept = self.store.write(move |writing| {
            // A person may have closed or attached it meanwhile.
            if writing.payment(id)?.is_some_and(|row| row.state == State::Unknown) {
                writing.append(None, Change::Seen { payment: id, seen: Seen::Dead })?;
            }
            Ok(())
        });
        kept.await?;
        self.payments.row(id)
    }
}

/// Whether Kaspi has said where the payment stands, or that it does not know it.
fn is_answer(read: &Result<StatusRead, CallError>) -> bool {
    matches!(read, Ok(_) | Err(CallError::Refused(Refusal { kind: RefusalKind::PaymentNotFound, .. })))
}

/// What is to be kept of a status; none where nothing is new.
fn news(ages: &Ages, row: &PaymentRow, read: StatusRead, with: (Option<ReadNow>, Moment)) -> Option<Seen> {
    let clocks = ages.clocks(row, read.date);
    sight(read, row, clocks, with).and_then(|seen| row.made_of(seen))
}

/// What a status, and the details that were read with it, make of a payment.
fn sight(
    read: StatusRead,
    row: &PaymentRow,
    clocks: AnswerTime,
    (details, now): (Option<ReadNow>, Moment),
) -> Option<Seen> {
    let StatusRead { status: kaspi_status, amount: total, .. } = read;
    if row.state == State::Paid {
        let total = total.map(Seen::Total);
        return after_paid(kaspi_status, row).or(total);
    }
    let state = state_of(&kaspi_status, row, clocks);
    if state == row.state && !row.is_open() && details.is_none() {
        return None;
    }
    let date = details.as_ref().and_then(|now| now.details?.transaction_date);
    let paid_at = date.map_or((now, PaidAtSource::Seen), |at| (at, PaidAtSource::Bank));
    let paid_at = (state == State::Paid).then_some(paid_at);
    Some(Seen::Status { kaspi_status, state, paid_at, total, details: details.map(|now| now.read) })
}

/// Nothing leaves `paid`. That Kaspi says it is not is told once, also of one that a person has overruled.
fn after_paid(kaspi_status: String, row: &PaymentRow) -> Option<Seen> {
    let is_contradicted = row.contradiction.is_some() || row.overruled.is_some();
    match Some(&kaspi_status) {
        _ if kaspi_status == PROCESSED => is_contradicted.then_some(Seen::Confirmed { kaspi_status }),
        said if said == row.contradiction.as_ref() || said == row.overruled.as_ref() => None,
        _ => is_unpaid(&kaspi_status).then_some(Seen::Contradicted { kaspi_status }),
    }
}

fn contradicted(row: &PaymentRow, status: &str) -> Failure {
    let hint = format!(
        "Look in the Kaspi Pay app whether the money is there. If it is: kaspictl payment resolve {0} --paid yes --reason TEXT, then pay it back",
        row.id
    );
    Failure::new(Code::NotRefundable, format!("Kaspi said {status} of this payment after it was paid"))
        .with_payment(row.id)
        .with_bin(&row.organization_bin)
        .with_hint(hint)
}

/// Whether Kaspi can ever tell something new of a payment.
fn may_change(row: &PaymentRow) -> bool {
    match row.state {
        State::Waiting | State::Expired | State::Declined | State::Cancelled | State::Paid => true,
        State::Creating | State::Unknown | State::Abandoned => false,
    }
}

/// Whether a GET asks Kaspi. One that was called over early is as good as new until the customer's time is over.
pub(super) fn worth_a_look(row: &PaymentRow, now: Moment) -> bool {
    match row.state {
        State::Waiting => true,
        State::Expired | State::Declined | State::Cancelled => now.since(row.updated_at.max(deadline(row))) < LATE,
        State::Paid => row.contradiction.is_some(),
        State::Creating | State::Unknown | State::Abandoned => false,
    }
}
