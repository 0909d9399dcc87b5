//! Choices that a seed repeats: SplitMix64, shared by the threads of a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A cheap handle.
#[derive(Clone)]
pub(crate) struct Chance(Arc<AtomicU64>);

/// Another one for each run.
pub(crate) fn seed() -> usize {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos() as usize
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    /// Below `end`.
    pub(crate) fn below(&self, end: u64) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    pub(crate) fn one_of<T: Copy>(&self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}
