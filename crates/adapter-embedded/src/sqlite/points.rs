//! Balances and the ledger that adds up to them.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    insert_into,
};
use frontrow_domain::{
    model::{Amount, Applied, AuditNote, Balance, LedgerEntry, LedgerReason, UserId},
    ports::{Charge, ChargeOutcome, Charged, EffectOf, Points, StoreResult},
};
use jiff::Timestamp;

use super::{
    SqliteDatabase, audit,
    columns::{Db, Reason},
    idempotency::{self, Replay},
    schema::{balances, ledger},
};

#[async_trait]
impl Points for SqliteDatabase {
    async fn balance(&self, user: &UserId) -> StoreResult<Balance> {
        let user = user.clone();
        self.read(move |connection, _| balance(connection, &user))
            .await
    }

    async fn charge(&self, charge: &Charge) -> StoreResult<ChargeOutcome> {
        let order = charge.clone();
        self.write(move |connection, now| self::charge(connection, now, &order))
            .await
    }
}

/// What a user can spend.
pub(super) fn balance(connection: &mut SqliteConnection, user: &UserId) -> QueryResult<Balance> {
    let balance: Option<Db<Amount>> = balances::table
        .find(Db(user.clone()))
        .select(balances::balance)
        .get_result(connection)
        .optional()?;
    Ok(Balance(balance.map_or(Amount::ZERO, |balance| balance.0)))
}

/// Writes a ledger row, and the balance that it leads to: the only place that changes a balance.
pub(super) fn record(connection: &mut SqliteConnection, entry: &LedgerEntry) -> QueryResult<()> {
    let after = entry.balance.0;
    insert_into(balances::table)
        .values((
            balances::user_id.eq(Db(entry.user.clone())),
            balances::balance.eq(Db(after)),
        ))
        .on_conflict(balances::user_id)
        .do_update()
        .set(balances::balance.eq(Db(after)))
        .execute(connection)?;
    let (reason, reservation) = match entry.reason {
        LedgerReason::Charge => (Reason::Charge, None),
        LedgerReason::Payment(reservation) => (Reason::Payment, Some(reservation)),
    };
    insert_into(ledger::table)
        .values((
            ledger::id.eq(Db(entry.id)),
            ledger::user_id.eq(Db(entry.user.clone())),
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
    match idempotency::replay(connection, &charge.user, &charge.keyed)? {
        Replay::Effect(EffectOf::Charge(effect)) => {
            return Ok(ChargeOutcome::Charged(Applied {
                effect,
                replayed: true,
            }));
        }
        Replay::Effect(EffectOf::Payment(_)) | Replay::OtherRequest => {
            return Ok(ChargeOutcome::KeyReused);
        }
        Replay::Nothing => {}
    }
    let before = balance(connection, &charge.user)?;
    let Some(after) = before.charged(charge.amount) else {
        return Ok(ChargeOutcome::TooMuch);
    };
    let entry = LedgerEntry {
        id: charge.entry,
        user: charge.user.clone(),
        reason: LedgerReason::Charge,
        amount: charge.amount,
        balance: after,
        at: now,
    };
    record(connection, &entry)?;
    idempotency::remember(connection, &charge.keyed, &entry)?;
    if let Some(operator) = &charge.operator {
        audit::note(connection, operator, &AuditNote::points_charged(&entry))?;
    }
    Ok(ChargeOutcome::Charged(Applied {
        effect: Charged {
            amount: charge.amount,
            balance: after,
        },
        replayed: false,
    }))
}
