//! The tests of the Redis adapter: the contracts of a queue and of a ranking cache, and its own.
//!
//! Most tests share a server: the one of `FRONTROW_TEST_REDIS_URL`, which `cargo xtask test`
//! starts, or else one that this process starts. Tests that stop or change their server have one of
//! their own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the lints know the tests themselves, and not what they call"
)]

mod batches;
mod chunks;
mod crowds;
mod durability;
mod format;
mod given_back;
mod keys;
mod last_writes;
mod listing;
mod lossy_network;
mod model_cases;
mod one_store;
mod opening;
mod outage;
mod queue_copy;
mod refusals;
mod scripts;
mod test_store;
mod together;

use one_store::{OneCache, OneQueue};

mod queue {
    use super::OneQueue;

    frontrow_port_contracts::queue_contracts!(positions = exact, OneQueue::open);
}

mod ranking_cache {
    use super::OneCache;

    frontrow_port_contracts::ranking_cache_contracts!(OneCache::open);
}
