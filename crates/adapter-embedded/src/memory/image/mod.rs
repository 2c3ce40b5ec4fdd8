//! The queue image: a file that keeps the queues from a clean stop to the next start.
//!
//! `records.rs` has the record types, `frames.rs` their encoding as bytes, `snapshot.rs` the
//! conversion between queues and records.

mod error;
mod frames;
mod port;
mod records;
mod snapshot;

pub use port::QueueImageFile;

#[cfg(test)]
mod tests;
