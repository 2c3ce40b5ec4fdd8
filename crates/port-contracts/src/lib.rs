//! Contracts: tests that every adapter of a port must pass.
//!
//! The contracts are plain async functions over a [`Fixture`], which each adapter's tests supply. A
//! fixture provides the ports on its own store, moves that store's time, loses its data, and opens
//! it again. A contract never reads a clock itself: it takes the time from the store's answers.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a broken contract panics, as a test does"
)]

pub mod database;
mod fixture;
mod macros;
pub mod model;
pub mod policies;
#[cfg(test)]
mod proof;
pub mod queue;
pub mod ranking_cache;
mod runtime;
pub mod snapshot_queue;
pub mod test_queue;

pub use fixture::{DatabasePorts, FaultyFixture, Fixture, NetworkFault, QueuePorts};
pub use runtime::run;
pub use test_queue::TestQueue;
