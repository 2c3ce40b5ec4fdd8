//! The ports, one file each.

mod queue;
mod queue_control;
mod queue_snapshots;
mod queue_ticks;
mod ranking_cache;

use std::{fmt, sync::Arc};

use frontrow_domain::ports::RankingCache;

use crate::{
    batches::Batches,
    clock::TimeOffset,
    connections::{self, Connections},
    keys::Keys,
    open_error::OpenError,
    script_runner::ScriptRunner,
    server::{self, Use},
    settings::RedisSettings,
};

/// The waiting rooms and the ranking cache on one Redis. Clones share its connections, which end with the
/// last of them.
#[derive(Clone)]
pub struct RedisStore {
    calls: ScriptRunner,
    batches: Batches,
    server: String,
}

impl RedisStore {
    /// How many users one script admits at most: about a millisecond's worth, and two in a bad moment.
    pub const CHUNK: u32 = 128;

    /// How many places past their end one script removes at most: one or two milliseconds' worth. A part of
    /// that are operations on ranges, so each costs less than an admission.
    pub const EXPIRED_CHUNK: u32 = 500;

    /// Connects to the server of `settings` and looks whether queues are safe with it. `offset` is none in
    /// the product.
    ///
    /// # Errors
    /// When the URL is wrong, the server does not answer or does not let us in, is too old, evicts keys, or
    /// keeps queues in the format of another version.
    pub async fn open(settings: &RedisSettings, offset: TimeOffset) -> Result<Self, OpenError> {
        let connections = Connections::start(settings)?;
        let server = connections::name(&settings.url);
        server::check(&connections, &server, Use::Queues).await?;
        let store = Self::on(connections, settings, offset);
        store.calls.check_format(&server).await?;
        Ok(store)
    }

    /// Begins to connect to a server that is to keep nothing but rankings, and waits for nobody: without
    /// them everything goes on, so a server that is away is used once it is there, and what is wrong with
    /// one is only logged. It may evict keys. Wants a tokio runtime that lasts.
    ///
    /// # Errors
    /// When the URL is wrong.
    pub fn open_cache(
        settings: &RedisSettings,
    ) -> Result<impl RankingCache + fmt::Debug + use<>, OpenError> {
        let connections = Connections::start(settings)?;
        let store = Self::on(Arc::clone(&connections), settings, TimeOffset::default());
        let server = store.server.clone();
        tokio::spawn(async move {
            if let Err(error) = server::check(&connections, &server, Use::Cache).await {
                tracing::warn!(%error, "rankings may have to do without their cache");
            }
        });
        Ok(store)
    }

    fn on(connections: Arc<Connections>, settings: &RedisSettings, offset: TimeOffset) -> Self {
        let keys = Keys::new(&settings.key_prefix);
        let calls = ScriptRunner::new(connections, keys, offset);
        Self {
            batches: Batches::new(
                calls.clone(),
                settings.connect_timeout + settings.answer_timeout,
            ),
            calls,
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
