//! The in-process queues across a clean stop: file, record and queues together.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the lints allow these in test functions, but not in their helpers"
)]

mod cost;
mod histories;
mod steps;
mod test_queue;
