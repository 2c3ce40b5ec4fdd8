//! Opens the configured queue store and ranking cache.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use frontrow_adapter_embedded::{MemoryQueue, MemoryRankingCache, QueueImageFile};
use frontrow_adapter_mysql::{MySqlQueue, TimeOffset};
use frontrow_adapter_redis::{RedisSettings, RedisStore};
use frontrow_domain::{
    decorators::SnapshotQueue,
    ports::{Clock, Queue, QueueControl, QueueImage, QueueSnapshots, QueueTicks, RankingCache},
};

use super::database::mysql_settings;
use crate::config::{CacheBackend, Config, DatabaseKind, QueueBackend};

/// The ports of the queues and of the ranking cache.
pub(super) struct Queues {
    pub(super) queue: Arc<dyn Queue>,
    /// Reads snapshots of the lines for all callers. If the store is another process, it also
    /// answers look-ups.
    pub(super) snapshot_queue: Arc<SnapshotQueue>,
    pub(super) line: Arc<dyn QueueSnapshots>,
    pub(super) ticks: Arc<dyn QueueTicks>,
    pub(super) control: Arc<dyn QueueControl>,
    pub(super) ranking_cache: Arc<dyn RankingCache>,
    /// The adapter to close, if MySQL is the queue store.
    pub(super) mysql: Option<MySqlQueue>,
    /// The queue image of a clean stop, if the queues are in this process.
    pub(super) image: Option<Arc<dyn QueueImage>>,
}

impl Queues {
    /// Opens the queue store and the ranking cache.
    pub(super) async fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        Ok(match config.queue.backend {
            QueueBackend::Embedded => Self::in_process(ranking_cache(config)?, clock, config),
            QueueBackend::MySql => {
                let cache = ranking_cache(config)?;
                let queue = open_mysql(config).await?;
                Self {
                    mysql: Some(queue.clone()),
                    ..Self::shared(Arc::new(queue), cache, clock, config)
                }
            }
            QueueBackend::Redis => {
                let redis = open_redis(config).await?;
                let cache: Arc<dyn RankingCache> = match config.cache.backend {
                    CacheBackend::Embedded => Arc::new(MemoryRankingCache::new()),
                    CacheBackend::Redis => Arc::new(redis.clone()),
                };
                Self::shared(Arc::new(redis), cache, clock, config)
            }
        })
    }

    /// Queues in the memory of this process. Requests go directly to the memory, which is faster
    /// than any snapshot in front of it.
    fn in_process(
        ranking_cache: Arc<dyn RankingCache>,
        clock: Arc<dyn Clock>,
        config: &Config,
    ) -> Self {
        let memory = Arc::new(MemoryQueue::new(Arc::clone(&clock)));
        let image = QueueImageFile::new(&image_path(config), Arc::clone(&memory));
        Self {
            queue: Arc::clone(&memory) as _,
            image: Some(Arc::new(image)),
            ..Self::shared(memory, ranking_cache, clock, config)
        }
    }

    /// Queues in a store that instances share.
    fn shared<Ports>(
        store: Arc<Ports>,
        ranking_cache: Arc<dyn RankingCache>,
        clock: Arc<dyn Clock>,
        config: &Config,
    ) -> Self
    where
        Ports: Queue + QueueSnapshots + QueueTicks + QueueControl + 'static,
    {
        let look = Arc::new(SnapshotQueue::new(
            Arc::clone(&store) as _,
            Arc::clone(&store) as _,
            clock,
            SnapshotQueue::MOST_USERS,
            config.queue.poll_range().longest,
        ));
        Self {
            queue: Arc::clone(&look) as _,
            snapshot_queue: look,
            line: Arc::clone(&store) as _,
            ticks: Arc::clone(&store) as _,
            control: store,
            ranking_cache,
            mysql: None,
            image: None,
        }
    }
}

/// Returns the path of the queue image: beside the database file, or in the data folder with MySQL.
fn image_path(config: &Config) -> PathBuf {
    match config.database_kind() {
        DatabaseKind::Sqlite(path) => path.with_added_extension("queues"),
        DatabaseKind::MySql(_) => config.data_dir.join("frontrow.queues"),
    }
}

/// Opens the queues on the server of the database, with a separate pool: a burst of joins takes no
/// connections from payments.
async fn open_mysql(config: &Config) -> anyhow::Result<MySqlQueue> {
    let DatabaseKind::MySql(url) = config.database_kind() else {
        bail!("database.url: must be mysql: with queue.backend = \"mysql\"");
    };
    let settings = mysql_settings(config);
    let opening = MySqlQueue::open(url, &settings, TimeOffset::default());
    opening.await.context("database.url")
}

/// Opens a Redis for queues. It must be reachable, and must not evict keys.
async fn open_redis(config: &Config) -> anyhow::Result<RedisStore> {
    let settings = redis_settings(config)?;
    let opening = RedisStore::open(&settings, TimeOffset::default());
    opening.await.context("redis.url")
}

/// Opens the ranking cache if the queues are not on Redis. The start does not wait for its Redis,
/// because the database answers without it.
fn ranking_cache(config: &Config) -> anyhow::Result<Arc<dyn RankingCache>> {
    Ok(match config.cache.backend {
        CacheBackend::Embedded => Arc::new(MemoryRankingCache::new()),
        CacheBackend::Redis => {
            let settings = redis_settings(config)?;
            Arc::new(RedisStore::open_cache(&settings).context("redis.url")?)
        }
    })
}

fn redis_settings(config: &Config) -> anyhow::Result<RedisSettings> {
    let redis = &config.redis;
    let url = redis.url.as_ref().context("redis.url")?;
    Ok(RedisSettings {
        connect_timeout: Duration::from_millis(redis.connect_timeout_ms),
        answer_timeout: Duration::from_millis(redis.answer_timeout_ms),
        key_prefix: redis.key_prefix.clone(),
        ..RedisSettings::new(url.expose())
    })
}
