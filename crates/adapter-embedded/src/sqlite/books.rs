//! Reads the stored rows about money and seats, for a check whether they agree.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, OptionalExtension,
    QueryDsl, QueryResult, QueryableByName, RunQueryDsl, SelectableHelper, SqliteConnection,
    dsl::exists,
    sql_query,
    sql_types::{BigInt, Binary, Text},
};
use frontrow_domain::{
    model::{
        Account, AccountBooks, Amount, Balance, BookedEntry, BookedPayment, LedgerReason,
        PerformanceId, PerformanceRecords, ReservationId, SeatLabel, TakenSeat, UserId,
    },
    ports::{Books, StoreResult},
};
use jiff::Timestamp;

use super::{
    SqliteDatabase,
    columns::{Db, Reason},
    errors,
    reservations::read,
    rows::ReservationRow,
    schema::{ledger, performances, reservations, seats},
};

/// A page of the users who have an account or ledger entries, with the values of the account.
const ACCOUNTS: &str = "
    SELECT u.user_id, COALESCE(b.balance, 0) AS balance, COALESCE(b.last_seq, 0) AS last_seq
    FROM (
        SELECT user_id FROM (SELECT user_id FROM balances WHERE user_id > ? ORDER BY user_id LIMIT ?) with_account
        UNION
        SELECT user_id FROM (SELECT DISTINCT user_id FROM ledger WHERE user_id > ? ORDER BY user_id LIMIT ?) with_entries
    ) u
    LEFT JOIN balances b ON b.user_id = u.user_id
    ORDER BY u.user_id LIMIT ?";

/// The payments of some users whose reservation, or its performance, is missing.
const STRAYS: &str = "
    SELECT l.user_id, l.reservation_id
    FROM ledger l
    LEFT JOIN reservations r ON r.id = l.reservation_id
    LEFT JOIN performances p ON p.id = r.performance_id
    WHERE l.user_id BETWEEN ? AND ? AND l.reservation_id IS NOT NULL AND p.id IS NULL";

#[derive(QueryableByName)]
struct AccountRow {
    #[diesel(sql_type = Text)]
    user_id: Db<UserId>,
    #[diesel(sql_type = BigInt)]
    balance: Db<Amount>,
    #[diesel(sql_type = BigInt)]
    last_seq: Db<u64>,
}

#[derive(QueryableByName)]
struct StrayRow {
    #[diesel(sql_type = Text)]
    user_id: Db<UserId>,
    #[diesel(sql_type = Binary)]
    reservation_id: Db<ReservationId>,
}

#[async_trait]
impl Books for SqliteDatabase {
    async fn accounts(&self, after: Option<UserId>, limit: u32) -> StoreResult<Vec<AccountBooks>> {
        self.read(move |connection, _| accounts(connection, after.as_ref(), limit))
            .await
    }

    async fn performances(
        &self,
        after: Option<PerformanceId>,
        limit: u32,
    ) -> StoreResult<Vec<PerformanceId>> {
        self.read(move |connection, _| {
            let mut page = performances::table
                .order(performances::id)
                .limit(limit.into())
                .select(performances::id)
                .into_boxed();
            if let Some(after) = after {
                page = page.filter(performances::id.gt(Db(after)));
            }
            let ids: Vec<Db<PerformanceId>> = page.load(connection)?;
            Ok(ids.into_iter().map(|id| id.0).collect())
        })
        .await
    }

    async fn performance(&self, id: PerformanceId) -> StoreResult<Option<PerformanceRecords>> {
        self.read(move |connection, _| performance(connection, id))
            .await
    }
}

fn accounts(
    connection: &mut SqliteConnection,
    after: Option<&UserId>,
    limit: u32,
) -> QueryResult<Vec<AccountBooks>> {
    // No user has an empty name.
    let after = after.map_or("", UserId::as_str);
    let accounts: Vec<AccountRow> = sql_query(ACCOUNTS)
        .bind::<Text, _>(after)
        .bind::<BigInt, _>(Db(limit))
        .bind::<Text, _>(after)
        .bind::<BigInt, _>(Db(limit))
        .bind::<BigInt, _>(Db(limit))
        .load(connection)?;
    let (Some(first), Some(last)) = (accounts.first(), accounts.last()) else {
        return Ok(Vec::new());
    };
    let strays: Vec<StrayRow> = sql_query(STRAYS)
        .bind::<Text, _>(&first.user_id)
        .bind::<Text, _>(&last.user_id)
        .load(connection)?;
    let users = accounts.iter().map(|account| account.user_id.clone());
    let mut entries = entries_of(connection, users)?;
    let books = accounts.into_iter().map(|account| {
        let theirs = strays
            .iter()
            .filter(|stray| stray.user_id.0 == account.user_id.0);
        AccountBooks {
            strays: theirs.map(|stray| stray.reservation_id.0).collect(),
            entries: entries.remove(&account.user_id.0).unwrap_or_default(),
            account: Account {
                balance: Balance(account.balance.0),
                last_seq: account.last_seq.0,
            },
            user: account.user_id.0,
        }
    });
    Ok(books.collect())
}

fn entries_of(
    connection: &mut SqliteConnection,
    users: impl Iterator<Item = Db<UserId>>,
) -> QueryResult<HashMap<UserId, Vec<BookedEntry>>> {
    type Row = (
        Db<UserId>,
        Option<Db<u64>>,
        Db<Reason>,
        Db<Amount>,
        Db<Amount>,
        Option<Db<ReservationId>>,
    );
    let rows: Vec<Row> = ledger::table
        .filter(ledger::user_id.eq_any(users))
        .order((ledger::user_id, ledger::seq))
        .select((
            ledger::user_id,
            ledger::seq,
            ledger::reason,
            ledger::amount,
            ledger::balance_after,
            ledger::reservation_id,
        ))
        .load(connection)?;
    let mut entries: HashMap<UserId, Vec<BookedEntry>> = HashMap::new();
    for (user, seq, reason, amount, balance, reservation) in rows {
        let reason = match (reason.0, reservation) {
            (Reason::Charge, _) => LedgerReason::Charge,
            (Reason::Payment, Some(reservation)) => LedgerReason::Payment(reservation.0),
            (Reason::Payment, None) => return Err(errors::broken("a payment of no reservation")),
        };
        entries.entry(user.0).or_default().push(BookedEntry {
            seq: seq.map(|seq| seq.0),
            reason,
            amount: amount.0,
            balance: Balance(balance.0),
        });
    }
    Ok(entries)
}

fn performance(
    connection: &mut SqliteConnection,
    id: PerformanceId,
) -> QueryResult<Option<PerformanceRecords>> {
    let found: Option<Db<u64>> = performances::table
        .find(Db(id))
        .select(performances::seats_sold)
        .get_result(connection)
        .optional()?;
    let Some(seats_sold) = found else {
        return Ok(None);
    };
    let seats = taken_seats(connection, id)?;
    let paid = ledger::table.filter(ledger::reservation_id.eq(reservations::id.nullable()));
    let mut rows: Vec<ReservationRow> = reservations::table
        .filter(reservations::performance_id.eq(Db(id)))
        .filter(
            reservations::held_until
                .is_not_null()
                .or(reservations::confirmed_at.is_not_null())
                .or(exists(paid)),
        )
        .select(ReservationRow::as_select())
        .load(connection)?;
    let there: HashSet<_> = rows.iter().map(|row| row.id.0).collect();
    let named = seats.iter().map(|seat| seat.reservation);
    let others: BTreeSet<_> = named.filter(|id| !there.contains(id)).collect();
    for other in others {
        let row = reservations::table.find(Db(other));
        let row = row.select(ReservationRow::as_select());
        rows.extend(row.get_result(connection).optional()?);
    }
    let reservations = read::with_seats(connection, rows)?;
    Ok(Some(PerformanceRecords {
        id,
        seats_sold: seats_sold.0,
        seats,
        payments: payments_of(connection, id)?,
        reservations,
    }))
}

fn taken_seats(
    connection: &mut SqliteConnection,
    performance: PerformanceId,
) -> QueryResult<Vec<TakenSeat>> {
    type Row = (
        Db<SeatLabel>,
        Option<Db<ReservationId>>,
        Option<Db<UserId>>,
        Option<Db<Timestamp>>,
    );
    let rows: Vec<Row> = seats::table
        .filter(seats::performance_id.eq(Db(performance)))
        .filter(seats::reservation_id.is_not_null())
        .select((
            seats::label,
            seats::reservation_id,
            seats::user_id,
            seats::held_until,
        ))
        .load(connection)?;
    let taken = rows
        .into_iter()
        .filter_map(|(label, reservation, user, held_until)| {
            Some(TakenSeat {
                label: label.0,
                reservation: reservation?.0,
                user: user?.0,
                held_until: held_until.map(|at| at.0),
            })
        });
    Ok(taken.collect())
}

fn payments_of(
    connection: &mut SqliteConnection,
    performance: PerformanceId,
) -> QueryResult<Vec<BookedPayment>> {
    type Row = (Db<ReservationId>, Db<UserId>, Db<Amount>);
    let rows: Vec<Row> = ledger::table
        .inner_join(reservations::table)
        .filter(reservations::performance_id.eq(Db(performance)))
        .select((reservations::id, ledger::user_id, ledger::amount))
        .load(connection)?;
    let payments = rows
        .into_iter()
        .map(|(reservation, user, amount)| BookedPayment {
            reservation: reservation.0,
            user: user.0,
            amount: amount.0,
        });
    Ok(payments.collect())
}
