//! The in-process queues over a clean stop: file, record and queues together.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the lints know the tests themselves, and not what they call"
)]

mod cost;
mod histories;
mod steps;
mod world;
