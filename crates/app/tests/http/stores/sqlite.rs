//! Reads the embedded database directly.

use anyhow::Result;
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use frontrow_test_harness::App;

pub(super) fn open(app: &App) -> Result<SqliteConnection> {
    let file = app.data_dir().join("frontrow.db");
    let mut database = SqliteConnection::establish(&file.to_string_lossy())?;
    database.batch_execute("PRAGMA busy_timeout = 5000")?;
    Ok(database)
}

pub(super) const LEDGERS: &str = "
    SELECT user_id,
        SUM(CASE reason WHEN 'charge' THEN 1 ELSE 0 END) AS charges,
        SUM(CASE reason WHEN 'payment' THEN 1 ELSE 0 END) AS payments,
        SUM(CASE reason WHEN 'charge' THEN amount ELSE -amount END) AS sum
    FROM ledger GROUP BY user_id";

pub(super) const AUDIT_ENTRIES: &str =
    "SELECT at, actor, action, subject, detail FROM audit ORDER BY id";

pub(super) const A_DAY_EARLIER: &str = "
    BEGIN IMMEDIATE;
    UPDATE reservations SET confirmed_at = confirmed_at - 86400000000
    WHERE confirmed_at IS NOT NULL;
    DELETE FROM concert_sales;
    INSERT INTO concert_sales (grain, starts_at, concert_id, seats)
    SELECT grain, confirmed_at / lasts * lasts, concert_id, sum(seat_count)
    FROM reservations, (
        SELECT 1 AS grain, 60000000 AS lasts
        UNION ALL SELECT 2, 3600000000 UNION ALL SELECT 3, 86400000000
    )
    WHERE confirmed_at IS NOT NULL GROUP BY 1, 2, 3;
    COMMIT";

/// The counters of days. Each sold seat is in one of them.
pub(super) const COUNTED: &str = "SELECT seats FROM concert_sales WHERE grain = 3";

pub(super) const TOTALS: &str = "
    SELECT
        (SELECT COUNT(*) FROM balances b WHERE b.balance <> (
            SELECT COALESCE(SUM(CASE l.reason WHEN 'charge' THEN l.amount ELSE -l.amount END), 0)
            FROM ledger l WHERE l.user_id = b.user_id
        )) AS wrong_balances,
        (SELECT COUNT(*) FROM ledger WHERE reason = 'payment') AS payments,
        (SELECT COALESCE(SUM(amount), 0) FROM ledger WHERE reason = 'payment') AS paid,
        (SELECT COUNT(*) FROM seats
            WHERE reservation_id IS NOT NULL AND held_until IS NULL) AS seats_sold";
