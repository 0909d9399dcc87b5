//! A payment as the bank has it.

use std::time::Duration;

use crate::domain::Kind;
use crate::id::QrPaymentId;

/// The bank's time from the first scan to the end.
pub(super) const CONFIRM: Duration = Duration::from_secs(65);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Created,
    Scanned,
    Paid,
    Cancelled,
    /// Nobody can pay it any more; not that nobody ever will, some pay late.
    Failed,
}

/// Money that went back.
#[derive(Clone, Debug)]
pub(super) struct Back {
    pub(super) amount: u64,
    /// The request that did it; none is the cashier in the bank's app.
    pub(super) by: Option<String>,
    /// From when the balance shows it.
    pub(super) shown_at: Duration,
}

/// A payment as the bank has it.
#[derive(Clone, Debug)]
pub(super) struct Bill {
    pub(super) number: u64,
    pub(super) organisation: usize,
    pub(super) kind: Kind,
    pub(super) amount: u64,
    /// The request that made it.
    pub(super) by: String,
    pub(super) phase: Phase,
    pub(super) was_cancelled: bool,
    /// The customer has it in hand whoever hears of the bank's answer.
    pub(super) was_sent_to_phone: bool,
    /// A till has its code to show.
    pub(super) was_shown: bool,
    pub(super) made_at: Duration,
    /// When nobody could pay it any more in the ordinary way, if that came.
    pub(super) over_at: Option<Duration>,
    /// What a status was before the last change of it, and until when the bank may still say so.
    pub(super) stale: (&'static str, Duration),
    pub(super) deadline: Duration,
    pub(super) scanned_at: Duration,
    pub(super) backs: Vec<Back>,
    /// From when nothing of it is late any more.
    pub(super) quiet_at: Duration,
}

impl Bill {
    pub(super) fn is(&self, number: &QrPaymentId) -> bool {
        number.as_str().parse() == Ok(self.number)
    }

    /// What went back, shown or not.
    pub(super) fn returned(&self) -> u64 {
        self.backs.iter().map(|back| back.amount).sum()
    }

    /// What the balance shows now.
    pub(super) fn balance(&self, now: Duration) -> u64 {
        let shown: u64 = self.backs.iter().filter(|back| back.shown_at <= now).map(|back| back.amount).sum();
        self.amount - shown
    }

    pub(super) fn run_out(&mut self, now: Duration) {
        let over = match self.phase {
            Phase::Created => now >= self.deadline,
            Phase::Scanned => now >= self.scanned_at + CONFIRM,
            Phase::Paid | Phase::Cancelled | Phase::Failed => false,
        };
        if over {
            self.end(Phase::Failed, now);
        }
    }

    /// Nobody can pay it any more, except late.
    pub(super) fn end(&mut self, phase: Phase, now: Duration) {
        self.phase = phase;
        self.over_at.get_or_insert(now);
    }

    /// Whether the customer had it before him.
    pub(super) fn was_seen(&self) -> bool {
        self.was_sent_to_phone || self.was_shown
    }

    /// Whether a customer could pay both this one and a later one. Who was told that one is over may be billed anew.
    pub(super) fn stood_beside(&self, later: &Self) -> bool {
        self.amount == later.amount && self.over_at.is_none_or(|over| over > later.made_at)
    }

    pub(super) fn status(&self) -> &'static str {
        match (self.phase, self.kind) {
            (Phase::Created, Kind::Remote) => "RemotePaymentCreated",
            (Phase::Created, Kind::Link | Kind::Qr) => "QrTokenCreated",
            (Phase::Scanned, _) => "Wait",
            (Phase::Paid, _) => "Processed",
            (Phase::Cancelled, _) => "RemotePaymentCanceled",
            (Phase::Failed, _) => "Error",
        }
    }
}
