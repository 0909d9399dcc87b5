//! Looking at a payment at Kaspi: when, at most how often, and what its status makes of it. Failing to ask is not
//! failing to pay, and only a status we know closes a payment.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::bank::of_our_bank;
use super::follow::{Sign, deadline};
use super::ownership::ReadNow;
use super::{Request, Service, Settings};
use crate::id::PaymentId;
use crate::kaspi::{Ask, StatusRead};
use crate::moment::{Moment, Span};
use crate::operation::{Code, Failure, Kind, PaidAtSource, State};
use crate::store::{Change, DetailsRead, PROCESSED, PaymentRow, Seen};

/// Between two status reads of a link or QR where the reply named no usable interval (kaspi-api §3.3).
const POLL: Duration = Duration::from_secs(5);

/// Waiting for a remote invoice: the manual forbids interval polling, so a waiter asks at 3, 8 and 15 seconds and
/// then every 15 (our reading, design §6.6).
const REMOTE_WAIT: [Duration; 4] =
    [Duration::from_secs(3), Duration::from_secs(5), Duration::from_secs(7), Duration::from_secs(15)];

/// The bank's time from the first `Wait` to the automatic cancel, where the reply named none (kaspi-api §3.3).
const CONFIRM_MS: u64 = 65_000;

/// After this long without an ask the count of asks begins anew: another cashier, another look.
const FORGET: Duration = Duration::from_secs(60);

/// A payment called over is asked about once more on a GET for this long.
const LATE: Duration = Duration::from_secs(48 * 3600);

/// A waiter for whom the pace had no turn tries again after this.
const NO_TURN: Duration = Duration::from_millis(250);

/// After a deadline the bank's clock may still run; the payment is not called expired by silence before.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// How Kaspi was lately asked about a payment.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    last: Instant,
    /// How often since somebody began to look.
    asks: usize,
    /// When the last one was over, unless it still runs.
    ended: Option<Instant>,
    /// The last one was answered.
    is_answered: bool,
}

/// In whose name a look is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looker {
    /// Somebody at the door.
    Caller,
    /// A call that decides money.
    Money,
    /// The daemon itself.
    Follower,
}

impl Service {
    /// Asks Kaspi about a payment unless what is known is younger than the interval.
    ///
    /// # Errors
    /// Why Kaspi could not be asked, now or a moment ago.
    pub(super) async fn asked(&self, settings: &Settings, id: PaymentId) -> Result<(), Failure> {
        let came = Instant::now();
        if !self.is_known(&self.row(id)?, came) {
            self.state.pace.own_turn(settings.config.read_rate).await;
        }
        let _turn = self.state.looks.lock(id).await;
        let row = self.row(id)?;
        if !worth_a_look(&row, self.state.ages.now(&row)) {
            return Ok(());
        }
        match self.is_known(&row, came) {
            true => self.was_answered(id),
            false => self.read_status(settings, &row).await.map(drop),
        }
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

    async fn look(&self, settings: &Settings, id: PaymentId, looker: Looker) -> Result<PaymentRow, Failure> {
        let came = Instant::now();
        let _turn = self.state.looks.lock(id).await;
        let row = self.row(id)?;
        let is_worth = match looker {
            Looker::Follower => may_change(&row),
            Looker::Caller | Looker::Money => worth_a_look(&row, self.state.ages.now(&row)),
        };
        if !is_worth {
            return self.buried(row).await;
        }
        if self.is_known(&row, came) {
            return match looker {
                Looker::Follower => self.was_answered(id).map(|()| row),
                Looker::Caller | Looker::Money => Ok(row),
            };
        }
        if looker == Looker::Caller && !self.state.pace.callers_turn(settings.config.read_rate).await {
            return Ok(row);
        }
        self.read_status(settings, &row).await
    }

    /// Asks Kaspi now, whatever is known, and keeps what is new.
    pub(super) async fn read_status(&self, settings: &Settings, row: &PaymentRow) -> Result<PaymentRow, Failure> {
        of_our_bank(settings, row)?;
        let Some(payment) = row.at_bank() else { return Ok(row.clone()) };
        self.asked_now(row.id);
        let ask = Ask::fresh(settings.config.kaspi.timeout);
        let read = settings.kaspi()?.status(&ask, &payment).await;
        self.ask_ended(row.id, read.is_ok());
        let read = read.map_err(|trouble| super::trouble::failure(&trouble).with_payment(row.id))?;
        let newly_paid = row.state != State::Paid && read.status == PROCESSED;
        let details = if newly_paid { self.details_of_paid(settings, row).await } else { None };
        self.keep_status(row.id, read, details).await?;
        self.row(row.id)
    }

    /// Keeps what a status makes of a payment as it stands in the transaction, if that is new; `details` were read with
    /// it.
    async fn keep_status(&self, id: PaymentId, read: StatusRead, details: Option<ReadNow>) -> Result<(), Failure> {
        let service = self.clone();
        let kept = self.store.write(move |writing| {
            let Some(row) = writing.payment(id)? else { return Err(Failure::not_found("the payment is gone").into()) };
            let StatusRead { status, amount: total, .. } = read;
            let state = state_of(&status, &row, service.state.ages.now(&row));
            let seen = match (row.state, state) {
                (State::Paid, State::Paid) => total.map(|total| Seen::Details(DetailsRead::Total(total))),
                (State::Paid, _) => Some(Seen::Contradicted { kaspi_status: status }),
                (before, _) if before == state && !row.is_open() => None,
                _ => {
                    let date = details.as_ref().and_then(|now| now.details?.transaction_date);
                    let seen = (writing.now, PaidAtSource::Seen);
                    let paid_at = (state == State::Paid).then(|| date.map_or(seen, |at| (at, PaidAtSource::Bank)));
                    let details = details.map(|now| now.read);
                    Some(Seen::Status { kaspi_status: status, state, paid_at, total, details })
                }
            };
            let Some(seen) = seen.and_then(|seen| row.made_of(seen)) else { return Ok(false) };
            writing.append(None, Change::Seen { payment: id, seen })?;
            Ok(true)
        });
        if kept.await? {
            self.announce(id);
        }
        Ok(())
    }

    /// Keeps something seen of a payment and wakes who waits for it.
    pub(super) async fn keep_seen(&self, payment: PaymentId, seen: Seen) -> Result<(), Failure> {
        self.store
            .write(move |writing| {
                writing.append(None, Change::Seen { payment, seen })?;
                Ok(())
            })
            .await?;
        self.announce(payment);
        Ok(())
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
            let unknown = writing.payment(id)?.is_some_and(|row| row.state == State::Unknown);
            if unknown {
                writing.append(None, Change::Seen { payment: id, seen: Seen::Dead })?;
            }
            Ok(unknown)
        });
        if kept.await? {
            self.announce(id);
        }
        self.row(id)
    }

    /// Waits until a payment is final or `span` has passed; what is known then is the answer. However many wait,
    /// they share the follower's and each other's reads, and a read goes on when whoever began it stops waiting: with
    /// waits shorter than the bank takes, none would ever end. A caller who hangs up waits no more: for its invoice
    /// Kaspi would be asked every 15 s in nobody's name.
    pub(super) async fn wait(&self, request: &Request, id: PaymentId, span: Span) -> Result<PaymentRow, Failure> {
        let until = Instant::now() + span.duration();
        let mut changed = self.state.changed.subscribe();
        loop {
            let (service, settings) = (self.clone(), Arc::clone(&request.settings));
            let look = tokio::spawn(async move { service.looked(&settings, id).await });
            tokio::select! {
                // One that panicked has said so in the journal.
                looked = look => drop(looked.ok().transpose()?),
                // The bank is slower than the caller has time.
                () = sleep_until(until) => return self.row(id),
                () = request.presence.over() => return self.row(id),
                () = self.stopped() => return self.row(id),
            }
            let row = self.row(id)?;
            if !row.is_open() || Instant::now() >= until {
                return Ok(row);
            }
            tokio::select! {
                () = sleep_until(until.min(Instant::now() + self.due_in(&row).max(NO_TURN))) => {}
                () = change_of(&mut changed, id) => {}
                () = request.presence.over() => return self.row(id),
                () = self.stopped() => return self.row(id),
            }
        }
    }

    /// Tells waiters and the follower that a payment changed.
    pub(super) fn announce(&self, id: PaymentId) {
        // Without a waiter, or after the follower has ended, there is nobody to tell.
        let _ = self.state.changed.send(id);
        let _ = self.state.followed.send(Sign::Changed(id));
    }

    /// Whether what is known answers somebody who came then: it is fresh, or an ask has ended since, however slowly.
    fn is_known(&self, row: &PaymentRow, came: Instant) -> bool {
        let asked = self.last_ask(row.id);
        asked.is_some_and(|asked| asked.ended.is_some_and(|ended| ended >= came)) || !self.fresh_for(row).is_zero()
    }

    /// The last ask was answered.
    fn was_answered(&self, id: PaymentId) -> Result<(), Failure> {
        match self.last_ask(id) {
            Some(Asked { is_answered: false, .. }) => {
                Err(Failure::new(Code::KaspiUnavailable, "Kaspi was asked a moment ago and did not answer"))
            }
            _ => Ok(()),
        }
    }

    fn last_ask(&self, id: PaymentId) -> Option<Asked> {
        self.state.asked.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    /// How long a read is still fresh: until then it is the answer.
    pub(super) fn fresh_for(&self, row: &PaymentRow) -> Duration {
        let asked = self.last_ask(row.id);
        asked.map(|asked| interval(row, asked.asks).saturating_sub(asked.last.elapsed())).unwrap_or_default()
    }

    /// How long until a waiter looks. One that nothing is due for still looks around once in a while.
    fn due_in(&self, row: &PaymentRow) -> Duration {
        if worth_a_look(row, self.state.ages.now(row)) { self.fresh_for(row) } else { REMOTE_WAIT[3] }
    }

    pub(super) fn asked_now(&self, id: PaymentId) {
        let mut asked = self.state.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= 4096 {
            asked.retain(|_, asked| asked.last.elapsed() < FORGET);
        }
        let lately = asked.get(&id).filter(|asked| asked.last.elapsed() < FORGET).map_or(0, |asked| asked.asks);
        asked.insert(id, Asked { last: Instant::now(), asks: lately + 1, ended: None, is_answered: false });
    }

    /// The last ask is over; a create is as good as one.
    pub(super) fn ask_ended(&self, id: PaymentId, is_answered: bool) {
        let mut asked = self.state.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = asked.get_mut(&id) {
            (asked.ended, asked.is_answered) = (Some(Instant::now()), is_answered);
        }
    }
}

async fn change_of(changed: &mut tokio::sync::broadcast::Receiver<PaymentId>, id: PaymentId) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match changed.recv().await {
            Ok(other) if other != id => {}
            // Having missed some is as good as a change: the waiter looks for itself.
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// Whether Kaspi can ever tell something new of a payment.
fn may_change(row: &PaymentRow) -> bool {
    matches!(row.state, State::Waiting | State::Expired | State::Declined | State::Cancelled)
}

/// Whether a GET asks Kaspi. One that was called over early is as good as new until the
/// customer's time is over.
fn worth_a_look(row: &PaymentRow, now: Moment) -> bool {
    match row.state {
        State::Waiting => true,
        State::Expired | State::Declined | State::Cancelled => now.since(row.updated_at.max(deadline(row))) < LATE,
        State::Creating | State::Paid | State::Unknown | State::Abandoned => false,
    }
}

/// A read younger than this is answered from memory; `asks` have been made since somebody began to wait.
fn interval(row: &PaymentRow, asks: usize) -> Duration {
    match row.kind {
        Kind::Remote => REMOTE_WAIT.get(asks.saturating_sub(1)).copied().unwrap_or(REMOTE_WAIT[3]),
        Kind::Link | Kind::Qr => polling(row),
    }
}

/// The reply's interval, if it is between one second and a minute.
pub(super) fn polling(row: &PaymentRow) -> Duration {
    let named = row.poll_every_ms.map(Duration::from_millis);
    named.filter(|every| (Duration::from_secs(1)..=Duration::from_secs(60)).contains(every)).unwrap_or(POLL)
}

/// The customer's time from the first `Wait` on.
fn confirm_within(row: &PaymentRow) -> Duration {
    Duration::from_millis(row.confirm_ms.unwrap_or(CONFIRM_MS))
}

/// Until when a status may change at any moment. Who has scanned a code in time may confirm after it is dead.
pub(super) fn lively_until(row: &PaymentRow) -> Moment {
    let is_scanned = row.kind != Kind::Remote && row.kaspi_status.as_deref() == Some("Wait");
    let confirm = if is_scanned { confirm_within(row) } else { Duration::ZERO };
    deadline(row).after(confirm + GRACE)
}

/// What a status makes of a payment (kaspi-api §3.1). One we do not know changes nothing.
pub(super) fn state_of(status: &str, row: &PaymentRow, now: Moment) -> State {
    let past = |extra: Duration| row.expires_at.is_some_and(|at| now >= at.after(extra));
    match status {
        PROCESSED => State::Paid,
        // Only being paid follows a final state; what we called it when we first saw its end stays.
        _ if !row.is_open() => row.state,
        "RemotePaymentCanceled" => State::Cancelled,
        "Error" if past(Duration::ZERO) => State::Expired,
        "Error" => State::Declined,
        // The token or invoice is dead, and Kaspi has just said that nobody paid it.
        "QrTokenCreated" | "RemotePaymentCreated" if past(GRACE) => State::Expired,
        "Wait" if past(confirm_within(row) + GRACE) && row.kind != Kind::Remote => State::Expired,
        "QrTokenCreated" | "RemotePaymentCreated" | "Wait" => State::Waiting,
        _ => row.state,
    }
}

/// Whether a status is one we know (kaspi-api §3.1): only such a one closes a payment.
pub(super) fn is_known(status: &str) -> bool {
    matches!(status, PROCESSED | "RemotePaymentCanceled" | "Error" | "QrTokenCreated" | "RemotePaymentCreated" | "Wait")
}
