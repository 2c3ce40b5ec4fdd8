//! Reads a MySQL database directly. Sums are decimals there.

use anyhow::{Context, Result};
use diesel_async::{AsyncConnection, AsyncMysqlConnection};
use frontrow_test_harness::App;

/// The setting with its URL.
pub(super) const URL: &str = "FRONTROW_DATABASE__URL";

pub(super) async fn open(app: &App) -> Result<AsyncMysqlConnection> {
    let url = app.config().value(URL).and_then(|url| url.to_str());
    let url = url.context("the program was given no database")?;
    Ok(AsyncMysqlConnection::establish(url).await?)
}

pub(super) const LEDGERS: &str = "
    SELECT user_id,
        CAST(SUM(reason = 'charge') AS SIGNED) AS charges,
        CAST(SUM(reason = 'payment') AS SIGNED) AS payments,
        CAST(SUM(CASE reason WHEN 'charge' THEN amount ELSE -amount END) AS SIGNED) AS sum
    FROM ledger GROUP BY user_id";

pub(super) const AUDIT_ENTRIES: &str = "
    SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', at) AS at, actor, action, subject, detail
    FROM audit ORDER BY id";

/// Marks all sales as not counted, so that they are counted again.
pub(super) const A_DAY_EARLIER: &str = "
    START TRANSACTION;
    UPDATE reservations SET confirmed_at = confirmed_at - INTERVAL 1 DAY, counted_at = NULL
    WHERE confirmed_at IS NOT NULL;
    DELETE FROM concert_sales;
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
        CAST((SELECT COALESCE(SUM(amount), 0) FROM ledger WHERE reason = 'payment') AS SIGNED)
            AS paid,
        (SELECT COUNT(*) FROM seats
            WHERE reservation_id IS NOT NULL AND held_until IS NULL) AS seats_sold";

/// Blocks writes of other connections. They may still read.
pub(super) const HOLD_UP_WRITES: &str = "
    LOCK TABLES concerts READ, performances READ, performance_sales READ, reservations READ,
        seats READ, balances READ, ledger READ, idempotency_records READ, former_idempotency_keys READ,
        settings READ, audit READ,
        concert_sales READ";
