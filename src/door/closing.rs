//! How a connection hears that the door closes.

use tokio::sync::watch;

/// Ready when the door closes.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the door is gone altogether.
    let _ = stop.wait_for(|stop| *stop).await;
}
