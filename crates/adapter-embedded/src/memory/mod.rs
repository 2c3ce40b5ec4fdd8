//! What the process keeps in its memory: the waiting rooms, and the rankings that were computed.
//!
//! Both end with the process. A queue that is lost so recovers as any other does: the people carry
//! their places in their tokens, and bring them back.

mod active;
mod departures;
mod directory;
mod micros;
mod queue;
mod queue_control;
mod queue_ticks;
mod ranked;
mod ranking_cache;
mod requests;
mod state;
mod ticks;
mod waiting;
mod waiting_line;

pub use queue::MemoryQueue;
pub use ranking_cache::MemoryRankingCache;
