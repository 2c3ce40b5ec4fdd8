//! Reads the database directly.

use anyhow::Result;
use diesel::{
    QueryableByName, SqliteConnection,
    connection::SimpleConnection,
    sql_query,
    sql_types::{BigInt, Text},
};
use diesel_async::{AsyncMysqlConnection, SimpleAsyncConnection};

use super::{mysql, sqlite};

/// A connection to a program's database.
pub(super) enum Opened {
    Sqlite(SqliteConnection),
    MySql(AsyncMysqlConnection),
}

/// The sums of ledger, balances and sales in the database.
#[derive(Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct Totals {
    /// Users whose ledger rows do not add up to their balance.
    #[diesel(sql_type = BigInt)]
    pub(crate) wrong_balances: i64,
    /// Payments in the ledger.
    #[diesel(sql_type = BigInt)]
    pub(crate) payments: i64,
    /// The sum of the payments.
    #[diesel(sql_type = BigInt)]
    pub(crate) paid: i64,
    /// The number of sold seats.
    #[diesel(sql_type = BigInt)]
    pub(crate) seats_sold: i64,
}

/// The ledger of one user.
#[derive(Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct Ledger {
    #[diesel(sql_type = Text)]
    pub(crate) user_id: String,
    /// The number of charges.
    #[diesel(sql_type = BigInt)]
    pub(crate) charges: i64,
    /// The number of payments.
    #[diesel(sql_type = BigInt)]
    pub(crate) payments: i64,
    /// The sum of all rows.
    #[diesel(sql_type = BigInt)]
    pub(crate) sum: i64,
}

/// The row of one change in the audit table.
#[derive(Debug, QueryableByName)]
pub(crate) struct AuditEntry {
    /// The instant, in microseconds since 1970.
    #[diesel(sql_type = BigInt)]
    pub(crate) at: i64,
    /// The name of the admin key.
    #[diesel(sql_type = Text)]
    pub(crate) actor: String,
    #[diesel(sql_type = Text)]
    pub(crate) action: String,
    #[diesel(sql_type = Text)]
    pub(crate) subject: String,
    /// JSON.
    #[diesel(sql_type = Text)]
    pub(crate) detail: String,
}

/// Blocks all other writes to the database until it is dropped. Requests that would write wait.
pub(crate) struct WritesHeldUp {
    /// A transaction that is never committed, or locks that are never released.
    _writer: Opened,
}

/// Runs a query in the SQL of the database's kind.
macro_rules! load {
    ($opened:expr, $query:ident) => {
        anyhow::Ok(match $opened {
            Opened::Sqlite(database) => {
                diesel::RunQueryDsl::load(sql_query(sqlite::$query), database)?
            }
            Opened::MySql(database) => {
                diesel_async::RunQueryDsl::load(sql_query(mysql::$query), database).await?
            }
        })
    };
}

impl Opened {
    pub(super) async fn totals(&mut self) -> Result<Totals> {
        Ok(match self {
            Self::Sqlite(database) => {
                diesel::RunQueryDsl::get_result(sql_query(sqlite::TOTALS), database)?
            }
            Self::MySql(database) => {
                diesel_async::RunQueryDsl::get_result(sql_query(mysql::TOTALS), database).await?
            }
        })
    }

    pub(super) async fn ledgers(&mut self) -> Result<Vec<Ledger>> {
        load!(self, LEDGERS)
    }

    pub(super) async fn audit_entries(&mut self) -> Result<Vec<AuditEntry>> {
        load!(self, AUDIT_ENTRIES)
    }

    pub(super) async fn counted(&mut self) -> Result<i64> {
        #[derive(QueryableByName)]
        struct Counted {
            #[diesel(sql_type = BigInt)]
            seats: i64,
        }
        let counted: Vec<Counted> = load!(self, COUNTED)?;
        Ok(counted.iter().map(|counted| counted.seats).sum())
    }

    pub(super) async fn a_day_earlier(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(database) => database.batch_execute(sqlite::A_DAY_EARLIER)?,
            Self::MySql(database) => {
                SimpleAsyncConnection::batch_execute(database, mysql::A_DAY_EARLIER).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn execute(&mut self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(database) => database.batch_execute(sql)?,
            Self::MySql(database) => SimpleAsyncConnection::batch_execute(database, sql).await?,
        }
        Ok(())
    }

    pub(super) async fn hold_up_writes(mut self) -> Result<WritesHeldUp> {
        match &mut self {
            Self::Sqlite(database) => database.batch_execute("BEGIN IMMEDIATE")?,
            Self::MySql(database) => {
                SimpleAsyncConnection::batch_execute(database, mysql::HOLD_UP_WRITES).await?;
            }
        }
        Ok(WritesHeldUp { _writer: self })
    }
}
