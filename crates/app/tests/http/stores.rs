//! The stores that the program can be configured with.

mod database;
mod mysql;
mod mysql_queue;
mod queue_record;
mod redis;
mod sqlite;

use anyhow::Result;
use diesel_async::AsyncMysqlConnection;
use frontrow_test_harness::{App, AppConfig, MySqlTestDatabase, RedisKeyspace};

use self::database::Opened;
pub(crate) use self::{
    database::{AuditEntry, Ledger, Totals, WritesHeldUp},
    queue_record::{QueueReader, QueueRecord},
};

/// The key that signs queue tokens if instances share the queues.
const TOKEN_KEY: &str = "a-key-that-all-instances-of-a-test-share";

/// A combination of stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stores {
    database: Database,
    queue: Queue,
}

/// The store of durable data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Database {
    Sqlite,
    MySql,
}

/// The store of the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queue {
    Memory,
    /// The database.
    MySql,
    Redis,
}

impl Stores {
    /// One SQLite file, and queues in the memory of the program.
    pub(crate) const EMBEDDED: Self = Self {
        database: Database::Sqlite,
        queue: Queue::Memory,
    };
    /// A MySQL database, and queues in the memory of the program.
    pub(crate) const MYSQL: Self = Self {
        database: Database::MySql,
        queue: Queue::Memory,
    };
    /// One SQLite file and Redis.
    pub(crate) const REDIS: Self = Self {
        database: Database::Sqlite,
        queue: Queue::Redis,
    };
    /// A MySQL database and Redis.
    pub(crate) const MYSQL_AND_REDIS: Self = Self {
        database: Database::MySql,
        queue: Queue::Redis,
    };
    /// A MySQL database, also for the queues, and rankings in the memory of the program.
    pub(crate) const MYSQL_QUEUE: Self = Self {
        database: Database::MySql,
        queue: Queue::MySql,
    };

    /// The configuration of a program on these stores, which are empty. The demo is off, and the
    /// intervals are short, for tests.
    pub(crate) async fn config(self) -> Result<AppConfig> {
        let config = match self.database {
            Database::Sqlite => without_stores(),
            Database::MySql => {
                let database = MySqlTestDatabase::create().await?;
                Self::on_mysql(database.url()).keep(database)
            }
        };
        Ok(match self.queue {
            Queue::Memory => config,
            Queue::MySql => Self::sharing(config.env("FRONTROW_QUEUE__BACKEND", "mysql")),
            Queue::Redis => {
                let keyspace = RedisKeyspace::create().await?;
                Self::with_redis(config, keyspace.url())
                    .env(redis::KEY_PREFIX, keyspace.prefix())
                    .keep(keyspace)
            }
        })
    }

    /// The configuration of a program on a MySQL database that the test has created itself.
    pub(crate) fn on_mysql(url: &str) -> AppConfig {
        without_stores()
            .env(mysql::URL, url)
            .env("FRONTROW_DATABASE__OLDER_SCHEMA", "migrate")
    }

    /// `config` with queues and rankings on a Redis.
    pub(crate) fn with_redis(config: AppConfig, url: &str) -> AppConfig {
        let config = config
            .env("FRONTROW_QUEUE__BACKEND", "redis")
            .env("FRONTROW_CACHE__BACKEND", "redis")
            .env(redis::URL, url);
        Self::sharing(config)
    }

    /// `config` with the settings that instances with shared queues have in common.
    fn sharing(config: AppConfig) -> AppConfig {
        config
            .env("FRONTROW_QUEUE__TOKEN_KEYS__SHARED", TOKEN_KEY)
            .env("FRONTROW_IDENTITY__TRUST_X_USER_ID", "true")
    }

    /// `config` with a new prefix of keys on its Redis, if it has one.
    pub(crate) fn with_new_keys(config: AppConfig) -> AppConfig {
        const PREFIX: &str = "FRONTROW_REDIS__KEY_PREFIX";
        let prefix = config.value(PREFIX).map(std::ffi::OsStr::to_owned);
        match prefix {
            // The new keys begin with the old prefix, so they are removed with the old ones.
            Some(mut prefix) => {
                prefix.push("new:");
                config.env(PREFIX, prefix)
            }
            None => config,
        }
    }

    /// True if queues and rankings are on a Redis.
    pub(crate) fn has_redis(self) -> bool {
        self.queue == Queue::Redis
    }

    /// True if instances can share the queues.
    pub(crate) fn shares_queues(self) -> bool {
        self.queue != Queue::Memory
    }

    /// True if the database is a SQLite file.
    pub(crate) fn has_sqlite(self) -> bool {
        self.database == Database::Sqlite
    }

    /// Reads the totals in the database of `app`.
    pub(crate) async fn totals(self, app: &App) -> Result<Totals> {
        self.open(app).await?.totals().await
    }

    /// The ledger, user by user.
    pub(crate) async fn ledgers(self, app: &App) -> Result<Vec<Ledger>> {
        self.open(app).await?.ledgers().await
    }

    /// The rows of the audit table, the oldest first.
    pub(crate) async fn audit_entries(self, app: &App) -> Result<Vec<AuditEntry>> {
        self.open(app).await?.audit_entries().await
    }

    /// Dates every sale of `app` back by a day, because rankings count only finished periods.
    pub(crate) async fn a_day_earlier(self, app: &App) -> Result<()> {
        self.open(app).await?.a_day_earlier().await
    }

    /// Runs a statement directly in the database. Both kinds of database must understand it.
    pub(crate) async fn execute(self, app: &App, sql: &str) -> Result<()> {
        self.open(app).await?.execute(sql).await
    }

    /// Removes all rows of a table, ignoring foreign keys.
    pub(crate) async fn lose(self, app: &App, table: &str) -> Result<()> {
        let unchecked = match self.database {
            Database::Sqlite => "PRAGMA foreign_keys = OFF",
            Database::MySql => "SET foreign_key_checks = 0",
        };
        let sql = format!("{unchecked}; DELETE FROM {table}");
        self.execute(app, &sql).await
    }

    /// The number of sold seats of `app` in the counters behind the rankings.
    pub(crate) async fn counted(self, app: &App) -> Result<i64> {
        self.open(app).await?.counted().await
    }

    /// Blocks every write to the database of `app`, so that a test can act while requests wait
    /// there. They would be refused after five seconds.
    pub(crate) async fn hold_up_writes(self, app: &App) -> Result<WritesHeldUp> {
        self.open(app).await?.hold_up_writes().await
    }

    /// A connection to the MySQL database of `app`, for queries that only MySQL supports.
    pub(crate) async fn mysql(self, app: &App) -> Result<AsyncMysqlConnection> {
        mysql::open(app).await
    }

    /// Removes the keys of `app` from its Redis whose names begin with its prefix and then `part`.
    pub(crate) async fn remove_redis_keys(app: &App, part: &str) -> Result<()> {
        redis::remove(app.config(), part).await
    }

    async fn open(self, app: &App) -> Result<Opened> {
        Ok(match self.database {
            Database::Sqlite => Opened::Sqlite(sqlite::open(app)?),
            Database::MySql => Opened::MySql(mysql::open(app).await?),
        })
    }
}

/// A configuration without stores, with an admin key and short intervals for tests.
fn without_stores() -> AppConfig {
    AppConfig::default()
        .env("FRONTROW_DEMO__ON_FIRST_START", "false")
        .env("FRONTROW_ADMIN__KEYS__OPS", super::test_app::ADMIN_KEY)
        .env("FRONTROW_QUEUE__SHORTEST_POLL_MS", "50")
        .env("FRONTROW_QUEUE__LONGEST_POLL_MS", "250")
        .env("FRONTROW_QUEUE__RECOVERY_S", "1")
}
