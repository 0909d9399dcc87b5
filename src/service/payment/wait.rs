//! Waiting for a payment: however many wait, Kaspi is asked as if one did.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};
use tokio::time::{Instant, sleep_until};

use super::asked::REMOTE_WAIT;
use super::rows::PaymentRows;
use super::status::{For, Statuses, worth_a_look};
use crate::failure::Failure;
use crate::id::PaymentId;
use crate::moment::Span;
use crate::service::Context;
use crate::service::stop::Stopping;
use crate::store::PaymentRow;

/// The longest wait that is taken (architecture §7, limits).
pub(in crate::service) const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// A waiter for whom the rate had no turn tries again after this.
const NO_TURN: Duration = Duration::from_millis(250);

/// The refusal of a longer one.
pub(in crate::service) fn too_long() -> Failure {
    Failure::invalid("wait is at most 10m; ask again to wait longer")
}

/// Waits for payments; touches nothing, and asks as [`Statuses`] does.
pub(in crate::service) struct Waits {
    payments: PaymentRows,
    statuses: Arc<Statuses>,
    stop: Stopping,
    /// Sent the id of each payment that changed. By the commit, and by nothing else.
    changed: Sender<PaymentId>,
}

impl Waits {
    pub(in crate::service) fn new(
        payments: PaymentRows,
        statuses: Arc<Statuses>,
        stop: Stopping,
        changed: Sender<PaymentId>,
    ) -> Self {
        Self { payments, statuses, stop, changed }
    }

    /// Waits until a payment is final or `span` has passed; what is known then is the answer. However many wait,
    /// they share the follower's and each other's reads, and a read goes on when whoever began it stops waiting: with
    /// waits shorter than the bank takes, none would ever end. A caller who hangs up waits no more: for its invoice
    /// Kaspi would be asked every 15 s in nobody's name.
    pub(in crate::service) async fn wait(
        &self,
        context: &Context,
        id: PaymentId,
        span: Span,
    ) -> Result<PaymentRow, Failure> {
        let until = Instant::now() + span.duration();
        let mut changed = self.changed.subscribe();
        loop {
            let (statuses, settings) = (self.statuses.clone(), Arc::clone(&context.settings));
            let look = tokio::spawn(async move { statuses.seen(&settings, id, For::Caller).await });
            crate::chance::select! {
                // One that panicked has said so in the journal.
                looked = look => drop(looked.ok().transpose()?),
                // The bank is slower than the caller has time.
                () = sleep_until(until) => return self.payments.row(id),
                () = context.presence.over() => return self.payments.row(id),
                () = self.stop.begun() => return self.payments.row(id),
            }
            let row = self.payments.row(id)?;
            if !row.is_open() || Instant::now() >= until {
                return Ok(row);
            }
            crate::chance::select! {
                () = sleep_until(until.min(Instant::now() + self.due_in(&row).max(NO_TURN))) => {}
                () = change_of(&mut changed, id) => {}
                () = context.presence.over() => return self.payments.row(id),
                () = self.stop.begun() => return self.payments.row(id),
            }
        }
    }

    /// How long until a waiter looks. One that nothing is due for still looks around once in a while.
    fn due_in(&self, row: &PaymentRow) -> Duration {
        if worth_a_look(row, self.statuses.ages.now(row)) { self.statuses.asks.rest(row) } else { REMOTE_WAIT[3] }
    }
}

async fn change_of(changed: &mut Receiver<PaymentId>, id: PaymentId) {
    loop {
        match changed.recv().await {
            Ok(other) if other != id => {}
            // Having missed some is as good as a change: the waiter looks for itself.
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}
