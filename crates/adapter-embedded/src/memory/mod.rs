//! What the process keeps in its memory: the waiting rooms, and computed rankings.
//!
//! Both end with the process. A clean stop writes the queues into a file, with which the next start
//! goes on. A queue that is lost otherwise recovers as in any other store: the users carry their
//! places in their tokens, and re-enter with them.

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
