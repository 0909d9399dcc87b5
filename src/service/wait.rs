//! Waiting for a payment: however many wait, Kaspi is asked as if one did.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Instant, sleep_until};

use super::asked::REMOTE_WAIT;
use super::look::worth_a_look;
use super::{Request, Service};
use crate::failure::Failure;
use crate::id::PaymentId;
use crate::moment::Span;
use crate::store::PaymentRow;

/// A waiter for whom the pace had no turn tries again after this.
const NO_TURN: Duration = Duration::from_millis(250);

impl Service {
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
            crate::chance::select! {
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
            crate::chance::select! {
                () = sleep_until(until.min(Instant::now() + self.due_in(&row).max(NO_TURN))) => {}
                () = change_of(&mut changed, id) => {}
                () = request.presence.over() => return self.row(id),
                () = self.stopped() => return self.row(id),
            }
        }
    }

    /// How long until a waiter looks. One that nothing is due for still looks around once in a while.
    fn due_in(&self, row: &PaymentRow) -> Duration {
        if worth_a_look(row, self.state.ages.now(row)) { self.state.asks.rest(row) } else { REMOTE_WAIT[3] }
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
