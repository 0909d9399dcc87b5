//! Never forgotten, never too often: payments with lives by chance, at a bank that is down for minutes and says what
//! nobody knows, with a daemon that is stopped and killed in between, in time that runs fast.
//!
//! `cargo test` lets two hundred live. The long run, under a minute:
//! `KASPID_LIVES=2000 cargo test --test outside lives -- --nocapture`. `KASPID_LIVES_SEED` repeats the choices of a
//! run, though not the moments: those are the scheduler's.

mod books;
mod life;
mod readers;
mod world;

use crate::support::chance::{Chance, seed};
use world::World;

/// Every payment ends as the bank says, each change of it is announced and logged once, and nobody asked more often
/// than the policy allows.
#[test]
fn every_payment_ends_as_the_bank_says() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect(name));
    let lives = number("KASPID_LIVES").unwrap_or(200);
    let seed = number("KASPID_LIVES_SEED").unwrap_or_else(seed);
    eprintln!("lives: {lives}, KASPID_LIVES_SEED={seed}");
    let mut world = World::begin(lives, &Chance::new(seed as u64));
    world.go_wrong();
    world.grow_old();
    books::compare(&mut world);
}
