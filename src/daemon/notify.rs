//! What systemd is told. Without NOTIFY_SOCKET nothing is.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::door::Pulse;
use crate::service::Service;

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!("systemd could not be told: {error}");
    }
}

/// Between two words to systemd while the state is opened.
const OPENING: Duration = Duration::from_secs(20);

/// Opens the state. A long repair or migration is no hung start: killed for its time, it would only begin anew.
pub(super) fn while_opening<T>(open: impl FnOnce() -> T) -> T {
    let (opening, opened) = mpsc::channel::<()>();
    let until = u32::try_from((OPENING * 3).as_micros()).unwrap_or(u32::MAX);
    let keep_telling = move || {
        loop {
            tell(&[NotifyState::ExtendTimeoutUsec(until), NotifyState::Status("opening the state")]);
            if opened.recv_timeout(OPENING) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let teller = std::thread::Builder::new().name("opening".to_owned()).spawn_scoped(scope, keep_telling);
        if let Err(error) = teller {
            warn!("systemd is not told while the state is opened: {error}");
        }
        let value = open();
        drop(opening);
        value
    })
}

/// Recovered, listening.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// A receiver that does not read makes the sender wait, and no till waits with it.
async fn aside(tell: impl FnOnce() + Send + 'static) {
    if let Err(error) = tokio::task::spawn_blocking(tell).await {
        warn!("systemd could not be told: {error}");
    }
}

/// Between two looks at how the shop stands.
const LOOK: Duration = Duration::from_secs(30);

/// How the shop stands, in `systemctl status`; nothing where nobody is told.
pub(super) fn standing(service: Service) -> Option<JoinHandle<()>> {
    std::env::var_os("NOTIFY_SOCKET")?;
    Some(tokio::spawn(async move {
        let mut told = String::new();
        loop {
            let line = service.in_a_line().await;
            let line = line.unwrap_or_else(|failure| format!("the state cannot be read: {}", failure.detail));
            if line != told {
                told.clone_from(&line);
                status(line).await;
            }
            tokio::time::sleep(LOOK).await;
        }
    }))
}

/// One line in `systemctl status`.
pub(super) async fn status(text: String) {
    aside(move || tell(&[NotifyState::Status(&text)])).await;
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
                aside(|| tell(&[NotifyState::Watchdog])).await;
            }
        }
    }))
}

async fn alive(pulse: &Pulse, service: &Service, within: Duration) -> bool {
    let beat = async { pulse.beat().await && service.writer_answers().await };
    tokio::time::timeout(within, beat).await.unwrap_or(false)
}
