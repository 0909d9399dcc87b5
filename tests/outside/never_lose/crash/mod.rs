//! Promise 1 by force: the daemon is killed at every durable boundary and at random instants, while tills work and
//! repeat themselves as tills do, at a bank that loses answers and counts what really happened.
//!
//! `cargo test` kills it a few hundred times. The long run:
//! `KASPID_CRASH_KILLS=2000 cargo test --test outside crash -- --nocapture`. `KASPID_CRASH_SEED` repeats the choices
//! of a run, though not the moments: those are the scheduler's.

mod books;
mod till;
mod world;

use std::collections::BTreeMap;

use crate::support::chance::{self, Chance};
use crate::support::fixture::Dialect;
use world::World;

pub(crate) use world::pages;

/// Every fail point of the daemon.
const POINTS: [&str; 22] = [
    "create.begin",
    "create.intended",
    "create.answered",
    "create.ended",
    "cancel.begin",
    "cancel.intended",
    "cancel.answered",
    "cancel.ended",
    "refund.begin",
    "refund.intended",
    "refund.answered",
    "refund.ended",
    "register.answered",
    "register.stored",
    "enrol.stored",
    "resolve.begin",
    "resolve.stored",
    "writer.commit",
    "writer.committed",
    "writer.resting",
    "writer.rested",
    "instant",
];

/// Kills of one daemon and its bank; then the books are compared and another world begins.
const KILLS_OF_A_WORLD: usize = POINTS.len();

/// What a run did.
#[derive(Debug, Default)]
struct Counts {
    /// Kills by fail point; `instant` are SIGKILLs at any moment, those of points nobody came by among them.
    kills: BTreeMap<String, usize>,
    worlds: usize,
    /// Chains checked between two kills.
    chains: usize,
    calls: till::Calls,
    found: books::Found,
}

impl Counts {
    fn total(&self) -> usize {
        self.kills.values().sum()
    }
}

#[test]
fn nothing_is_doubled_forgotten_or_mixed_up() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect(name));
    let kills = number("KASPID_CRASH_KILLS").unwrap_or(220);
    let seed = number("KASPID_CRASH_SEED").unwrap_or_else(chance::seed);
    eprintln!("crash: {kills} kills, KASPID_CRASH_SEED={seed}");
    let chance = Chance::new(seed as u64);
    let mut counts = Counts::default();
    let mut points = POINTS.iter().cycle();
    while counts.total() < kills {
        // Refunds in doubt and ids of links differ between the dialects; the bank's is what shops will meet.
        let dialect = if counts.worlds % 4 == 3 { Dialect::Guide } else { Dialect::Bank };
        let deaths: Vec<&str> = points.by_ref().copied().take(KILLS_OF_A_WORLD.min(kills - counts.total())).collect();
        World::begin(dialect, &chance).end(&deaths, &mut counts);
        counts.worlds += 1;
        eprintln!("crash: {} of {kills} kills, no promise broken", counts.total());
    }
    eprintln!("crash: {counts:#?}");
    // A run that never came to the point proves nothing.
    assert!(counts.calls.creates > kills && counts.found.payments > kills / 2, "{counts:?}");
    let reached = counts.kills.len();
    assert!(kills < POINTS.len() * 3 || reached == POINTS.len(), "{reached} of {} points", POINTS.len());
}

/// A release has no fail points; a test build has them, or this would not find any.
#[test]
fn a_release_has_no_fail_points() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_kaspid")).unwrap();
    for text in ["KASPID_FAIL_POINT", "create.intended"] {
        let found = program.windows(text.len()).any(|bytes| bytes == text.as_bytes());
        assert_eq!(found, cfg!(debug_assertions), "{text}");
    }
}
