//! A counter and a histogram of spans, both a few relaxed atomics: the numbers order nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts up from zero.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many spans were how long. `bounds` are seconds, ascending; the bucket above the last has no bound.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One for each bound and one above.
    buckets: Box<[AtomicU64]>,
    /// Microseconds: 500 thousand years of them fit.
    sum: AtomicU64,
}

impl Histogram {
    /// An empty one.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    /// Counts one span.
    pub fn observe(&self, span: Duration) {
        let seconds = span.as_secs_f64();
        let place = self.bounds.iter().position(|bound| seconds <= *bound).unwrap_or(self.bounds.len());
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Each bound with how many spans were at most as long, then how many there were in all.
    pub(super) fn cumulative(&self) -> (Vec<(f64, u64)>, u64) {
        let mut total = 0;
        let mut upto = Vec::with_capacity(self.bounds.len());
        let mut counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        for (bound, count) in self.bounds.iter().zip(counts.by_ref()) {
            total += count;
            upto.push((*bound, total));
        }
        (upto, total + counts.sum::<u64>())
    }

    /// All spans together.
    pub(super) fn sum(&self) -> Duration {
        Duration::from_micros(self.sum.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A span as long as a bound is inside of it, as `le` says.
    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::new(&[0.1, 1.0]);
        for ms in [100, 101, 1000, 5000] {
            histogram.observe(Duration::from_millis(ms));
        }
        assert_eq!(histogram.cumulative(), (vec![(0.1, 1), (1.0, 3)], 4));
        assert_eq!(histogram.sum(), Duration::from_millis(6201));
    }
}
