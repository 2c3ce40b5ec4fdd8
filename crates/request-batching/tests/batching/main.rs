//! What the batcher promises, with an executor that each test directs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the lints know the tests themselves, and not what they call"
)]

mod adaptive;
mod bounds;
mod cost;
mod deaths;
mod in_flight;
mod late_boarding;
mod leaving;
mod priorities;
mod random;
mod runtimes;
mod sharing;
mod support;
mod threads;
mod time_outs;
mod users;
