//! The ports, one file each.

mod queue;
mod queue_control;
mod queue_ticks;
mod ranking_cache;
mod waiting_line;

use std::fmt;

use crate::{
    batches::Batches,
    calls::Calls,
    clock::TimeOffset,
    connections::{self, Connections},
    keys::Keys,
    open_error::OpenError,
    server,
    settings::RedisSettings,
};

/// The waiting rooms and the ranking cache on one Redis. Clones share its connections, which end with the
/// last of them.
#[derive(Clone)]
pub struct RedisStore {
    calls: Calls,
    batches: Batches,
    server: String,
}

impl RedisStore {
    /// How many places one script handles at most: some milliseconds' worth.
    pub const CHUNK: u32 = 256;

    /// Connects to the server of `settings` and looks whether queues are safe with it. `offset` is none in
    /// the product.
    ///
    /// # Errors
    /// When the URL is wrong, the server does not answer or does not let us in, is too old, or evicts keys.
    pub async fn open(settings: &RedisSettings, offset: TimeOffset) -> Result<Self, OpenError> {
        let connections = Connections::start(settings)?;
        let server = connections::name(&settings.url);
        server::check(&connections, &server).await?;
        let keys = Keys::new(&settings.key_prefix);
        let calls = Calls::new(connections, keys, offset, Self::CHUNK);
        Ok(Self {
            batches: Batches::new(calls.clone()),
            calls,
            server,
        })
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
