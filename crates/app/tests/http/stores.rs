//! The stores that the program can be configured with.

use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    sql_query,
    sql_types::{BigInt, Text},
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

/// What the ledger has on one user.
#[derive(Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct Ledger {
    #[diesel(sql_type = Text)]
    pub(crate) user_id: String,
    /// How often points were charged.
    #[diesel(sql_type = BigInt)]
    pub(crate) charges: i64,
    /// How often seats were paid.
    #[diesel(sql_type = BigInt)]
    pub(crate) payments: i64,
    /// What all rows add up to.
    #[diesel(sql_type = BigInt)]
    pub(crate) sum: i64,
}

/// What the audit table has on one change.
#[derive(Debug, QueryableByName)]
pub(crate) struct Note {
    /// When, in microseconds since 1970.
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
            Self::Embedded => Ok(sql_query(BOOKS).get_result(&mut sqlite(app)?)?),
        }
    }

    /// The ledger, user by user.
    pub(crate) fn ledgers(self, app: &App) -> anyhow::Result<Vec<Ledger>> {
        match self {
            Self::Embedded => Ok(sql_query(LEDGERS).load(&mut sqlite(app)?)?),
        }
    }

    /// The audit table, the oldest note first.
    pub(crate) fn notes(self, app: &App) -> anyhow::Result<Vec<Note>> {
        match self {
            Self::Embedded => Ok(sql_query(NOTES).load(&mut sqlite(app)?)?),
        }
    }

    /// Dates every sale of `app` back by a day: only what is over is ranked.
    pub(crate) fn a_day_earlier(self, app: &App) -> anyhow::Result<()> {
        match self {
            Self::Embedded => sql_query(A_DAY_EARLIER).execute(&mut sqlite(app)?)?,
        };
        Ok(())
    }

    /// Holds up every write to the database of `app`, so that a test can act while requests are on
    /// their way there. For less than the five seconds after which they would be refused.
    pub(crate) fn hold_up_writes(self, app: &App) -> anyhow::Result<WritesHeldUp> {
        match self {
            Self::Embedded => {
                let mut writer = sqlite(app)?;
                writer.batch_execute("BEGIN IMMEDIATE")?;
                Ok(WritesHeldUp { _writer: writer })
            }
        }
    }
}

/// While this lives nothing else is written to the database. Requests that would write wait.
pub(crate) struct WritesHeldUp {
    /// In a transaction that is never committed.
    _writer: SqliteConnection,
}

/// The embedded database of `app`, beside the program itself.
fn sqlite(app: &App) -> anyhow::Result<SqliteConnection> {
    let file = app.data_dir().join("frontrow.db");
    let mut database = SqliteConnection::establish(&file.to_string_lossy())?;
    database.batch_execute("PRAGMA busy_timeout = 5000")?;
    Ok(database)
}

const LEDGERS: &str = "
    SELECT user_id,
        SUM(CASE reason WHEN 'charge' THEN 1 ELSE 0 END) AS charges,
        SUM(CASE reason WHEN 'payment' THEN 1 ELSE 0 END) AS payments,
        SUM(CASE reason WHEN 'charge' THEN amount ELSE -amount END) AS sum
    FROM ledger GROUP BY user_id";

const NOTES: &str = "SELECT at, actor, action, subject, detail FROM audit ORDER BY id";

const A_DAY_EARLIER: &str = "
    UPDATE reservations SET confirmed_at = confirmed_at - 86400000000
    WHERE confirmed_at IS NOT NULL";

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
