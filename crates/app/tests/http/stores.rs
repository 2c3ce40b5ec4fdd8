//! The stores that the program can be configured with.

use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query, sql_types::BigInt,
};
use frontrow_test_harness::{App, AppConfig};

/// A combination of stores.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stores {
    /// One SQLite file, and the memory of the program.
    Embedded,
}

/// What the ledger and the balances come to in the database itself.
#[derive(Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct Books {
    /// Users whose ledger rows do not add up to their balance.
    #[diesel(sql_type = BigInt)]
    pub(crate) wrong_balances: i64,
    /// Payments in the ledger.
    #[diesel(sql_type = BigInt)]
    pub(crate) payments: i64,
    /// What they come to.
    #[diesel(sql_type = BigInt)]
    pub(crate) paid: i64,
    /// Seats that are sold.
    #[diesel(sql_type = BigInt)]
    pub(crate) seats_sold: i64,
}

impl Stores {
    /// The configuration of a program on these stores, empty, without the demo on-sale, and with a
    /// pace that suits tests.
    pub(crate) fn config(self) -> AppConfig {
        let config = AppConfig::default()
            .env("FRONTROW_DEMO__ON_FIRST_START", "false")
            .env("FRONTROW_ADMIN__KEYS__OPS", super::stage::ADMIN_KEY)
            .env("FRONTROW_QUEUE__SHORTEST_POLL_MS", "50")
            .env("FRONTROW_QUEUE__LONGEST_POLL_MS", "250")
            .env("FRONTROW_QUEUE__RECOVERY_S", "1");
        match self {
            Self::Embedded => config,
        }
    }

    /// Looks into the database of `app`.
    pub(crate) fn books(self, app: &App) -> anyhow::Result<Books> {
        match self {
            Self::Embedded => {
                let file = app.data_dir().join("frontrow.db");
                let mut database = SqliteConnection::establish(&file.to_string_lossy())?;
                Ok(sql_query(BOOKS).get_result(&mut database)?)
            }
        }
    }
}

/// Standard SQL, the same for every database.
const BOOKS: &str = "
    SELECT
        (SELECT COUNT(*) FROM balances b WHERE b.balance <> (
            SELECT COALESCE(SUM(CASE l.reason WHEN 'charge' THEN l.amount ELSE -l.amount END), 0)
            FROM ledger l WHERE l.user_id = b.user_id
        )) AS wrong_balances,
        (SELECT COUNT(*) FROM ledger WHERE reason = 'payment') AS payments,
        (SELECT COALESCE(SUM(amount), 0) FROM ledger WHERE reason = 'payment') AS paid,
        (SELECT COUNT(*) FROM seats
            WHERE reservation_id IS NOT NULL AND held_until IS NULL) AS seats_sold";
