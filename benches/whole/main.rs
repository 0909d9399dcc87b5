//! `cargo bench`: the whole daemon beside the floor and beside what a shop would use instead, in one run on one CPU.
//!
//! Each figure is a ratio, of medians of rounds that take turns, so that a machine that slows down slows all of them. The counts
//! (processor time, bytes, sizes) are the kernel's. `cargo bench -- WORD` runs the parts with that word in their names;
//! `KASPID_BENCH_ROUNDS` says how many rounds, `KASPID_BENCH_DAY` how many payments a working day has.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a measurement that cannot go on ends, and what it prints is for a person"
)]

mod day;
mod distance;
mod door;
mod far;
mod floor;
mod group;
mod hardware;
mod hogs;
mod kaspid;
mod peers;
mod process;
mod report;
mod shopping;
mod table;

// What the outside tests stand on: the real daemon, a bank of mTLS, their homes.
#[allow(dead_code, unreachable_pub, reason = "the tests use all of it")]
#[path = "../../tests/outside/support/mod.rs"]
mod support;

use table::Table;

/// Measures something and says it.
type Part = fn(&mut Table);

/// How often all that is compared takes its turn.
fn rounds() -> usize {
    std::env::var("KASPID_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(7)
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| part.contains(word.as_str()));
    process::on_one_processor();
    let mut table = Table::new();
    let parts: [(&str, Part); 10] = [
        ("calls", kaspid::calls),
        ("crowd", kaspid::crowd),
        ("memory", kaspid::memory),
        ("start", kaspid::start),
        ("queries", kaspid::queries),
        ("far", far::far),
        ("hogs", hogs::hogs),
        ("slow", hardware::slow),
        ("report", report::report),
        ("day", day::day),
    ];
    for (name, part) in parts {
        if wanted(name) {
            eprintln!("{name} …");
            part(&mut table);
            // What was measured is not lost where a later part cannot be.
            table.print();
        }
    }
}
