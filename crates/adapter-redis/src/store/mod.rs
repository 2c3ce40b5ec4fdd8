//! The store, which implements the ports. Each port has its own file.

mod queue;
mod queue_control;
mod queue_snapshots;
mod queue_ticks;
mod ranking_cache;

use std::{fmt, sync::Arc};

use frontrow_domain::ports::RankingCache;

use crate::{
    TimeOffset,
    batches::Batches,
    connections::{self, Connections},
    keys::Keys,
    open_error::RedisOpenError,
    script_runner::ScriptRunner,
    server::{self, Use},
    settings::RedisSettings,
};

/// The waiting rooms and the ranking cache on one Redis server. Clones share its connections, which
/// close with the last clone.
#[derive(Clone)]
pub struct RedisStore {
    runner: ScriptRunner,
    batches: Batches,
    server: String,
}

impl RedisStore {
    /// Maximum number of users that one script admits. The script takes 1 to 2 ms.
    pub const CHUNK: u32 = 128;

    /// Maximum number of expired places that one script removes. The script takes 1 to 2 ms. Some
    /// of its operations are on ranges, so each place costs less than an admission.
    pub const EXPIRED_CHUNK: u32 = 500;

    /// Connects to the server of `settings` and checks that it is safe for queues. `offset` is zero
    /// in production.
    ///
    /// # Errors
    /// Errors if the URL is wrong, or if the server does not answer, refuses the login, is too old,
    /// may evict queues, or has queues in the format of another version.
    pub async fn open(
        settings: &RedisSettings,
        offset: TimeOffset,
    ) -> Result<Self, RedisOpenError> {
        let connections = Connections::start(settings)?;
        let server = connections::name(&settings.url);
        let handle = connections.for_job().handle().await;
        server::check(handle.map(|handle| handle.connection), &server, Use::Queues).await?;
        let store = Self::on(connections, settings, offset);
        store.runner.check_format(&server).await?;
        Ok(store)
    }

    /// Begins to connect to a server that stores only rankings, and returns at once. The service
    /// works without them, so an unreachable server is used once it can be reached, and a failed
    /// check is only logged. The server may evict keys. Must be called in a Tokio runtime
    /// that outlives the store.
    ///
    /// # Errors
    /// Errors if the URL is wrong.
    pub fn open_cache(
        settings: &RedisSettings,
    ) -> Result<impl RankingCache + fmt::Debug + use<>, RedisOpenError> {
        let connections = Connections::start(settings)?;
        let store = Self::on(Arc::clone(&connections), settings, TimeOffset::default());
        let server = store.server.clone();
        tokio::spawn(async move {
            let handle = connections.for_job().handle().await;
            let connection = handle.map(|handle| handle.connection);
            if let Err(error) = server::check(connection, &server, Use::Cache).await {
                tracing::warn!(%error, "failed to check the Redis for rankings; the ranking cache may fail");
            }
        });
        Ok(store)
    }

    fn on(connections: Arc<Connections>, settings: &RedisSettings, offset: TimeOffset) -> Self {
        let keys = Keys::new(&settings.key_prefix);
        let runner = ScriptRunner::new(connections, keys, offset);
        Self {
            batches: Batches::new(
                runner.clone(),
                settings.connect_timeout + settings.answer_timeout,
            ),
            runner,
            server: connections::name(&settings.url),
        }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
