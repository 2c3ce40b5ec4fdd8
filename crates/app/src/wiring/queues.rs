//! The queues' store and the cache that the configuration names.

use std::sync::Arc;

use frontrow_adapter_embedded::{MemoryQueue, MemoryRankingCache};
use frontrow_domain::ports::{Clock, Queue, QueueControl, QueueTicks, RankingCache};

use crate::config::{Backend, Config};

/// The ports of the queues and of the cache.
pub(super) struct Queues {
    pub(super) queue: Arc<dyn Queue>,
    pub(super) ticks: Arc<dyn QueueTicks>,
    pub(super) control: Arc<dyn QueueControl>,
    pub(super) ranking_cache: Arc<dyn RankingCache>,
    /// True when the queues' store is this process.
    pub(super) ends_with_process: bool,
}

impl Queues {
    /// Opens them.
    pub(super) fn open(config: &Config, clock: Arc<dyn Clock>) -> Self {
        let ranking_cache = match config.cache.backend {
            Backend::Embedded => Arc::new(MemoryRankingCache::new()),
        };
        match config.queue.backend {
            Backend::Embedded => {
                let queue = Arc::new(MemoryQueue::new(clock));
                Self {
                    queue: Arc::clone(&queue) as _,
                    ticks: Arc::clone(&queue) as _,
                    control: queue,
                    ranking_cache,
                    ends_with_process: true,
                }
            }
        }
    }
}
