//! Long answers are put into bytes where they hold up nobody: a page of a thousand rows takes milliseconds, and the threads
//! that answer tills are few.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Long answers written at one time, of all connections together: no more than a small till has processors, so that the
/// threads that answer others always find theirs.
const AT_ONCE: usize = 2;

/// The places of those who write long answers.
#[derive(Clone, Debug)]
pub(super) struct Scribes(Arc<Semaphore>);

impl Scribes {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    /// Runs `write` in its turn, on a thread that nobody waits for. It is dropped where the runtime is ending.
    pub(super) async fn write(&self, write: impl FnOnce() + Send + 'static) {
        // Never closed; without a place it would only be slower for others.
        let _place = self.0.acquire().await.ok();
        let _ = tokio::task::spawn_blocking(write).await;
    }
}
