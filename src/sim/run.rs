//! Many worlds on every processor, and what they came to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::world::{self, Came};

/// So many broken worlds are told of; then the run ends.
const MOST_BROKEN: usize = 5;

/// What a run came to.
#[derive(Default)]
pub(super) struct Figures {
    pub(super) worlds: u64,
    pub(super) lives: u64,
    pub(super) payments: u64,
    pub(super) refunds: u64,
    /// By step.
    pub(super) kills: BTreeMap<&'static str, u64>,
    /// By seed.
    pub(super) broken: BTreeMap<u64, String>,
    pub(super) took: Duration,
}

impl Figures {
    pub(super) fn kills(&self) -> u64 {
        self.kills.values().sum()
    }

    fn add(&mut self, seed: u64, came: Came) {
        self.worlds += 1;
        self.lives += came.lives;
        self.payments += came.payments;
        self.refunds += came.refunds;
        for (step, count) in came.deaths {
            *self.kills.entry(step).or_default() += count;
        }
        self.broken.extend(came.broken.map(|why| (seed, why)));
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let a_second = |count: u64| count as f64 / self.took.as_secs_f64();
        writeln!(
            f,
            "simulation: {} worlds, {} lives of the daemon ({:.0}/s), {} kills ({:.0}/s), {} payments, {} refunds, {:.1?}",
            self.worlds,
            self.lives,
            a_second(self.lives),
            self.kills(),
            a_second(self.kills()),
            self.payments,
            self.refunds,
            self.took
        )?;
        for (step, count) in &self.kills {
            writeln!(f, "simulation:   {count:>8} kills at {step}")?;
        }
        for (seed, why) in &self.broken {
            writeln!(f, "simulation: BROKEN by KASPID_SIM_SEED={seed}: {why}")?;
        }
        Ok(())
    }
}

/// Worlds from this seed on, until the daemon has died so often.
pub(super) fn until(kills: u64, from: u64) -> Figures {
    let (next, is_over, figures) = (AtomicU64::new(from), AtomicBool::new(false), Mutex::new(Figures::default()));
    let began = Instant::now();
    let work = || {
        while !is_over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let came = world::live(seed, false);
            let mut figures = figures.lock().unwrap();
            figures.add(seed, came);
            if figures.kills() >= kills || figures.broken.len() >= MOST_BROKEN {
                is_over.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    Figures { took: began.elapsed(), ..figures.into_inner().unwrap() }
}

/// One world once more, with what happened in it.
pub(super) fn again(seed: u64) -> (Option<String>, String) {
    let came = world::live(seed, true);
    let mut story = String::new();
    for line in &came.trace {
        let _ = writeln!(story, "{line}");
    }
    (came.broken, story)
}
