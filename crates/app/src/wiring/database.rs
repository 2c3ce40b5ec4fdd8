//! The database that the configuration names.

use std::{path::Path, sync::Arc};

use anyhow::Context;
use frontrow_adapter_embedded::SqliteDatabase;
use frontrow_domain::ports::{
    Clock, ConcertEditor, Concerts, Idempotency, Points, QueuePolicies, RankingSource, Reservations,
};

use crate::{config::Config, system::SystemClock};

pub(crate) use frontrow_adapter_embedded::MigrationStatus;

/// The ports of the database.
#[derive(Clone)]
pub(super) struct Database {
    pub(super) concerts: Arc<dyn Concerts>,
    pub(super) editor: Arc<dyn ConcertEditor>,
    pub(super) policies: Arc<dyn QueuePolicies>,
    pub(super) reservations: Arc<dyn Reservations>,
    pub(super) points: Arc<dyn Points>,
    pub(super) idempotency: Arc<dyn Idempotency>,
    pub(super) ranking_source: Arc<dyn RankingSource>,
    file: SqliteDatabase,
}

impl Database {
    /// Opens it, or makes it.
    pub(super) async fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let path = config.sqlite_path();
        make_folder_of(&path)?;
        let file = SqliteDatabase::open(&path, clock).await?;
        let shared = Arc::new(file.clone());
        Ok(Self {
            concerts: Arc::clone(&shared) as _,
            editor: Arc::clone(&shared) as _,
            policies: Arc::clone(&shared) as _,
            reservations: Arc::clone(&shared) as _,
            points: Arc::clone(&shared) as _,
            idempotency: Arc::clone(&shared) as _,
            ranking_source: shared,
            file,
        })
    }

    /// Closes it; nothing works any more.
    pub(super) async fn close(&self) {
        self.file.close().await;
    }
}

/// Brings the schema of the configured database up to date.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<()> {
    let database = Database::open(config, Arc::new(SystemClock)).await?;
    database.close().await;
    Ok(())
}

/// Which migrations the configured database has and lacks.
pub(crate) async fn migration_status(config: &Config) -> anyhow::Result<MigrationStatus> {
    Ok(SqliteDatabase::migration_status(&config.sqlite_path()).await?)
}

pub(super) fn make_folder_of(path: &Path) -> anyhow::Result<()> {
    let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}
