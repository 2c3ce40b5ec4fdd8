//! The balances and ledger entries of users, as they are stored.

use std::collections::HashMap;

use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Binary, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{
    Account, AccountBooks, Amount, Balance, BookedEntry, LedgerReason, ReservationId, UserId,
};

use crate::{
    database::{
        columns::{Db, Reason},
        schema::ledger,
    },
    errors,
    session::Session,
    statement::Fixed,
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

/// Returns a page of accounts with their entries, as of one instant.
pub(super) async fn page(
    session: &mut Session,
    after: Option<&UserId>,
    limit: u32,
) -> QueryResult<Vec<AccountBooks>> {
    session.begin_snapshot().await?;
    // No user has an empty name.
    let after = after.map_or("", UserId::as_str);
    let page = sql_query(ACCOUNTS)
        .bind::<Text, _>(after)
        .bind::<BigInt, _>(Db(limit))
        .bind::<Text, _>(after)
        .bind::<BigInt, _>(Db(limit))
        .bind::<BigInt, _>(Db(limit));
    let accounts: Vec<AccountRow> = Fixed(page).load(session.connection()).await?;
    let (Some(first), Some(last)) = (accounts.as_slice().first(), accounts.as_slice().last())
    else {
        return Ok(Vec::new());
    };
    let strays = sql_query(STRAYS)
        .bind::<Text, _>(first.user_id.clone())
        .bind::<Text, _>(last.user_id.clone());
    let strays: Vec<StrayRow> = Fixed(strays).load(session.connection()).await?;
    let users = accounts.iter().map(|account| account.user_id.clone());
    let mut entries = entries_of(session, users.collect()).await?;
    let books = accounts.into_iter().map(|account| {
        let own_strays = strays
            .iter()
            .filter(|stray| stray.user_id.0 == account.user_id.0);
        AccountBooks {
            strays: own_strays.map(|stray| stray.reservation_id.0).collect(),
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

async fn entries_of(
    session: &mut Session,
    users: Vec<Db<UserId>>,
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
        .load(session.connection())
        .await?;
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
