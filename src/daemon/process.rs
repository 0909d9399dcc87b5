//! What this process shows of itself: no core file and no memory for other processes of its user, for the key and the
//! tokens are in it.

use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};

/// Before the first secret is read. A machine that refuses is told of and served all the same.
pub(crate) fn hide_memory() {
    let hidden = set_dumpable(false).and_then(|()| setrlimit(Resource::RLIMIT_CORE, 0, 0));
    if let Err(error) = hidden {
        tracing::warn!("this process could not be made undumpable: {error}");
    }
}
