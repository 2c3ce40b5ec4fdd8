//! The queues' store and the cache that the configuration names.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use frontrow_adapter_embedded::{MemoryQueue, MemoryRankingCache};
use frontrow_adapter_redis::{RedisSettings, RedisStore};
use frontrow_domain::ports::{Clock, Queue, QueueControl, QueueTicks, RankingCache, WaitingLine};

use crate::config::{CacheBackend, Config, QueueBackend};

/// The ports of the queues and of the cache.
pub(super) struct Queues {
    pub(super) queue: Arc<dyn Queue>,
    pub(super) line: Arc<dyn WaitingLine>,
    pub(super) ticks: Arc<dyn QueueTicks>,
    pub(super) control: Arc<dyn QueueControl>,
    pub(super) ranking_cache: Arc<dyn RankingCache>,
    /// True when the queues' store is this process.
    pub(super) ends_with_process: bool,
}

impl Queues {
    /// Opens them.
    pub(super) async fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let uses_redis = config.queue.backend == QueueBackend::Redis
            || config.cache.backend == CacheBackend::Redis;
        let redis = if uses_redis {
            Some(open_redis(config).await?)
        } else {
            None
        };
        let redis = || redis.clone().context("redis.url");
        let ranking_cache: Arc<dyn RankingCache> = match config.cache.backend {
            CacheBackend::Embedded => Arc::new(MemoryRankingCache::new()),
            CacheBackend::Redis => Arc::new(redis()?),
        };
        Ok(match config.queue.backend {
            QueueBackend::Embedded => Self::on(MemoryQueue::new(clock), ranking_cache, true),
            QueueBackend::Redis => Self::on(redis()?, ranking_cache, false),
            QueueBackend::MySql => anyhow::bail!("not yet"),
        })
    }

    fn on<Ports>(
        ports: Ports,
        ranking_cache: Arc<dyn RankingCache>,
        ends_with_process: bool,
    ) -> Self
    where
        Ports: Queue + WaitingLine + QueueTicks + QueueControl + 'static,
    {
        let ports = Arc::new(ports);
        Self {
            queue: Arc::clone(&ports) as _,
            line: Arc::clone(&ports) as _,
            ticks: Arc::clone(&ports) as _,
            control: ports,
            ranking_cache,
            ends_with_process,
        }
    }
}

async fn open_redis(config: &Config) -> anyhow::Result<RedisStore> {
    let redis = &config.redis;
    let url = redis.url.as_ref().context("redis.url")?;
    let settings = RedisSettings {
        connections: redis.connections,
        connect_timeout: Duration::from_millis(redis.connect_timeout_ms),
        answer_timeout: Duration::from_millis(redis.answer_timeout_ms),
        key_prefix: redis.key_prefix.clone(),
        ..RedisSettings::new(url.expose())
    };
    Ok(RedisStore::open(&settings, frontrow_adapter_redis::TimeOffset::default()).await?)
}
