//! Named points at the durable boundaries, at which a test build of the daemon can be made to die as in a power
//! cut: `KASPID_FAIL_POINT=create.intended:3` kills the process the third time it comes by. A release build has
//! neither the points nor the variable; a test looks for them in the program.

/// Dies here if a test asked for it.
macro_rules! fail_point {
    ($name:expr) => {
        #[cfg(debug_assertions)]
        $crate::failpoint::reach($name);
    };
}
pub(crate) use fail_point;

#[cfg(debug_assertions)]
pub(crate) fn reach(name: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static ORDER: OnceLock<Option<(String, AtomicU32)>> = OnceLock::new();
    let order = ORDER.get_or_init(|| {
        let order = std::env::var("KASPID_FAIL_POINT").ok()?;
        let (name, times) = order.split_once(':').unwrap_or((&order, "1"));
        Some((name.to_owned(), AtomicU32::new(times.parse().ok()?)))
    });
    let Some((ordered, left)) = order else { return };
    if ordered == name && left.fetch_sub(1, Ordering::Relaxed) == 1 {
        // Not an abort: nothing may be flushed, dumped or unwound.
        let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
    }
}
