//! What must last, in one MySQL or MariaDB database: concerts, reservations, points.
//!
//! One file for each port, and below them `schema`, `columns` and `rows` (the tables as diesel sees them,
//! and rows as the domain does), `new_performance`, `performance_edits`, `seat_rows`, `slots` and
//! `deletions` (what the catalogue's editor does to a performance and its seats), and `audit` (notes on what
//! operators change).

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
    clock::TimeOffset,
    migrations::{self, MigrationStatus},
    open_error::OpenError,
    pool::{Pool, Server},
    settings::MySqlSettings,
    transactions::{TransactionRunner, Work},
};

/// A change of a hall has so many times as long as other calls: it may write 100,000 seats.
const EDIT_FACTOR: u32 = 12;

/// Frontrow's database in MySQL or MariaDB; it implements every port of a database.
///
/// The store's own clock, which ends holds, is the server's. Any number of instances of the service may
/// share a database. Clones share their connections. Needs a tokio runtime.
#[derive(Clone)]
pub struct MySqlDatabase {
    calls: TransactionRunner,
    pool: Pool,
    call_limit: Duration,
}

impl MySqlDatabase {
    /// Connects to the database of a URL such as `mysql://user:password@host:3306/frontrow`, which must
    /// be there. Refuses a schema that is newer than this program, and deals with an older one as the
    /// settings say. `offset` is for tests: the product's is [`TimeOffset::default`], none.
    ///
    /// # Errors
    /// Says in one line which database is wrong and how.
    pub async fn open(
        url: &str,
        settings: &MySqlSettings,
        offset: TimeOffset,
    ) -> Result<Self, OpenError> {
        let server = Server::new(url, settings)?;
        migrations::ensure_current(&server, settings.older_schema).await?;
        let pool = server.pool(settings.pool_size)?;
        Ok(Self {
            calls: TransactionRunner::new(&server, pool.clone(), offset),
            pool,
            call_limit: settings.statement_timeout,
        })
    }

    /// Runs the migrations that the database of `url` lacks. Of several processes that do so at once, one
    /// does and the others wait.
    ///
    /// # Errors
    /// As for [`MySqlDatabase::open`].
    pub async fn migrate(url: &str, settings: &MySqlSettings) -> Result<(), OpenError> {
        migrations::migrate(&Server::new(url, settings)?).await
    }

    /// Which migrations the database of `url` has and which it lacks. Changes nothing.
    ///
    /// # Errors
    /// As for [`MySqlDatabase::open`].
    pub async fn migration_status(
        url: &str,
        settings: &MySqlSettings,
    ) -> Result<MigrationStatus, OpenError> {
        migrations::status(&Server::new(url, settings)?).await
    }

    /// How often a transaction was begun anew since the start, because it ran into another one (a
    /// deadlock, a lock that was not free in time, a seat that somebody else took first) or lost its
    /// connection. For metrics: when it grows as fast as the calls do, something is contended.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.calls.retries()
    }

    /// Hangs up. TransactionRunner that have a connection go on to their end; what comes later fails.
    pub fn close(&self) {
        self.pool.close();
    }

    /// Does what a port was asked for.
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

    /// Does what an operator asked for.
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
