//! What the follower is told, by the commits that change payments and by its own looks.

use tokio::sync::mpsc;

use crate::id::PaymentId;

/// What the follower is told of a payment.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) enum Sign {
    /// It may need another plan.
    Changed(PaymentId),
    /// It is to be looked at now.
    Due(PaymentId),
    /// The look at it is over.
    Ended(PaymentId, LookEnd),
    /// A look goes on elsewhere, and its place is free.
    Moved,
}

/// How a look has ended.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::service) struct LookEnd {
    /// Kaspi could be asked.
    pub(in crate::service) is_asked: bool,
    /// It took long.
    pub(in crate::service) is_slow: bool,
    /// It took so long that it was given up: there was no other place for it.
    pub(in crate::service) is_given_up: bool,
}

/// The way to the follower. Telling it never waits.
#[derive(Clone)]
pub(in crate::service) struct Signs(mpsc::UnboundedSender<Sign>);

impl Signs {
    /// A way, and the follower's end of it.
    pub(in crate::service) fn new() -> (Self, mpsc::UnboundedReceiver<Sign>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub(in crate::service) fn tell(&self, sign: Sign) {
        // The receiver is gone only when the daemon stops.
        let _ = self.0.send(sign);
    }
}
