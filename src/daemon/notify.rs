//! What systemd is told. Without NOTIFY_SOCKET nothing is.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::door::Pulse;
use crate::service::Service;

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "systemd could not be told");
    }
}

/// Recovered, listening.
pub(super) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("taking payments")]);
}

/// One line in `systemctl status`.
pub(super) fn status(text: &str) {
    tell(&[NotifyState::Status(text)]);
}

/// Draining.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing running calls")]);
}

/// Feeds the watchdog, if the unit has one, only while the accept loop is alive and the writer answers a round
/// trip through its queue.
pub(super) fn watchdog(pulse: Pulse, service: Service) -> Option<JoinHandle<()>> {
    let every = sd_notify::watchdog_enabled()? / 2;
    Some(tokio::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            if alive(&pulse, &service, every).await {
                tell(&[NotifyState::Watchdog]);
            }
        }
    }))
}

async fn alive(pulse: &Pulse, service: &Service, within: Duration) -> bool {
    let beat = async { pulse.beat().await && service.writer_answers().await };
    tokio::time::timeout(within, beat).await.unwrap_or(false)
}
