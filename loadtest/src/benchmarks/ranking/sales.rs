//! Inserts a million sold seats into the database, in bulk.

use std::fmt::Write;

use anyhow::{Context, Result};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use mysql_async::{Conn, prelude::Queryable};

use crate::{figures::exact, stores::MySql, watch};

/// The program's default time zone. Its days are the spans of daily rankings.
const ZONE: &str = "Asia/Seoul";

/// The number of seats of each reservation.
const SEATS_PER_RESERVATION: u64 = 2;

/// The number of rows in one statement.
const CHUNK: usize = 2_000;

/// Sales of one day. Some concerts sell more than others.
#[derive(Debug, Clone)]
pub(super) struct Sales {
    concerts: u32,
    reservations: u64,
    from: Timestamp,
    to: Timestamp,
}

impl Sales {
    /// Creates sales of `concerts` concerts with `seats` seats in all, spread over the last
    /// complete day.
    pub(super) fn of_yesterday(concerts: u32, seats: u64) -> Result<Self> {
        let now = Timestamp::from_second(watch::unix_seconds().try_into()?)?;
        let today = now.to_zoned(TimeZone::get(ZONE)?).start_of_day()?;
        Ok(Self {
            concerts,
            reservations: seats / SEATS_PER_RESERVATION,
            from: today.checked_sub(1.day())?.timestamp(),
            to: today.timestamp(),
        })
    }

    /// Returns the number of seats that each concert sold, the highest first.
    pub(super) fn seats_sold(&self) -> impl Iterator<Item = u64> {
        let sold = |concert| self.reservations_of(concert) * SEATS_PER_RESERVATION;
        let mut sold: Vec<_> = (0..self.concerts).map(sold).collect();
        sold.sort_unstable_by(|one, other| other.cmp(one));
        sold.into_iter()
    }

    /// Returns the number of a concert's reservations. It grows with the number of the concert, in
    /// even steps.
    fn reservations_of(&self, concert: u32) -> u64 {
        let below = |concert: u64| {
            let steps = u64::from(self.concerts);
            self.reservations * concert * (concert + 1) / (steps * (steps + 1))
        };
        let concert = u64::from(concert);
        below(concert + 1) - below(concert)
    }

    /// Inserts the sales into the newest database of the server, which must contain the schema and
    /// no data.
    pub(super) async fn put_into(&self, mysql: &MySql) -> Result<()> {
        let database = mysql.newest().context("there is no database")?;
        let mut connection = mysql.connect(&database).await?;
        let concerts = (0..self.concerts).map(concert_row);
        let columns = "concerts (id, title, policy_version, policy_state, throughput_admit, \
                       throughput_interval_us, waiting_ttl_us, claim_ttl_us, active_ttl_us)";
        insert(&mut connection, columns, concerts).await?;
        let columns = "performances (id, concert_id, starts_at, venue, seats_total)";
        let performances = (0..self.concerts).map(performance_row);
        insert(&mut connection, columns, performances).await?;
        let columns = "reservations (id, user_id, concert_id, performance_id, state, \
                       confirmed_at, total, seat_count, seats)";
        insert(&mut connection, columns, self.reservation_rows()).await?;
        Ok(connection.disconnect().await?)
    }

    fn reservation_rows(&self) -> impl Iterator<Item = String> {
        let duration = self.from.duration_until(self.to).as_secs_f64();
        let each = duration / exact(self.reservations.max(1));
        let concerts = (0..self.concerts)
            .flat_map(|concert| (0..self.reservations_of(concert)).map(move |_| concert));
        // The order of the sales is independent of the concert.
        let numbered = (0_u64..).zip(concerts);
        numbered.map(move |(number, concert)| {
            let turn = number * 7_919 % self.reservations.max(1);
            let at = self.from + jiff::SignedDuration::from_secs_f64(exact(turn) * each);
            let at = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S.%6f");
            format!(
                "({},'loadtest-{number}',{},{},'confirmed','{at}',200,{SEATS_PER_RESERVATION},\
                 '[[\"A-1\",100],[\"A-2\",100]]')",
                id(Kind::Reservation, number),
                id(Kind::Concert, concert.into()),
                id(Kind::Performance, concert.into()),
            )
        })
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Concert = 1,
    Performance = 2,
    Reservation = 3,
}

/// Returns the id of a row of this kind, as SQL.
fn id(kind: Kind, number: u64) -> String {
    format!("0x{:08x}000070008000{number:012x}", kind as u32)
}

fn concert_row(number: u32) -> String {
    let id = id(Kind::Concert, number.into());
    format!("({id},'Concert {number}',1,'open',500,3000000,300000000,120000000,600000000)")
}

fn performance_row(number: u32) -> String {
    let (performance, concert) = (
        id(Kind::Performance, number.into()),
        id(Kind::Concert, number.into()),
    );
    format!("({performance},{concert},'2035-06-01 19:00:00','The Proving Ground',10000)")
}

async fn insert(
    connection: &mut Conn,
    into: &str,
    rows: impl Iterator<Item = String>,
) -> Result<()> {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let mut statement = format!("INSERT INTO {into} VALUES ");
        for (number, row) in rows.by_ref().take(CHUNK).enumerate() {
            let comma = if number == 0 { "" } else { "," };
            // Writing to a string does not fail.
            let _ = write!(statement, "{comma}{row}");
        }
        connection.query_drop(statement).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sales() -> Sales {
        Sales::of_yesterday(5_000, 1_000_000).unwrap()
    }

    #[test]
    fn every_seat_is_sold_and_some_concerts_sell_more() {
        let sales = sales();
        assert_eq!(sales.seats_sold().sum::<u64>(), 1_000_000);
        let seats_sold: Vec<_> = sales.seats_sold().take(20).collect();
        assert!(seats_sold.is_sorted_by(|one, other| one >= other));
        assert_eq!(seats_sold[0], 400);
    }

    #[test]
    fn all_seats_are_sold_within_the_day() {
        let sales = Sales::of_yesterday(3, 60).unwrap();
        let rows: Vec<_> = sales.reservation_rows().collect();
        assert_eq!(rows.len(), 30);
        let first = sales.from.to_zoned(TimeZone::UTC);
        let first = first.strftime("%Y-%m-%d %H:%M:%S").to_string();
        assert!(rows[0].contains(&first), "{}", rows[0]);
        let different: std::collections::HashSet<_> = rows
            .iter()
            .filter_map(|row| row.split("'confirmed',").nth(1)?.split(',').next())
            .collect();
        assert_eq!(different.len(), 30);
    }
}
