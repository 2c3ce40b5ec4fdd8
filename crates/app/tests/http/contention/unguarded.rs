//! Statements that write conclusions from an earlier read without checking that they still hold.
//! The product has none of them.

use anyhow::Result;
use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Text},
};
use diesel_async::{AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use uuid::Uuid;

use crate::test_app::PRICE;

/// A program without guards, with a connection of its own. It uses whole transactions, as the
/// product does. That alone does not help.
pub(super) struct Unguarded {
    database: AsyncMysqlConnection,
    /// Ids, as SQL literals.
    concert: String,
    performance: String,
    /// The number of the last id.
    next: u128,
}

/// A reservation, as a request read it.
#[derive(Debug, Clone, QueryableByName)]
pub(super) struct Seen {
    /// The id, as an SQL literal.
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    user_id: String,
    #[diesel(sql_type = BigInt)]
    total: i64,
    /// The labels of its seats, as an SQL list.
    #[diesel(sql_type = Text)]
    labels: String,
    /// The state of the hold: `alive`, or `due` after its deadline.
    #[diesel(sql_type = Text)]
    pub(super) hold: String,
}

impl Unguarded {
    /// `number` distinguishes it from other instances.
    pub(super) fn new(
        number: u64,
        database: AsyncMysqlConnection,
        concert: Uuid,
        performance: Uuid,
    ) -> Self {
        Self {
            database,
            concert: as_sql(concert),
            performance: as_sql(performance),
            next: u128::from(number) << 64,
        }
    }

    fn name(&mut self) -> String {
        self.next += 1;
        as_sql(Uuid::from_u128(self.next))
    }

    /// Runs statements one by one.
    pub(super) async fn run(&mut self, statements: &str) -> QueryResult<()> {
        self.database.batch_execute(statements).await
    }

    /// Runs statements as one transaction, or none of them.
    async fn together(&mut self, statements: &str) -> QueryResult<()> {
        let done = self.run(&format!("BEGIN; {statements}; COMMIT")).await;
        if done.is_err() {
            self.run("ROLLBACK").await?;
        }
        done
    }

    /// The number of rows.
    async fn count(&mut self, rows: &str) -> Result<i64> {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            count: i64,
        }
        let count = sql_query(format!("SELECT COUNT(*) AS count FROM {rows}"));
        let count: Count = count.get_result(&mut self.database).await?;
        Ok(count.count)
    }

    /// True if a seat has no user.
    pub(super) async fn sees_free(&mut self, seat: &str) -> Result<bool> {
        let performance = &self.performance;
        let free = format!(
            "seats WHERE performance_id = {performance} AND label = '{seat}'
                     AND reservation_id IS NULL"
        );
        Ok(self.count(&free).await? == 1)
    }

    /// A user's newest reservation.
    pub(super) async fn sees(&mut self, user: &str) -> Result<Seen> {
        let newest = sql_query(
            "SELECT CONCAT('x\\'', HEX(id), '\\'') AS id, user_id, total,
                    REPLACE(JSON_EXTRACT(seats, '$[*][0]'), '\"', '\\'') AS labels,
                    CASE WHEN held_until > UTC_TIMESTAMP(6) THEN 'alive'
                         WHEN held_until <= UTC_TIMESTAMP(6) THEN 'due' ELSE 'none' END AS hold
             FROM reservations WHERE user_id = ? ORDER BY id DESC LIMIT 1",
        )
        .bind::<Text, _>(user);
        let seen: Seen = newest.get_result(&mut self.database).await?;
        let labels = seen.labels.trim_matches(['[', ']']).to_owned();
        Ok(Seen { labels, ..seen })
    }

    /// A user's points.
    pub(super) async fn sees_points(&mut self, user: &str) -> Result<i64> {
        #[derive(QueryableByName)]
        struct Points {
            #[diesel(sql_type = BigInt)]
            balance: i64,
        }
        let balance = sql_query("SELECT balance FROM balances WHERE user_id = ?");
        let balance = balance.bind::<Text, _>(user);
        let points: Points = balance.get_result(&mut self.database).await?;
        Ok(points.balance)
    }

    /// True if a key has been used.
    pub(super) async fn sees_key(&mut self, user: &str, key: &str) -> Result<bool> {
        let used =
            format!("idempotency_records WHERE sender = '{user}' AND idempotency_key = '{key}'");
        Ok(self.count(&used).await? > 0)
    }

    /// Reserves a seat that an earlier read found free.
    pub(super) async fn takes(&mut self, user: &str, seat: &str) -> QueryResult<()> {
        let id = self.name();
        let reserve = self.reservation(&id, user, &[seat]);
        let performance = &self.performance;
        let take = format!(
            "UPDATE seats SET reservation_id = {id}, held_until = @until, user_id = '{user}',
                              user_slot = 1
             WHERE performance_id = {performance} AND label = '{seat}'"
        );
        self.together(&format!("{reserve}; {take}")).await
    }

    /// Inserts a reservation, whose seats are taken later. Returns its id.
    pub(super) async fn reserves(&mut self, user: &str, seats: &[&str]) -> QueryResult<String> {
        let id = self.name();
        let reserve = self.reservation(&id, user, seats);
        self.run(&reserve).await?;
        Ok(id)
    }

    fn reservation(&self, id: &str, user: &str, seats: &[&str]) -> String {
        let (concert, performance) = (&self.concert, &self.performance);
        let priced: Vec<_> = seats
            .iter()
            .map(|seat| format!("[\"{seat}\",{PRICE}]"))
            .collect();
        let (count, priced) = (priced.len(), priced.join(","));
        format!(
            "SET @until = UTC_TIMESTAMP(6) + INTERVAL 5 MINUTE;
             INSERT INTO reservations (id, user_id, concert_id, performance_id, state, held_until,
                                       total, seat_count, seats)
             VALUES ({id}, '{user}', {concert}, {performance}, 'held', @until, {count} * {PRICE},
                     {count}, '[{priced}]')"
        )
    }

    /// Takes one seat for a reservation that it inserted, if the seat is free. Returns false
    /// otherwise.
    pub(super) async fn grabs(
        &mut self,
        id: &str,
        user: &str,
        slot: u8,
        seat: &str,
    ) -> QueryResult<bool> {
        let performance = &self.performance;
        let grabbed = sql_query(format!(
            "UPDATE seats FORCE INDEX (PRIMARY)
             SET reservation_id = {id}, held_until = @until, user_id = '{user}', user_slot = {slot}
             WHERE performance_id = {performance} AND label = '{seat}' AND reservation_id IS NULL"
        ));
        Ok(grabbed.execute(&mut self.database).await? == 1)
    }

    /// Charges points on top of the balance that was read.
    pub(super) async fn charges(&mut self, user: &str, seen: i64, amount: i64) -> QueryResult<()> {
        let (entry, after) = (self.name(), seen + amount);
        self.together(&format!(
            "UPDATE balances SET balance = {after} WHERE user_id = '{user}';
             INSERT INTO ledger (id, user_id, reason, amount, balance_after, at)
             VALUES ({entry}, '{user}', 'charge', {amount}, {after}, UTC_TIMESTAMP(6))"
        ))
        .await
    }

    /// Records the use of a key that an earlier read found new.
    pub(super) async fn remembers_key(&mut self, user: &str, key: &str) -> QueryResult<()> {
        let effect = self.name();
        self.together(&format!(
            "INSERT INTO idempotency_records
             VALUES ('user', '{user}', '{key}', 'payment', REPEAT('x', 32), {effect}, UTC_TIMESTAMP(6), NULL)"
        ))
        .await
    }

    /// Pays a hold that an earlier read found alive, from the balance that was read.
    pub(super) async fn pays(&mut self, hold: &Seen, seen: i64) -> QueryResult<()> {
        let Seen {
            id,
            user_id: user,
            total,
            labels,
            ..
        } = hold;
        let (entry, after, performance) = (self.name(), seen - total, self.performance.clone());
        self.together(&format!(
            "UPDATE balances SET balance = {after} WHERE user_id = '{user}';
             UPDATE reservations SET state = 'confirmed', held_until = NULL,
                                     confirmed_at = UTC_TIMESTAMP(6) WHERE id = {id};
             UPDATE seats SET held_until = NULL
             WHERE performance_id = {performance} AND label IN ({labels});
             INSERT INTO ledger (id, user_id, reason, amount, balance_after, reservation_id, at)
             VALUES ({entry}, '{user}', 'payment', {total}, {after}, {id}, UTC_TIMESTAMP(6));
             INSERT INTO performance_sales
             SELECT performance_id, 0, seat_count FROM reservations r WHERE id = {id}
             ON DUPLICATE KEY UPDATE seats_sold = seats_sold + r.seat_count"
        ))
        .await
    }

    /// Ends a hold that an earlier read found, as `expired` or `cancelled`, and frees the seats
    /// that it had then.
    pub(super) async fn ends(&mut self, hold: &Seen, state: &str) -> QueryResult<()> {
        let (id, labels, performance) = (&hold.id, &hold.labels, &self.performance);
        let end = format!(
            "UPDATE reservations SET state = '{state}', held_until = NULL WHERE id = {id};
             UPDATE seats SET reservation_id = NULL, held_until = NULL, user_id = NULL,
                              user_slot = NULL
             WHERE performance_id = {performance} AND label IN ({labels})"
        );
        self.together(&end).await
    }

    /// Sets the remaining time of holds. `users` is as for [`end_of_holds`].
    pub(super) async fn lets_time_pass(&mut self, users: &str, left_s: i32) -> QueryResult<()> {
        self.together(&end_of_holds(users, left_s)).await
    }
}

/// Statements that set the deadline of all holds of users whose names match this pattern.
pub(super) fn end_of_holds(users: &str, left_s: i32) -> String {
    format!(
        "SET @over = UTC_TIMESTAMP(6) + INTERVAL {left_s} SECOND;
         UPDATE reservations SET held_until = @over
         WHERE state = 'held' AND user_id LIKE '{users}';
         UPDATE seats SET held_until = @over WHERE held_until IS NOT NULL AND user_id LIKE '{users}'"
    )
}

fn as_sql(id: Uuid) -> String {
    format!("x'{}'", id.simple())
}
