//! What this program leaves to chance: fresh ids, and which of several ready branches goes first. Nothing else in it
//! is random, so that a simulation that decides these, the clock and the outside by a seed repeats a run exactly.

use uuid::Uuid;

/// A number never used before.
pub(crate) fn uuid() -> Uuid {
    #[cfg(test)]
    if let Some((high, low)) = seeded::number().zip(seeded::number()) {
        return uuid::Builder::from_random_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes()).into_uuid();
    }
    Uuid::new_v4()
}

/// `tokio::select!`, whose first branch is chance's.
#[cfg(not(test))]
macro_rules! select {
    ($($branches:tt)+) => { tokio::select! { $($branches)+ } };
}

/// The same, with the first branch chosen by the seed of a simulation. tokio takes another choice than its own only
/// in this form, which it uses itself; `BRANCHES` is its count of them.
#[cfg(test)]
macro_rules! select {
    ($($branches:tt)+) => {
        tokio::select!(@{ start={ $crate::chance::seeded::branch(BRANCHES) }; () } $($branches)+)
    };
}
pub(crate) use select;

/// Chance by a seed, for one thread.
#[cfg(test)]
pub(crate) mod seeded {
    use std::cell::Cell;

    thread_local! {
        static STATE: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// From now on the chance of this thread follows the seed; `None` gives it back.
    pub(crate) fn sow(seed: Option<u64>) {
        STATE.set(seed);
    }

    /// Whether the chance of this thread follows a seed.
    pub(crate) fn is_sown() -> bool {
        STATE.get().is_some()
    }

    /// The next number, if there is a seed.
    pub(crate) fn number() -> Option<u64> {
        let state = STATE.get()?.wrapping_add(0x9e37_79b9_7f4a_7c15);
        STATE.set(Some(state));
        Some(mixed(state))
    }

    /// SplitMix64: every bit of the state in every bit of the number.
    pub(crate) fn mixed(state: u64) -> u64 {
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The branch that is polled first, of so many.
    pub(crate) fn branch(branches: u32) -> u32 {
        match number() {
            Some(number) => u32::try_from(number % u64::from(branches)).unwrap_or(0),
            None => tokio::macros::support::thread_rng_n(branches),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_the_ids() {
        let two = || (uuid(), uuid());
        seeded::sow(Some(7));
        let first = two();
        seeded::sow(Some(7));
        assert_eq!(two(), first);
        seeded::sow(None);
        assert_ne!(two(), first);
    }
}
