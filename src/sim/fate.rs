//! Where this life of the daemon ends, and what was seen on the way there.
//!
//! Every step between two of which a process can die is told here: each fail point of the daemon, each flush of the
//! disk, each request and answer on the wire, and each moment. A life has one death; at its step the disk loses its
//! power, the bank hears no more and nobody hears the daemon, so that whatever it still does in the same turn of the
//! runtime reaches nobody, as if it had never been done.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::clock;
use crate::failpoint::heard;
use crate::store::tests::disk::Disk;

/// How a life ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Death {
    Never,
    /// At so many steps.
    Step(u64),
    /// The n-th time at this step, or where it has not come to that in [`MOST_STEPS`].
    At(&'static str, u64),
    /// At this age.
    After(Duration),
    /// At this age it is told to stop, and is given the time for it.
    Stop(Duration),
}

/// A life that waits for a step that does not come is over by then.
const MOST_STEPS: u64 = 150;

/// The step that is a moment and nothing else.
pub(super) const MOMENT: &str = "moment";

#[derive(Default)]
struct Fate {
    death: Option<Death>,
    /// Steps of this life.
    steps: u64,
    /// The same by name.
    by_name: BTreeMap<&'static str, u64>,
    died_at: Option<&'static str>,
    bell: Arc<Notify>,
    disk: Option<Disk>,
    /// A promise that was broken.
    broken: Option<String>,
    /// What happened, if somebody wants to read it.
    trace: Option<Vec<String>>,
}

thread_local! {
    static FATE: RefCell<Fate> = RefCell::default();
}

fn with<T>(look: impl FnOnce(&mut Fate) -> T) -> T {
    FATE.with_borrow_mut(look)
}

/// A world begins; with `traced` it writes down what happens.
pub(super) fn begin(traced: bool) {
    with(|fate| *fate = Fate { trace: traced.then(Vec::new), ..Fate::default() });
    heard::by(Some(step));
}

/// A world is over: the promise that was broken, if one was, and what happened.
pub(super) fn end() -> (Option<String>, Vec<String>) {
    heard::by(None);
    let fate = FATE.take();
    (fate.broken, fate.trace.unwrap_or_default())
}

/// A life begins on this disk.
pub(super) fn life_begins(death: Death, disk: &Disk) {
    with(|fate| {
        (fate.death, fate.died_at, fate.steps) = (Some(death), None, 0);
        fate.by_name.clear();
        fate.bell = Arc::default();
        fate.disk = Some(disk.clone());
    });
}

/// Rings when the daemon dies.
pub(super) fn bell() -> Arc<Notify> {
    with(|fate| fate.bell.clone())
}

/// The daemon comes by a step, and may die at it.
pub(super) fn step(name: &'static str) {
    let dies = with(|fate| {
        if fate.died_at.is_some() {
            return false;
        }
        fate.steps += 1;
        let times = fate.by_name.entry(name).or_default();
        *times += 1;
        match fate.death {
            Some(Death::Step(step)) => fate.steps == step,
            Some(Death::At(point, time)) => (point == name && *times == time) || fate.steps == MOST_STEPS,
            Some(Death::Never | Death::After(_) | Death::Stop(_)) | None => false,
        }
    });
    if dies {
        die(name);
    }
}

/// The daemon dies now.
pub(super) fn die(at: &'static str) {
    if died_at().is_some() {
        return;
    }
    note(|| format!("the daemon dies at {at}"));
    with(|fate| {
        fate.died_at = Some(at);
        if let Some(disk) = &fate.disk {
            disk.switch_off();
        }
        fate.bell.notify_one();
    });
}

/// Where the daemon died, if it has.
pub(super) fn died_at() -> Option<&'static str> {
    with(|fate| fate.died_at)
}

pub(super) fn is_dead() -> bool {
    died_at().is_some()
}

/// A promise is broken: the world ends here.
pub(super) fn broken(why: String) {
    note(|| format!("BROKEN: {why}"));
    with(|fate| fate.broken.get_or_insert(why).len());
    die(MOMENT);
}

pub(super) fn is_broken() -> bool {
    with(|fate| fate.broken.is_some())
}

/// Writes down what happens, if somebody wants to read it.
pub(super) fn note(what: impl FnOnce() -> String) {
    if with(|fate| fate.trace.is_some()) {
        let line = format!("{:>12.3} {}", clock::now().as_secs_f64(), what());
        with(|fate| fate.trace.as_mut().map(|trace| trace.push(line)));
    }
}
