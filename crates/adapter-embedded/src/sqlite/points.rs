//! Balances and the ledger whose entries add up to them.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    insert_into,
};
use frontrow_domain::{
    model::{Account, Amount, Applied, AuditNote, Balance, LedgerEntry, LedgerReason, UserId},
    ports::{Charge, ChargeOutcome, Charged, EffectOf, KeyUse, Points, StoreResult},
};
use jiff::Timestamp;

use super::{
    SqliteDatabase, audit,
    columns::{Db, Reason},
    idempotency,
    schema::{balances, ledger},
};

#[async_trait]
impl Points for SqliteDatabase {
    async fn balance(&self, user: &UserId) -> StoreResult<Balance> {
        let user = user.clone();
        let account = self.read(move |connection, _| account(connection, &user));
        account.await.map(|account| account.balance)
    }

    async fn charge(&self, charge: &Charge) -> StoreResult<ChargeOutcome> {
        let order = charge.clone();
        self.write(move |connection, now| self::charge(connection, now, &order))
            .await
    }
}

/// Returns a user's balance, and the number of the entry that led to it.
pub(super) fn account(connection: &mut SqliteConnection, user: &UserId) -> QueryResult<Account> {
    let row: Option<(Db<Amount>, Db<u64>)> = balances::table
        .find(Db(user.clone()))
        .select((balances::balance, balances::last_seq))
        .get_result(connection)
        .optional()?;
    let account = row.map(|(balance, last_seq)| Account {
        balance: Balance(balance.0),
        last_seq: last_seq.0,
    });
    Ok(account.unwrap_or_default())
}

/// Writes a ledger row, and the resulting balance. The only function that changes a balance.
pub(super) fn record(connection: &mut SqliteConnection, entry: &LedgerEntry) -> QueryResult<()> {
    let after = entry.balance.0;
    insert_into(balances::table)
        .values((
            balances::user_id.eq(Db(entry.user.clone())),
            balances::balance.eq(Db(after)),
            balances::last_seq.eq(Db(entry.seq)),
        ))
        .on_conflict(balances::user_id)
        .do_update()
        .set((
            balances::balance.eq(Db(after)),
            balances::last_seq.eq(Db(entry.seq)),
        ))
        .execute(connection)?;
    let (reason, reservation) = match entry.reason {
        LedgerReason::Charge => (Reason::Charge, None),
        LedgerReason::Payment(reservation) => (Reason::Payment, Some(reservation)),
    };
    insert_into(ledger::table)
        .values((
            ledger::id.eq(Db(entry.id)),
            ledger::user_id.eq(Db(entry.user.clone())),
            ledger::seq.eq(Db(entry.seq)),
            ledger::reason.eq(Db(reason)),
            ledger::amount.eq(Db(entry.amount)),
            ledger::balance_after.eq(Db(after)),
            ledger::reservation_id.eq(reservation.map(Db)),
            ledger::at.eq(Db(entry.at)),
        ))
        .execute(connection)
        .map(drop)
}

fn charge(
    connection: &mut SqliteConnection,
    now: Timestamp,
    charge: &Charge,
) -> QueryResult<ChargeOutcome> {
    match idempotency::find(connection, &charge.keyed)? {
        KeyUse::New => {}
        KeyUse::Replayed(EffectOf::Charge(effect)) => {
            return Ok(ChargeOutcome::Charged(Applied::replayed(effect)));
        }
        KeyUse::Replayed(_) | KeyUse::OtherRequest => return Ok(ChargeOutcome::KeyReused),
    }
    let before = account(connection, &charge.user)?;
    let Some(after) = before.balance.charged(charge.amount) else {
        return Ok(ChargeOutcome::TooMuch);
    };
    let after = before.followed_by(after);
    let entry = LedgerEntry {
        id: charge.entry,
        user: charge.user.clone(),
        seq: after.last_seq,
        reason: LedgerReason::Charge,
        amount: charge.amount,
        balance: after.balance,
        at: now,
    };
    record(connection, &entry)?;
    idempotency::remember(connection, now, &charge.keyed, entry.id.0)?;
    if let Some(operator) = &charge.operator {
        audit::record(connection, operator, &AuditNote::points_charged(&entry))?;
    }
    Ok(ChargeOutcome::Charged(Applied::first(Charged {
        amount: charge.amount,
        balance: after.balance,
    })))
}
