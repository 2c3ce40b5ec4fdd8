//! The stores that the program needs: servers for this run alone, on the loopback interface.

mod mysql;
mod redis;

use anyhow::{Context, Result};

pub(crate) use self::{
    mysql::{Counters, MySql},
    redis::Redis,
};
use crate::{
    cli::{AppendOnly, Backend, Database},
    report::Report,
};

/// The name of the database server among the [`Stores::processes`].
pub(crate) const DATABASE: &str = "database";

/// Servers that were started for this run. Dropping this ends them.
#[derive(Debug, Default)]
pub(crate) struct Stores {
    redis: Option<Redis>,
    mysql: Option<MySql>,
}

impl Stores {
    /// Starts the servers that these backends and this database need.
    pub(crate) async fn start(
        backends: &[Backend],
        database: Database,
        append_only: AppendOnly,
    ) -> Result<Self> {
        let mut stores = Self::default();
        if backends.contains(&Backend::Redis) {
            stores.redis = Some(Redis::start(append_only).await?);
        }
        if backends.contains(&Backend::Mysql) || database == Database::Mysql {
            stores.mysql = Some(MySql::start().await?);
        }
        Ok(stores)
    }

    /// Adds the servers to the report.
    pub(crate) async fn describe(&self, report: &mut Report) -> Result<()> {
        if let Some(redis) = &self.redis {
            report.fact("Redis", redis.describe().await?);
        }
        if let Some(mysql) = &self.mysql {
            report.fact("database server", mysql.describe().await?);
        }
        Ok(())
    }

    /// Empties the stores. Returns the program's settings for them, with its queues on `backend`.
    pub(crate) async fn fresh(&self, backend: Backend) -> Result<Vec<(&'static str, String)>> {
        let mut settings = Vec::new();
        if backend == Backend::Redis {
            let redis = self.redis()?;
            redis.empty().await?;
            settings.push(("FRONTROW_REDIS__URL", redis.url()));
            settings.push(("FRONTROW_CACHE__BACKEND", "redis".to_owned()));
        }
        if let Some(mysql) = &self.mysql {
            let url = mysql.fresh_database().await?;
            settings.push(("FRONTROW_DATABASE__URL", url));
            settings.push(("FRONTROW_DATABASE__OLDER_SCHEMA", "migrate".to_owned()));
        }
        Ok(settings)
    }

    /// Returns the Redis server. Errors if none was started.
    pub(crate) fn redis(&self) -> Result<&Redis> {
        self.redis.as_ref().context("no Redis was started")
    }

    /// Returns the database server. Errors if none was started.
    pub(crate) fn mysql(&self) -> Result<&MySql> {
        self.mysql.as_ref().context("no MySQL was started")
    }

    /// Returns the names and process ids of the servers.
    pub(crate) fn processes(&self) -> Vec<(&'static str, u32)> {
        let redis = self.redis.as_ref().map(|redis| ("redis", redis.pid()));
        let mysql = self.mysql.as_ref().and_then(MySql::pid);
        let mysql = mysql.map(|pid| (DATABASE, pid));
        redis.into_iter().chain(mysql).collect()
    }

    /// Ends the servers. Removes the databases from a server that this run did not start.
    pub(crate) async fn end(self) -> Result<()> {
        match &self.mysql {
            Some(mysql) => mysql.clean().await,
            None => Ok(()),
        }
    }
}
