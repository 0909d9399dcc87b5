//! What the schedule of looks at trade points is told by those who make calls.

use tokio::sync::mpsc;

use crate::id::OrganizationBin;

/// What the schedule should know.
pub(in crate::service) enum Wake {
    /// A call was told that a trade point is off, or could not be made before a look has settled the dialect: it is
    /// looked at soon, not suspended for it.
    Suspected(OrganizationBin),
    /// This config was set up or changed.
    Planned(OrganizationBin),
    /// Any config may have changed in a way that wants a look now.
    Changed,
}

/// The way to the schedule. Telling it never waits.
#[derive(Clone)]
pub(in crate::service) struct Wakes(mpsc::UnboundedSender<Wake>);

impl Wakes {
    /// A way, and the schedule's end of it.
    pub(in crate::service) fn new() -> (Self, mpsc::UnboundedReceiver<Wake>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub(in crate::service) fn tell(&self, wake: Wake) {
        // The receiver is gone only when the daemon stops.
        let _ = self.0.send(wake);
    }

    /// A call was told that a trade point is off.
    pub(in crate::service) fn suspect(&self, bin: &OrganizationBin) {
        self.tell(Wake::Suspected(bin.clone()));
    }
}
