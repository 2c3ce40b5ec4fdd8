//! Stores what must last in one MySQL or MariaDB database: concerts, reservations, points.
//!
//! There is one file for each port. Below them are `schema`, `columns` and `rows` (the tables for
//! diesel, and the conversion of rows to domain values), `new_performance`, `performance_edits`,
//! `seat_rows`, `slots` and `deletions` (how the catalogue's editor changes a performance and its
//! seats), and `audit` (the log of what operators change).

mod audit;
mod books;
mod clean_stops;
mod columns;
mod concert_editor;
mod concerts;
mod deletions;
mod idempotency;
mod new_performance;
mod performance_edits;
mod points;
mod queue_policies;
mod ranking_counters;
mod ranking_source;
mod reservations;
mod rows;
mod sales;
mod schema;
mod seat_rows;
mod served_arrivals;
mod slots;
mod stored_currency;

use std::time::Duration;

use frontrow_domain::ports::StoreResult;

use crate::{
    TimeOffset,
    migrations::{self, MySqlMigrationStatus},
    open_error::MySqlOpenError,
    pool::{Pool, Server},
    settings::MySqlSettings,
    transactions::{TransactionRunner, Work},
};

/// The time limit of an operator's edit, which may write 100,000 seats, and of a read of the books,
/// as a multiple of the limit of other calls.
const EDIT_FACTOR: u32 = 12;

/// Frontrow's database in MySQL or MariaDB. Implements every port of a database.
///
/// The store's own clock, which ends holds, is the server's. Any number of instances of the service
/// may share a database. Clones share their connections. Needs a tokio runtime.
#[derive(Clone)]
pub struct MySqlDatabase {
    calls: TransactionRunner,
    pool: Pool,
    call_limit: Duration,
}

impl MySqlDatabase {
    /// Connects to the database of a URL such as `mysql://user:password@host:3306/frontrow`, which
    /// must exist. Refuses a schema that is newer than this program, and handles an older one as
    /// the settings say. `offset` is for tests. The product uses [`TimeOffset::default`], which is
    /// zero.
    ///
    /// # Errors
    /// States in one line which database is wrong and how.
    pub async fn open(
        url: &str,
        settings: &MySqlSettings,
        offset: TimeOffset,
    ) -> Result<Self, MySqlOpenError> {
        let server = Server::new(url, settings)?;
        migrations::ensure_current(&server, settings.older_schema).await?;
        let pool = server.pool(settings.pool_size)?;
        Ok(Self {
            calls: TransactionRunner::new(&server, pool.clone(), offset),
            pool,
            call_limit: settings.statement_timeout,
        })
    }

    /// Runs the migrations that the database of `url` lacks. If several processes do so at once,
    /// one runs them and the others wait.
    ///
    /// # Errors
    /// As for [`MySqlDatabase::open`].
    pub async fn migrate(url: &str, settings: &MySqlSettings) -> Result<(), MySqlOpenError> {
        migrations::migrate(&Server::new(url, settings)?).await
    }

    /// Returns which migrations the database of `url` has and which it lacks. Changes nothing.
    ///
    /// # Errors
    /// As for [`MySqlDatabase::open`].
    pub async fn migration_status(
        url: &str,
        settings: &MySqlSettings,
    ) -> Result<MySqlMigrationStatus, MySqlOpenError> {
        migrations::status(&Server::new(url, settings)?).await
    }

    /// Returns how many transactions were retried since the start, because of a conflict with
    /// another one (a deadlock, a lock that was not free in time, a seat that another call took
    /// first) or a lost connection. For metrics: if it grows as fast as the calls do, something is
    /// contended.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.calls.retries()
    }

    /// Closes the pool. Calls that have a connection run to their end. Later calls fail.
    pub fn close(&self) {
        self.pool.close();
    }

    /// Runs a call of a port.
    async fn call<Argument, Outcome>(
        &self,
        argument: Argument,
        work: Work<Argument, Outcome>,
    ) -> StoreResult<Outcome>
    where
        Argument: Send + Sync + 'static,
        Outcome: Send + 'static,
    {
        self.calls.run(self.call_limit, argument, work).await
    }

    /// Runs an operator's edit or a read of the books, with the longer time limit.
    async fn edit<Argument, Outcome>(
        &self,
        argument: Argument,
        work: Work<Argument, Outcome>,
    ) -> StoreResult<Outcome>
    where
        Argument: Send + Sync + 'static,
        Outcome: Send + 'static,
    {
        let limit = self.call_limit * EDIT_FACTOR;
        self.calls.run(limit, argument, work).await
    }
}
