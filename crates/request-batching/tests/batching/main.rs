//! The guarantees of the batcher, with an executor that each test directs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the lints allow these in test functions, but not in their helpers"
)]

mod adaptive;
mod bounds;
mod cost;
mod in_flight;
mod late_boarding;
mod leaving;
mod panics;
mod priorities;
mod random;
mod runtimes;
mod sharing;
mod support;
mod threads;
mod time_outs;
mod users;
