//! The queues in a file, from a clean stop to the next start.
//!
//! `records.rs` has what the file consists of, `frames.rs` how that becomes bytes, `snapshot.rs`
//! how a queue becomes records and a queue again.

mod error;
mod frames;
mod port;
mod records;
mod snapshot;

pub use port::QueueImageFile;

#[cfg(test)]
mod tests;
