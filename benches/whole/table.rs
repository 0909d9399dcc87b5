//! What was measured, as lines that people compare.

use std::time::Duration;

/// The figures of one run.
pub(crate) struct Table {
    lines: Vec<[String; 4]>,
    /// Its head stands.
    is_begun: bool,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { lines: Vec::new(), is_begun: false }
    }

    /// A figure, its budget, and what it was made of.
    pub(crate) fn line(&mut self, what: &str, figure: String, budget: &str, made_of: String) {
        self.lines.push([what.to_owned(), figure, budget.to_owned(), made_of]);
    }

    /// The lines since the last time.
    pub(crate) fn print(&mut self) {
        if !self.is_begun {
            println!("| what | measured | budget | from |\n|---|---|---|---|");
        }
        self.is_begun = true;
        for [what, figure, budget, made_of] in self.lines.drain(..) {
            println!("| {what} | {figure} | {budget} | {made_of} |");
        }
    }
}

/// The times of one thing over all rounds.
#[derive(Default)]
pub(crate) struct Times {
    /// The median of each round, or what else stands for it.
    medians: Vec<Duration>,
}

impl Times {
    /// The times of one round.
    pub(crate) fn round(&mut self, mut times: Vec<Duration>) {
        times.sort_unstable();
        self.medians.push(times[times.len() / 2]);
    }

    /// The times of one round, of which the slowest hundredth is looked at.
    pub(crate) fn round_of_slow(&mut self, times: Vec<Duration>) {
        self.medians.push(p99(times));
    }

    /// Nothing was measured: what would have been is not here.
    pub(crate) fn is_empty(&self) -> bool {
        self.medians.is_empty()
    }

    /// The median of the rounds' medians, in µs.
    pub(crate) fn median(&self) -> f64 {
        self.at(self.medians.len() / 2)
    }

    fn at(&self, place: usize) -> f64 {
        let mut medians = self.medians.clone();
        medians.sort_unstable();
        medians.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    }

    /// The median, and between which of the rounds it lies.
    pub(crate) fn told(&self) -> String {
        format!("{:.1} µs ({:.1}–{:.1})", self.median(), self.at(0), self.at(self.medians.len().saturating_sub(1)))
    }
}

/// How long each of `count` calls took.
pub(crate) fn timed(count: usize, mut call: impl FnMut()) -> Vec<Duration> {
    (0..count)
        .map(|_| {
            let began = std::time::Instant::now();
            call();
            began.elapsed()
        })
        .collect()
}

/// What one in a hundred takes longer than.
pub(crate) fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}
