//! The effects that keys stand for. A key's row names the ledger row of its effect, from which, with
//! the reservation that it pays, the first answer is made again: both are final.
//!
//! The key's row is the first that a transaction writes. So a second call with the same key waits there
//! for the first one's commit, and finds the key taken after it; it has not touched anything else.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, insert_into, sql_query,
    sql_types::{BigInt, Datetime},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        Amount, Balance, IdempotencyKey, Keyed, LedgerEntryId, RequestDigest, ReservationId, UserId,
    },
    ports::{Charged, EffectOf, Idempotency, Paid, Remembered, StoreResult},
};
use futures_util::{FutureExt, TryFutureExt};
use jiff::Timestamp;

use super::{
    MySqlDatabase,
    columns::{Db, Reason},
    reservations::read,
    schema::{idempotency_keys, ledger},
};
use crate::{
    calls::Turn,
    errors::{self, Kind},
    session::Session,
    statement::Fixed,
};

#[async_trait]
impl Idempotency for MySqlDatabase {
    async fn find(&self, user: &UserId, key: &IdempotencyKey) -> StoreResult<Option<Remembered>> {
        self.call((user.clone(), key.clone()), |session, (user, key)| {
            remembered(session, user, key).map_ok(Turn::Done).boxed()
        })
        .await
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> StoreResult<u32> {
        self.call((before, limit), |session, (before, limit)| {
            purge(session, *before, *limit).boxed()
        })
        .await
    }
}

/// Whose a key is.
pub(super) enum Claim {
    /// This transaction's, if it is committed.
    Ours,
    /// An earlier call's.
    Taken,
    /// Another call's, which has not come to its end within the time that a statement waits.
    UnderWay,
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

/// Claims a key for the effect that is about to have this ledger row.
pub(super) async fn claim(
    session: &mut Session,
    user: &UserId,
    keyed: &Keyed,
    effect: LedgerEntryId,
) -> QueryResult<Claim> {
    let claimed = insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::user_id.eq(Db(user.clone())),
            idempotency_keys::idempotency_key.eq(Db(keyed.key.clone())),
            idempotency_keys::digest.eq(Db(keyed.digest)),
            idempotency_keys::ledger_entry_id.eq(Db(effect)),
            idempotency_keys::created_at.eq(session.now()),
        ))
        .execute(session.connection())
        .await;
    match claimed {
        Ok(_) => Ok(Claim::Ours),
        Err(error) => match errors::kind(&error) {
            Kind::Duplicate => Ok(Claim::Taken),
            Kind::LockTimeout => Ok(Claim::UnderWay),
            _ => Err(error),
        },
    }
}

/// What the key of a request stands for.
pub(super) async fn replay(
    session: &mut Session,
    user: &UserId,
    keyed: &Keyed,
) -> QueryResult<Replay> {
    Ok(match remembered(session, user, &keyed.key).await? {
        None => Replay::Nothing,
        Some(first) if first.digest == keyed.digest => Replay::Effect(first.effect),
        Some(_) => Replay::OtherRequest,
    })
}

type EffectRow = (
    Db<RequestDigest>,
    Db<Reason>,
    Db<Amount>,
    Db<Amount>,
    Option<Db<ReservationId>>,
);

async fn remembered(
    session: &mut Session,
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
        .get_result(session.connection())
        .await
        .optional()?;
    let Some((digest, reason, Db(amount), Db(balance), reservation)) = row else {
        return Ok(None);
    };
    let balance = Balance(balance);
    let effect = match (reason.0, reservation) {
        (Reason::Charge, _) => EffectOf::Charge(Charged { amount, balance }),
        (Reason::Payment, Some(id)) => EffectOf::Payment(Paid {
            reservation: read::paid(session, id.0, user).await?,
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

async fn purge(session: &mut Session, before: Timestamp, limit: u32) -> QueryResult<Turn<u32>> {
    session.begin().await?;
    let oldest_kept = session.now().micros_ago(IdempotencyKey::KEPT);
    // The DSL has no limit for what is deleted.
    let statement = sql_query(
        "DELETE FROM idempotency_keys
         WHERE created_at < LEAST(?, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND)
         ORDER BY created_at LIMIT ?",
    )
    .bind::<Datetime, _>(Db(before))
    .bind::<BigInt, _>(oldest_kept)
    .bind::<BigInt, _>(Db(limit));
    let purged = Fixed(statement).execute(session.connection()).await?;
    Ok(Turn::Done(purged.try_into().unwrap_or(limit)))
}
