//! Opens the configured database.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use frontrow_adapter_embedded::SqliteDatabase;
use frontrow_adapter_mysql::{MySqlDatabase, MySqlSettings, TimeOffset};
use frontrow_domain::ports::{
    Books, CleanStops, Clock, ConcertEditor, Concerts, DuplicatePerformance, Idempotency, Points,
    QueuePolicies, RankingCounters, RankingSource, Reservations, ServedArrivals, StoredCurrency,
};
use frontrow_domain::{
    model::Difference,
    use_cases::{Reconcile, Reconciled},
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
    pub(super) served: Arc<dyn ServedArrivals>,
    pub(super) reservations: Arc<dyn Reservations>,
    pub(super) points: Arc<dyn Points>,
    pub(super) idempotency: Arc<dyn Idempotency>,
    pub(super) ranking_source: Arc<dyn RankingSource>,
    pub(super) ranking_counters: Arc<dyn RankingCounters>,
    pub(super) books: Arc<dyn Books>,
    pub(super) stops: Arc<dyn CleanStops>,
    currency: Arc<dyn StoredCurrency>,
    opened: Opened,
}

/// The adapter to close.
#[derive(Clone)]
enum Opened {
    Sqlite(SqliteDatabase),
    MySql(MySqlDatabase),
}

impl Database {
    /// Opens the database. Creates an SQLite file that does not exist.
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

    /// Opens an existing database without changing it. Errors if it does not exist or its schema is
    /// older.
    async fn open_existing(config: &Config) -> anyhow::Result<Self> {
        let status = migration_status(config).await?;
        let name = database_name(config);
        ensure!(!status.applied.is_empty(), "there is no database at {name}");
        ensure!(
            status.pending.is_empty(),
            "the schema of {name} is older than this program: run `frontrow migrate`"
        );
        Self::open(config, Arc::new(SystemClock)).await
    }

    fn on<Ports>(ports: Ports, opened: Opened) -> Self
    where
        Ports: Concerts
            + ConcertEditor
            + QueuePolicies
            + ServedArrivals
            + Reservations
            + Points
            + Idempotency
            + RankingSource
            + RankingCounters
            + Books
            + CleanStops
            + StoredCurrency
            + 'static,
    {
        let ports = Arc::new(ports);
        Self {
            concerts: Arc::clone(&ports) as _,
            editor: Arc::clone(&ports) as _,
            policies: Arc::clone(&ports) as _,
            served: Arc::clone(&ports) as _,
            reservations: Arc::clone(&ports) as _,
            points: Arc::clone(&ports) as _,
            idempotency: Arc::clone(&ports) as _,
            ranking_source: Arc::clone(&ports) as _,
            ranking_counters: Arc::clone(&ports) as _,
            books: Arc::clone(&ports) as _,
            stops: Arc::clone(&ports) as _,
            currency: ports,
            opened,
        }
    }

    /// Stores the configured currency. Errors if the database has another one.
    pub(super) async fn adopt_currency(&self, config: &Config) -> anyhow::Result<()> {
        let configured = config.points.currency;
        let stored = self.currency.adopt(configured).await?;
        ensure!(
            stored == configured,
            "points.currency: the amounts in {} are in {stored}, not in {configured}: set {stored}, or use another database",
            database_name(config)
        );
        Ok(())
    }

    /// Closes the database. Later calls fail.
    pub(super) async fn close(&self) {
        match &self.opened {
            Opened::Sqlite(file) => file.close().await,
            Opened::MySql(server) => server.close(),
        }
    }
}

/// The applied and the pending migrations of a database, the oldest first.
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

/// Returns the performances of the configured database that share concert, start and venue with
/// another one.
pub(crate) async fn duplicates(config: &Config) -> anyhow::Result<Vec<DuplicatePerformance>> {
    let database = Database::open(config, Arc::new(SystemClock)).await?;
    let duplicates = database.editor.duplicate_performances().await;
    database.close().await;
    Ok(duplicates?)
}

/// Checks whether points, payments and seats agree in the configured database. Calls `report` for
/// each difference.
pub(crate) async fn reconcile(
    config: &Config,
    report: impl FnMut(&Difference) + Send,
) -> anyhow::Result<Reconciled> {
    let database = Database::open_existing(config).await?;
    let reconcile = Reconcile {
        books: Arc::clone(&database.books),
    };
    let reconciled = reconcile.run(report).await;
    database.close().await;
    Ok(reconciled?)
}

/// Returns the applied and the pending migrations of the configured database.
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

/// Returns the name of the configured database for messages, without its password.
pub(crate) fn database_name(config: &Config) -> String {
    match (config.database_kind(), &config.database.url) {
        (DatabaseKind::MySql(_), Some(url)) => url.to_string(),
        (DatabaseKind::Sqlite(path), _) => path.display().to_string(),
        (DatabaseKind::MySql(_), None) => String::new(),
    }
}

/// Returns the settings of the MySQL adapter.
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
        .with_context(|| format!("cannot create the folder {}", folder.display()))
}
