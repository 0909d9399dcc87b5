//! Named points at the durable boundaries, at which a test build of the daemon can be made to die as in a power
//! cut: `KASPID_FAIL_POINT=create.intended:3` kills the process the third time it comes by. A release build has
//! neither the points nor the variable; a test looks for them in the program. A simulation hears of each point in
//! its own thread instead.

/// Dies here if a test asked for it.
macro_rules! fail_point {
    ($name:expr) => {
        #[cfg(any(debug_assertions, test))]
        $crate::failpoint::reach($name);
    };
}
pub(crate) use fail_point;

#[cfg(any(debug_assertions, test))]
pub(crate) fn reach(name: &'static str) {
    #[cfg(test)]
    heard::tell(name);
    #[cfg(debug_assertions)]
    die(name);
}

#[cfg(debug_assertions)]
fn die(name: &'static str) {
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

/// Who hears of the points that this thread comes by.
#[cfg(test)]
pub(crate) mod heard {
    use std::cell::Cell;

    thread_local! {
        static LISTENER: Cell<Option<fn(&'static str)>> = const { Cell::new(None) };
    }

    /// From now on this hears of each point; `None` ends it.
    pub(crate) fn by(listener: Option<fn(&'static str)>) {
        LISTENER.set(listener);
    }

    pub(super) fn tell(name: &'static str) {
        if let Some(listener) = LISTENER.get() {
            listener(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_listener_hears_of_the_points_of_its_thread() {
        thread_local! { static HEARD: Cell<usize> = const { Cell::new(0) }; }
        heard::by(Some(|name| HEARD.set(HEARD.get() + name.len())));
        reach("a point");
        heard::by(None);
        reach("another");
        assert_eq!(HEARD.get(), "a point".len());
    }
}
