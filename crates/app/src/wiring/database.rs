//! The database that the configuration names.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use frontrow_adapter_embedded::SqliteDatabase;
use frontrow_adapter_mysql::{MySqlDatabase, MySqlSettings, TimeOffset};
use frontrow_domain::ports::{
    Clock, ConcertEditor, Concerts, Idempotency, Points, QueuePolicies, RankingCounters,
    RankingSource, Reservations,
};

use crate::{
    config::{Config, DatabaseKind, OlderSchema, Tls},
    system::SystemClock,
};

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
    pub(super) ranking_counters: Arc<dyn RankingCounters>,
    opened: Opened,
}

/// What is to be closed.
#[derive(Clone)]
enum Opened {
    Sqlite(SqliteDatabase),
    MySql(MySqlDatabase),
}

impl Database {
    /// Opens it; a file that is not there is made.
    pub(super) async fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        match config.database_kind() {
            DatabaseKind::Sqlite(path) => {
                make_folder_of(&path)?;
                let file = SqliteDatabase::open(&path, clock).await?;
                Ok(Self::on(file.clone(), Opened::Sqlite(file)))
            }
            DatabaseKind::MySql(url) => {
                let settings = mysql_settings(config);
                let opening = MySqlDatabase::open(url, &settings, TimeOffset::default());
                let server = opening.await.context("database.url")?;
                Ok(Self::on(server.clone(), Opened::MySql(server)))
            }
        }
    }

    fn on<Ports>(ports: Ports, opened: Opened) -> Self
    where
        Ports: Concerts
            + ConcertEditor
            + QueuePolicies
            + Reservations
            + Points
            + Idempotency
            + RankingSource
            + RankingCounters
            + 'static,
    {
        let ports = Arc::new(ports);
        Self {
            concerts: Arc::clone(&ports) as _,
            editor: Arc::clone(&ports) as _,
            policies: Arc::clone(&ports) as _,
            reservations: Arc::clone(&ports) as _,
            points: Arc::clone(&ports) as _,
            idempotency: Arc::clone(&ports) as _,
            ranking_source: Arc::clone(&ports) as _,
            ranking_counters: ports,
            opened,
        }
    }

    /// Closes it; nothing works any more.
    pub(super) async fn close(&self) {
        match &self.opened {
            Opened::Sqlite(file) => file.close().await,
            Opened::MySql(server) => server.close(),
        }
    }
}

/// Which migrations a database has, and which it lacks, the oldest first.
pub(crate) struct MigrationStatus {
    pub(crate) applied: Vec<String>,
    pub(crate) pending: Vec<String>,
}

/// Brings the schema of the configured database up to date.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<()> {
    match config.database_kind() {
        DatabaseKind::Sqlite(_) => {
            let database = Database::open(config, Arc::new(SystemClock)).await?;
            database.close().await;
        }
        DatabaseKind::MySql(url) => MySqlDatabase::migrate(url, &mysql_settings(config))
            .await
            .context("database.url")?,
    }
    Ok(())
}

/// Which migrations the configured database has and lacks.
pub(crate) async fn migration_status(config: &Config) -> anyhow::Result<MigrationStatus> {
    Ok(match config.database_kind() {
        DatabaseKind::Sqlite(path) => {
            let status = SqliteDatabase::migration_status(&path).await?;
            MigrationStatus {
                applied: status.applied,
                pending: status.pending,
            }
        }
        DatabaseKind::MySql(url) => {
            let settings = mysql_settings(config);
            let asking = MySqlDatabase::migration_status(url, &settings);
            let status = asking.await.context("database.url")?;
            MigrationStatus {
                applied: status.applied,
                pending: status.pending,
            }
        }
    })
}

/// The configured database, for people to read.
pub(crate) fn database_name(config: &Config) -> String {
    match (config.database_kind(), &config.database.url) {
        (DatabaseKind::MySql(_), Some(url)) => url.to_string(),
        (DatabaseKind::Sqlite(path), _) => path.display().to_string(),
        (DatabaseKind::MySql(_), None) => String::new(),
    }
}

/// How to deal with a MySQL server.
pub(super) fn mysql_settings(config: &Config) -> MySqlSettings {
    let database = &config.database;
    MySqlSettings {
        pool_size: database.pool_size,
        acquire_timeout: Duration::from_millis(database.acquire_timeout_ms),
        connect_timeout: Duration::from_millis(database.connect_timeout_ms),
        statement_timeout: Duration::from_millis(database.statement_timeout_ms),
        lock_timeout: Duration::from_secs(database.lock_timeout_s),
        tls: match database.tls {
            Tls::Off => frontrow_adapter_mysql::TlsMode::Off,
            Tls::Encrypt => frontrow_adapter_mysql::TlsMode::Encrypt,
            Tls::Verify => frontrow_adapter_mysql::TlsMode::Verify,
        },
        older_schema: match database.older_schema {
            OlderSchema::Refuse => frontrow_adapter_mysql::OlderSchema::Refuse,
            OlderSchema::Migrate => frontrow_adapter_mysql::OlderSchema::Migrate,
        },
    }
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
