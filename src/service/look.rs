//! Looking at a payment at Kaspi: in whose name, at most how often, and what is kept of it. Failing to ask is not
//! failing to pay, and only a status we know closes a payment.

use std::time::Duration;

use tracing::debug;

use super::asked::Known;
use super::bank::of_our_bank;
use super::life::{Clocks, deadline, is_unpaid, state_of};
use super::ownership::ReadNow;
use super::{Service, Settings, trouble};
use crate::domain::{PaidAtSource, State};
use crate::failure::{Code, Failure, Money};
use crate::id::PaymentId;
use crate::kaspi::{Ask, Refusal, RefusalKind, StatusRead, Trouble};
use crate::moment::{Moment, since_boot};
use crate::store::{Change, PROCESSED, PaymentRow, Seen};

/// A payment called over is asked about once more on a GET for this long.
const LATE: Duration = Duration::from_secs(48 * 3600);

/// In whose name a look is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looker {
    /// Somebody at the door. Without a turn of the pace, and right after a call that failed, what is known is the
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

impl Service {
    /// Asks Kaspi about a payment unless what is known is younger than the interval.
    ///
    /// # Errors
    /// Why Kaspi could not be asked, now or a moment ago.
    pub(super) async fn asked(&self, settings: &Settings, id: PaymentId) -> Result<(), Failure> {
        self.look(settings, id, Looker::Report).await.map(drop)
    }

    /// A payment as it stands now: asks Kaspi unless what is known is younger than the interval, or nobody's turn of
    /// the pace is near. Trouble is not an error here: the answer is then what was known.
    pub(super) async fn looked(&self, settings: &Settings, id: PaymentId) -> Result<PaymentRow, Failure> {
        let looked = self.look(settings, id, Looker::Caller).await;
        self.or_known(id, looked)
    }

    /// The same without a turn of the pace, where money is decided.
    pub(super) async fn looked_at_once(&self, settings: &Settings, id: PaymentId) -> Result<PaymentRow, Failure> {
        let looked = self.look(settings, id, Looker::Money).await;
        self.or_known(id, looked)
    }

    fn or_known(&self, id: PaymentId, looked: Result<PaymentRow, Failure>) -> Result<PaymentRow, Failure> {
        looked.or_else(|failure| {
            debug!(payment = %id, code = failure.code.word(), "could not ask about a payment");
            self.row(id)
        })
    }

    /// The same for the follower: it has its turn, asks however late it is, and again if Kaspi could not be asked.
    pub(super) async fn look_when_due(&self, settings: &Settings, id: PaymentId) -> Result<PaymentRow, Failure> {
        self.look(settings, id, Looker::Follower).await
    }

    /// A paid payment that Kaspi still calls paid, for a call that would pay it back. What Kaspi calls something else
    /// is not paid back before Kaspi or a person has ended that.
    ///
    /// # Errors
    /// `not_refundable` for one that Kaspi calls something else; `kaspi_unavailable` if nobody could be asked. Nothing
    /// has moved.
    pub(super) async fn still_paid(&self, settings: &Settings, row: &PaymentRow) -> Result<PaymentRow, Failure> {
        let row = match self.look(settings, row.id, Looker::Refund).await {
            Ok(row) => row,
            // Not knowing it is no other status.
            Err(failure) if failure.code == Code::NotFound => self.row(row.id)?,
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

    async fn look(&self, settings: &Settings, id: PaymentId, looker: Looker) -> Result<PaymentRow, Failure> {
        let came = since_boot();
        if looker == Looker::Report && self.state.asks.known(&self.row(id)?, came) == Known::Nothing {
            self.state.pace.own_turn(|| self.live.get().config.follow.rate).await;
        }
        let _turn = self.state.looks.lock(id).await;
        let row = self.row(id)?;
        if !self.is_worth(&row, looker) {
            return self.buried(row).await;
        }
        match (self.state.asks.known(&row, came), looker) {
            (Known::Answered, _) | (Known::Failed | Known::FailedLately, Looker::Caller) => return Ok(row),
            (Known::Failed, _) | (Known::FailedLately, Looker::Follower | Looker::Report) => {
                return Err(Failure::new(Code::KaspiUnavailable, "Kaspi was asked a moment ago and did not answer"));
            }
            (Known::FailedLately, Looker::Money | Looker::Refund) | (Known::Nothing, _) => {}
        }
        if looker == Looker::Caller && !self.state.pace.callers_turn(settings.config.follow.rate).await {
            return Ok(row);
        }
        self.read_status(settings, &row).await
    }

    fn is_worth(&self, row: &PaymentRow, looker: Looker) -> bool {
        match looker {
            Looker::Caller | Looker::Report | Looker::Money => worth_a_look(row, self.state.ages.now(row)),
            Looker::Follower | Looker::Refund => may_change(row),
        }
    }

    /// Asks Kaspi now, whatever is known, and keeps what is new.
    pub(super) async fn read_status(&self, settings: &Settings, row: &PaymentRow) -> Result<PaymentRow, Failure> {
        self.status_now(settings, row).await.map(|(_, row)| row)
    }

    /// The same with Kaspi's word, which of a payment that is over need not be kept; none without a number to ask by.
    pub(super) async fn status_now(
        &self,
        settings: &Settings,
        row: &PaymentRow,
    ) -> Result<(Option<String>, PaymentRow), Failure> {
        of_our_bank(settings, row)?;
        let Some(payment) = row.at_bank() else { return Ok((None, row.clone())) };
        let kaspi = settings.kaspi()?;
        self.state.asks.begin(row.id);
        let read = kaspi.status(&Ask::fresh(settings.config.kaspi.timeout), &payment).await;
        self.state.asks.end(row.id, is_answer(&read));
        let read = read.map_err(|trouble| trouble::failure(&trouble).with_payment(row.id))?;
        if let Some(bank) = read.date {
            self.state.ages.put_right(row, bank);
        }
        let newly_paid = row.state != State::Paid && read.status == PROCESSED;
        let details = if newly_paid { self.details_of_paid(settings, row).await } else { None };
        let said = read.status.clone();
        self.keep_status(row.id, read, details).await?;
        Ok((Some(said), self.row(row.id)?))
    }

    /// Keeps what a status makes of a payment as it stands in the transaction, if that is new; `details` were read with
    /// it.
    async fn keep_status(&self, id: PaymentId, read: StatusRead, details: Option<ReadNow>) -> Result<(), Failure> {
        let service = self.clone();
        let kept = self.store.write(move |writing| {
            let Some(row) = writing.payment(id)? else { return Err(Failure::not_found("the payment is gone").into()) };
            let clocks = service.state.ages.clocks(&row, read.date);
            let seen = sight(read, &row, clocks, (details, writing.now));
            if let Some(seen) = seen.and_then(|seen| row.made_of(seen)) {
                writing.append(None, Change::Seen { payment: id, seen })?;
            }
            Ok(())
        });
        kept.await
    }

    /// A link or QR whose create was lost and which nobody saw is over once its life is.
    async fn buried(&self, row: PaymentRow) -> Result<PaymentRow, Failure> {
        let dead = row.state == State::Unknown && row.expires_at.is_some_and(|at| self.state.ages.now(&row) >= at);
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
        self.row(id)
    }
}

/// Whether Kaspi has said where the payment stands, or that it does not know it.
fn is_answer(read: &Result<StatusRead, Trouble>) -> bool {
    matches!(read, Ok(_) | Err(Trouble::Refused(Refusal { kind: RefusalKind::PaymentNotFound, .. })))
}

/// What a status, and the details that were read with it, make of a payment.
fn sight(
    read: StatusRead,
    row: &PaymentRow,
    clocks: Clocks,
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
