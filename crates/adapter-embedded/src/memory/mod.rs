//! The queues and the computed rankings in the memory of the process.
//!
//! Both end with the process. A clean stop writes the queues into a file, which the next start
//! reads. A queue that is lost otherwise recovers as in any other store: the users have
//! their places in their tokens, and re-enter with them.

mod active;
mod departures;
mod image;
mod micros;
mod order_statistic_set;
mod queue;
mod queue_control;
mod queue_snapshots;
mod queue_ticks;
mod ranking_cache;
mod requests;
mod sharded_map;
mod state;
mod ticks;
mod waiting;

pub use image::QueueImageFile;
pub use queue::MemoryQueue;
pub use ranking_cache::MemoryRankingCache;
