//! The tests of the Redis adapter: the contracts of a queue and of a ranking cache, and its own.
//!
//! Most tests share a server: the one of `FRONTROW_TEST_REDIS_URL`, which `cargo xtask test`
//! starts, or else one that this process starts. Tests that stop or change their server have one of
//! their own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the lints except test functions only, and not their helpers"
)]

mod batch_equivalence;
mod batches;
mod chunks;
mod crowds;
mod durability;
mod format;
mod freed_keys;
mod keys;
mod last_writes;
mod listing;
mod lossy_network;
mod model_cases;
mod opening;
mod outage;
mod queue_copy;
mod refusals;
mod scripts;
mod store_fixture;
mod test_store;

use store_fixture::{QueueFixture, RankingCacheFixture};

mod queue {
    use super::QueueFixture;

    frontrow_port_contracts::queue_contracts!(positions = exact, QueueFixture::open);
}

mod ranking_cache {
    use super::RankingCacheFixture;

    frontrow_port_contracts::ranking_cache_contracts!(RankingCacheFixture::open);
}
