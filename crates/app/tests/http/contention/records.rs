//! The reservations, seats and points in a database at one instant.

use anyhow::{Context, Result};
use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Nullable, Text},
};
use diesel_async::{AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;

/// All records, read at one instant. Instants are microseconds since 1970, ids are hexadecimal
/// digits.
pub(super) struct Records {
    /// The time of the read.
    pub(super) now: i64,
    pub(super) reservations: Vec<Reservation>,
    pub(super) seats: Vec<Seat>,
    pub(super) ledger: Vec<Entry>,
    pub(super) balances: Vec<Balance>,
    pub(super) sales: Vec<Sales>,
}

/// A reservation.
#[derive(Debug, QueryableByName)]
pub(super) struct Reservation {
    #[diesel(sql_type = Text)]
    pub(super) id: String,
    #[diesel(sql_type = Text)]
    pub(super) user_id: String,
    #[diesel(sql_type = Text)]
    pub(super) performance_id: String,
    #[diesel(sql_type = Text)]
    pub(super) state: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) held_until: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) confirmed_at: Option<i64>,
    #[diesel(sql_type = BigInt)]
    pub(super) total: i64,
    /// `[["R1-1", 100], …]`
    #[diesel(sql_type = Text)]
    seats: String,
}

/// A seat and its user.
#[derive(Debug, QueryableByName)]
pub(super) struct Seat {
    #[diesel(sql_type = Text)]
    pub(super) performance_id: String,
    #[diesel(sql_type = Text)]
    pub(super) label: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) reservation_id: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) held_until: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) user_id: Option<String>,
}

/// A row of the ledger.
#[derive(Debug, QueryableByName)]
pub(super) struct Entry {
    #[diesel(sql_type = Text)]
    pub(super) user_id: String,
    /// The reservation that it pays. None for a charge.
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) reservation_id: Option<String>,
    #[diesel(sql_type = BigInt)]
    pub(super) amount: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) balance_after: i64,
}

/// A user's points.
#[derive(Debug, QueryableByName)]
pub(super) struct Balance {
    #[diesel(sql_type = Text)]
    pub(super) user_id: String,
    #[diesel(sql_type = BigInt)]
    pub(super) balance: i64,
}

/// The number of sold seats of a performance, as counted at each sale.
#[derive(Debug, QueryableByName)]
pub(super) struct Sales {
    #[diesel(sql_type = Text)]
    pub(super) performance_id: String,
    #[diesel(sql_type = BigInt)]
    pub(super) counted: i64,
}

const RESERVATIONS: &str = "
    SELECT LOWER(HEX(id)) AS id, user_id, LOWER(HEX(performance_id)) AS performance_id, state, total,
        seats, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', held_until) AS held_until,
        TIMESTAMPDIFF(MICROSECOND, '1970-01-01', confirmed_at) AS confirmed_at
    FROM reservations";

const SEATS: &str = "
    SELECT LOWER(HEX(performance_id)) AS performance_id, label, user_id,
        LOWER(HEX(reservation_id)) AS reservation_id,
        TIMESTAMPDIFF(MICROSECOND, '1970-01-01', held_until) AS held_until
    FROM seats";

const LEDGER: &str = "
    SELECT user_id, LOWER(HEX(reservation_id)) AS reservation_id, amount, balance_after FROM ledger";

const BALANCES: &str = "SELECT user_id, balance FROM balances";

const NOW: &str = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) AS now";

const SALES: &str = "
    SELECT LOWER(HEX(performance_id)) AS performance_id, CAST(SUM(seats_sold) AS SIGNED) AS counted
    FROM performance_sales GROUP BY performance_id";

impl Records {
    /// Reads all records.
    pub(super) async fn read(database: &mut AsyncMysqlConnection) -> Result<Self> {
        #[derive(QueryableByName)]
        struct Now {
            #[diesel(sql_type = BigInt)]
            now: i64,
        }
        let begin = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
            START TRANSACTION WITH CONSISTENT SNAPSHOT";
        database.batch_execute(begin).await?;
        let now: Now = sql_query(NOW).get_result(database).await?;
        let records = Self {
            now: now.now,
            reservations: sql_query(RESERVATIONS).load(database).await?,
            seats: sql_query(SEATS).load(database).await?,
            ledger: sql_query(LEDGER).load(database).await?,
            balances: sql_query(BALANCES).load(database).await?,
            sales: sql_query(SALES).load(database).await?,
        };
        database.batch_execute("COMMIT").await?;
        Ok(records)
    }

    /// The reservation in an answer.
    pub(super) fn reservation(&self, id: &str) -> Result<&Reservation> {
        let digits = id.replace('-', "");
        let mut all = self.reservations.iter();
        all.find(|reservation| reservation.id == digits)
            .with_context(|| format!("there is no reservation {id}"))
    }

    /// The ledger rows for the payment of a reservation.
    pub(super) fn payments_of(&self, reservation: &Reservation) -> Vec<&Entry> {
        let id = Some(&reservation.id);
        let all = self.ledger.iter();
        all.filter(|entry| entry.reservation_id.as_ref() == id)
            .collect()
    }

    /// The number of reservations in this state.
    pub(super) fn count(&self, state: &str) -> usize {
        let all = self.reservations.iter();
        all.filter(|reservation| reservation.state == state).count()
    }

    /// A user's points.
    pub(super) fn balance(&self, user: &str) -> i64 {
        let mut all = self.balances.iter();
        all.find(|balance| balance.user_id == user)
            .map_or(0, |balance| balance.balance)
    }
}

impl Reservation {
    /// True if all of its seats belong to it.
    pub(super) fn is_live(&self) -> bool {
        ["held", "confirmed"].contains(&self.state.as_str())
    }

    /// True if all of its seats are available to other users.
    pub(super) fn is_over(&self, now: i64) -> bool {
        let ended = ["cancelled", "expired"].contains(&self.state.as_str());
        ended || self.held_until.is_some_and(|until| until <= now)
    }

    /// Its seats' labels, each with the price at which it was held, sorted.
    pub(super) fn seats(&self) -> Vec<(String, i64)> {
        let seats: Value = serde_json::from_str(&self.seats).unwrap_or_default();
        let seats = seats.as_array().into_iter().flatten();
        let mut seats: Vec<_> = seats
            .filter_map(|seat| Some((seat[0].as_str()?.to_owned(), seat[1].as_i64()?)))
            .collect();
        seats.sort();
        seats
    }
}

impl Entry {
    /// Its change of the balance.
    pub(super) fn change(&self) -> i64 {
        match self.reservation_id {
            Some(_) => -self.amount,
            None => self.amount,
        }
    }
}
