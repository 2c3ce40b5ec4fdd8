//! The effects that keys stand for. A key's row names the ledger row of its effect, from which, with
//! the reservation that it pays, the first answer is made again: both are final.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    insert_into, sql_query, sql_types::BigInt,
};
use frontrow_domain::{
    model::{
        Amount, Balance, IdempotencyKey, Keyed, LedgerEntry, RequestDigest, ReservationId, UserId,
    },
    ports::{Charged, EffectOf, Idempotency, Paid, Remembered, StoreResult},
};
use jiff::Timestamp;

use super::{
    SqliteDatabase,
    columns::{Db, Reason},
    errors,
    reservations::read,
    schema::{idempotency_keys, ledger},
};

#[async_trait]
impl Idempotency for SqliteDatabase {
    async fn find(&self, user: &UserId, key: &IdempotencyKey) -> StoreResult<Option<Remembered>> {
        let (user, key) = (user.clone(), key.clone());
        self.read(move |connection, _| remembered(connection, &user, &key))
            .await
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> StoreResult<u32> {
        self.write(move |connection, now| {
            let oldest_kept = now.checked_sub(IdempotencyKey::KEPT).unwrap_or(now);
            // SQLite deletes with a limit only when it is built to.
            let purged = sql_query(
                "DELETE FROM idempotency_keys WHERE (user_id, key) IN (
                     SELECT user_id, key FROM idempotency_keys
                     WHERE created_at < ? ORDER BY created_at LIMIT ?)",
            )
            .bind::<BigInt, _>(Db(before.min(oldest_kept)))
            .bind::<BigInt, _>(Db(limit))
            .execute(connection)?;
            Ok(purged.try_into().unwrap_or(limit))
        })
        .await
    }
}

/// What a key means for a request that comes with it.
pub(super) enum Replay {
    /// The key is new: the request is to take effect.
    Nothing,
    /// The request took effect before.
    Effect(EffectOf),
    /// The key stands for another request.
    OtherRequest,
}

/// What the key of a request stands for.
pub(super) fn replay(
    connection: &mut SqliteConnection,
    user: &UserId,
    keyed: &Keyed,
) -> QueryResult<Replay> {
    Ok(match remembered(connection, user, &keyed.key)? {
        None => Replay::Nothing,
        Some(first) if first.digest == keyed.digest => Replay::Effect(first.effect),
        Some(_) => Replay::OtherRequest,
    })
}

/// Remembers that this key has had this effect.
pub(super) fn remember(
    connection: &mut SqliteConnection,
    keyed: &Keyed,
    effect: &LedgerEntry,
) -> QueryResult<()> {
    insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::user_id.eq(Db(effect.user.clone())),
            idempotency_keys::key.eq(Db(keyed.key.clone())),
            idempotency_keys::digest.eq(Db(keyed.digest)),
            idempotency_keys::ledger_entry_id.eq(Db(effect.id)),
            idempotency_keys::created_at.eq(Db(effect.at)),
        ))
        .execute(connection)
        .map(drop)
}

type EffectRow = (
    Db<RequestDigest>,
    Db<Reason>,
    Db<Amount>,
    Db<Amount>,
    Option<Db<ReservationId>>,
);

fn remembered(
    connection: &mut SqliteConnection,
    user: &UserId,
    key: &IdempotencyKey,
) -> QueryResult<Option<Remembered>> {
    let row: Option<EffectRow> = idempotency_keys::table
        .find((Db(user.clone()), Db(key.clone())))
        .inner_join(ledger::table)
        .select((
            idempotency_keys::digest,
            ledger::reason,
            ledger::amount,
            ledger::balance_after,
            ledger::reservation_id,
        ))
        .get_result(connection)
        .optional()?;
    let Some((digest, reason, Db(amount), Db(balance), reservation)) = row else {
        return Ok(None);
    };
    let balance = Balance(balance);
    let effect = match (reason.0, reservation) {
        (Reason::Charge, _) => EffectOf::Charge(Charged { amount, balance }),
        (Reason::Payment, Some(id)) => EffectOf::Payment(Paid {
            reservation: read::find(connection, id.0, user)?
                .ok_or_else(|| errors::broken(format!("no reservation {} that is paid", id.0)))?,
            charged: amount,
            balance,
        }),
        (Reason::Payment, None) => {
            return Err(errors::broken("a payment of no reservation"));
        }
    };
    Ok(Some(Remembered {
        digest: digest.0,
        effect,
    }))
}
