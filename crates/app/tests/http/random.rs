//! Random numbers with a seed, so that a run can be repeated.

use std::hash::{BuildHasher, RandomState};

/// Pseudo-random numbers, the same for the same seed (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Takes the seed from `FRONTROW_TEST_SEED`, or chooses one. Prints it, so that a failure can
    /// be repeated.
    pub(crate) fn seeded() -> Self {
        let given = std::env::var("FRONTROW_TEST_SEED");
        let seed = given
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| RandomState::new().hash_one("seed"));
        println!("FRONTROW_TEST_SEED={seed}");
        Self(seed)
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A new generator with a seed from this one.
    pub(crate) fn branch(&mut self) -> Self {
        Self(self.next())
    }

    /// A number from `least` to `most`, both included.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }
}
