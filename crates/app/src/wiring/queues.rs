//! The queues' store and the cache that the configuration names.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use frontrow_adapter_embedded::{MemoryQueue, MemoryRankingCache, QueueImageFile};
use frontrow_adapter_mysql::{MySqlQueue, TimeOffset};
use frontrow_adapter_redis::{RedisSettings, RedisStore};
use frontrow_domain::{
    ports::{Clock, Queue, QueueControl, QueueImage, QueueSnapshots, QueueTicks, RankingCache},
    use_cases::SnapshotQueue,
};

use super::database::mysql_settings;
use crate::config::{CacheBackend, Config, DatabaseKind, QueueBackend};

/// The ports of the queues and of the cache.
pub(super) struct Queues {
    pub(super) queue: Arc<dyn Queue>,
    /// Looks at the lines for all who ask. Where the store is another process, it answers look-ups,
    /// too.
    pub(super) snapshot_queue: Arc<SnapshotQueue>,
    pub(super) line: Arc<dyn QueueSnapshots>,
    pub(super) ticks: Arc<dyn QueueTicks>,
    pub(super) control: Arc<dyn QueueControl>,
    pub(super) ranking_cache: Arc<dyn RankingCache>,
    /// What is to be closed, where the queues' store is the database.
    pub(super) mysql: Option<MySqlQueue>,
    /// The file that carries them over a clean stop, where their store is this process.
    pub(super) image: Option<Arc<dyn QueueImage>>,
}

impl Queues {
    /// Opens them.
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

    /// In the memory of this process, which answers faster than anything could that stands before it.
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

    /// In a store that instances share.
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

/// The file of the queues of this process: beside the database's file, or in the data folder.
fn image_path(config: &Config) -> PathBuf {
    match config.database_kind() {
        DatabaseKind::Sqlite(path) => path.with_added_extension("queues"),
        DatabaseKind::MySql(_) => config.data_dir.join("frontrow.queues"),
    }
}

/// On the server of the database, with connections of its own: a rush at the door takes none from those
/// who pay.
async fn open_mysql(config: &Config) -> anyhow::Result<MySqlQueue> {
    let DatabaseKind::MySql(url) = config.database_kind() else {
        bail!("database.url: queue.backend = \"mysql\" wants it to be mysql:");
    };
    let settings = mysql_settings(config);
    let opening = MySqlQueue::open(url, &settings, TimeOffset::default());
    opening.await.context("database.url")
}

/// Queues live on it, so it must be there, and fit for them.
async fn open_redis(config: &Config) -> anyhow::Result<RedisStore> {
    let settings = redis_settings(config)?;
    let opening = RedisStore::open(&settings, frontrow_adapter_redis::TimeOffset::default());
    opening.await.context("redis.url")
}

/// The cache where the queues are elsewhere: without it the database answers, so nothing waits for it.
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
