//! The effects of idempotency keys. A key's row names the ledger row of its effect, from which,
//! with the reservation that it pays, the first answer is built again. Or it names the concert or
//! performance that was created.
//!
//! The key's row is the first that a transaction writes. So a second call with the same key waits
//! there for the first one's commit, and then finds the key taken. It has changed nothing else by
//! then.

use async_trait::async_trait;
use diesel::{
    OptionalExtension, QueryDsl, QueryResult, sql_query,
    sql_types::{BigInt, Binary, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        Amount, Balance, ConcertId, FormerKey, FormerRecord, IdempotencyKey, KeyMeaning, Keyed,
        LedgerEntryId, Operation, PerformanceId, RequestDigest, ReservationId, UserId,
    },
    ports::{Charged, EffectOf, Idempotency, KeyUse, Paid, StoreResult},
};
use futures_util::{FutureExt, TryFutureExt};
use uuid::Uuid;

use super::{
    MySqlDatabase,
    columns::{Db, Reason},
    reservations::read,
    schema::{former_idempotency_keys, idempotency_records, ledger},
};
use crate::{
    errors::{self, Kind},
    session::Session,
    statement::Fixed,
    transactions::Verdict,
};

/// Stores a key unless the table of the first edition has it. That table is only read: at READ
/// COMMITTED without a lock.
const CLAIM: &str = "
    INSERT INTO idempotency_records
        (sender_kind, sender, idempotency_key, operation, digest, effect_id, created_at, expires_at)
    SELECT ?, CAST(? AS BINARY), CAST(? AS BINARY), ?, CAST(? AS BINARY(32)), CAST(? AS BINARY(16)),
        UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND
    FROM DUAL
    WHERE NOT EXISTS (
        SELECT 1 FROM former_idempotency_keys f WHERE f.user_id = ? AND f.idempotency_key = ?)";

#[async_trait]
impl Idempotency for MySqlDatabase {
    async fn find(&self, keyed: &Keyed) -> StoreResult<KeyUse> {
        self.call(keyed.clone(), |session, keyed| {
            find(session, keyed).map_ok(Verdict::Commit).boxed()
        })
        .await
    }

    async fn purge(&self, limit: u32) -> StoreResult<u32> {
        self.call(limit, |session, limit| purge(session, *limit).boxed())
            .await
    }
}

/// The call that owns a key.
pub(super) enum Claim {
    /// This transaction, if it is committed.
    Ours,
    /// An earlier call.
    Taken,
    /// Another call, which has not ended within the time that a statement waits.
    UnderWay,
}

/// Claims a key for the effect that will have this id.
pub(super) async fn claim(
    session: &mut Session,
    keyed: &Keyed,
    effect: Uuid,
) -> QueryResult<Claim> {
    let former = keyed.former.as_ref().map(|former| &former.account);
    let stored = match store(session, keyed, effect, former).await {
        // The first edition has the key for this account. It may belong to another sender.
        Ok(0) => match self::former(session, keyed).await? {
            KeyUse::New => store(session, keyed, effect, None).await,
            KeyUse::Replayed(_) | KeyUse::OtherRequest => return Ok(Claim::Taken),
        },
        stored => stored,
    };
    match stored {
        Ok(_) => Ok(Claim::Ours),
        Err(error) => match errors::kind(&error) {
            Kind::Duplicate => Ok(Claim::Taken),
            Kind::LockTimeout => Ok(Claim::UnderWay),
            _ => Err(error),
        },
    }
}

/// Stores a key, unless the first edition has it under the account of `former`. Returns the number
/// of rows stored.
async fn store(
    session: &mut Session,
    keyed: &Keyed,
    effect: Uuid,
    former: Option<&UserId>,
) -> QueryResult<usize> {
    let (kind, sender) = (keyed.sender.kind(), keyed.sender.name());
    let now = session.now();
    let expires_us =
        (!keyed.operation.moves_money()).then(|| now.micros_later(IdempotencyKey::KEPT));
    let statement = sql_query(CLAIM)
        .bind::<Text, _>(kind)
        .bind::<Binary, _>(sender.as_bytes())
        .bind::<Binary, _>(Db(keyed.key.clone()))
        .bind::<Text, _>(keyed.operation.as_str())
        .bind::<Binary, _>(Db(keyed.digest))
        .bind::<Binary, _>(effect.as_bytes().as_slice())
        .bind::<BigInt, _>(now.0)
        .bind::<Nullable<BigInt>, _>(expires_us)
        // No account has an empty name.
        .bind::<Text, _>(former.map_or("", UserId::as_str))
        .bind::<Binary, _>(Db(keyed.key.clone()));
    Fixed(statement).execute(session.connection()).await
}

/// Returns the effect of the key of a request.
pub(super) async fn find(session: &mut Session, keyed: &Keyed) -> QueryResult<KeyUse> {
    let (kind, sender) = (keyed.sender.kind(), keyed.sender.name());
    let row: Option<(Db<Operation>, Db<RequestDigest>, Db<Uuid>)> = idempotency_records::table
        .find((kind, sender.as_bytes(), Db(keyed.key.clone())))
        .select((
            idempotency_records::operation,
            idempotency_records::digest,
            idempotency_records::effect_id,
        ))
        .get_result(session.connection())
        .await
        .optional()?;
    let Some((operation, digest, effect)) = row else {
        return former(session, keyed).await;
    };
    if !keyed.repeats(digest.0) {
        // In the first edition operators could use one key for several accounts.
        return Ok(match former(session, keyed).await? {
            KeyUse::New => KeyUse::OtherRequest,
            known => known,
        });
    }
    Ok(KeyUse::Replayed(match operation.0 {
        Operation::CreateConcert => EffectOf::Concert(ConcertId(effect.0)),
        Operation::CreatePerformance => EffectOf::Performance(PerformanceId(effect.0)),
        Operation::Charge | Operation::OperatorCharge | Operation::Payment => {
            booked(session, LedgerEntryId(effect.0)).await?.effect
        }
    }))
}

/// Returns the effect of the key according to the table of the first edition.
async fn former(session: &mut Session, keyed: &Keyed) -> QueryResult<KeyUse> {
    let Some(FormerKey { account, .. }) = &keyed.former else {
        return Ok(KeyUse::New);
    };
    let row: Option<(Db<RequestDigest>, Db<LedgerEntryId>)> = former_idempotency_keys::table
        .find((Db(account.clone()), Db(keyed.key.clone())))
        .select((
            former_idempotency_keys::digest,
            former_idempotency_keys::ledger_entry_id,
        ))
        .get_result(session.connection())
        .await
        .optional()?;
    let Some((digest, entry)) = row else {
        return Ok(KeyUse::New);
    };
    let Booked { effect, charged } = booked(session, entry.0).await?;
    let stored = FormerRecord {
        digest: digest.0,
        charged,
    };
    Ok(match keyed.former_meaning(stored) {
        KeyMeaning::New => KeyUse::New,
        KeyMeaning::OtherRequest => KeyUse::OtherRequest,
        KeyMeaning::Repeated => KeyUse::Replayed(effect),
    })
}

/// The effect that a ledger row records.
struct Booked {
    effect: EffectOf,
    /// The amount charged. None for a payment.
    charged: Option<Amount>,
}

async fn booked(session: &mut Session, entry: LedgerEntryId) -> QueryResult<Booked> {
    type Row = (
        Db<UserId>,
        Db<Reason>,
        Db<Amount>,
        Db<Amount>,
        Option<Db<ReservationId>>,
    );
    let row: Option<Row> = ledger::table
        .find(Db(entry))
        .select((
            ledger::user_id,
            ledger::reason,
            ledger::amount,
            ledger::balance_after,
            ledger::reservation_id,
        ))
        .get_result(session.connection())
        .await
        .optional()?;
    let Some((user, reason, Db(amount), Db(balance), reservation)) = row else {
        let why = format!(
            "a key stands for the ledger row {}, which is not there",
            entry.0
        );
        return Err(errors::broken(why));
    };
    let balance = Balance(balance);
    Ok(match (reason.0, reservation) {
        (Reason::Charge, _) => Booked {
            effect: EffectOf::Charge(Charged { amount, balance }),
            charged: Some(amount),
        },
        (Reason::Payment, Some(id)) => Booked {
            effect: EffectOf::Payment(Paid {
                reservation: read::paid(session, id.0, &user.0).await?,
                charged: amount,
                balance,
            }),
            charged: None,
        },
        (Reason::Payment, None) => {
            return Err(errors::broken("a payment of no reservation"));
        }
    })
}

async fn purge(session: &mut Session, limit: u32) -> QueryResult<Verdict<u32>> {
    session.begin().await?;
    // The DSL has no limit for deletions.
    let statement = sql_query(
        "DELETE FROM idempotency_records
         WHERE expires_at <= UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND
         ORDER BY expires_at LIMIT ?",
    )
    .bind::<BigInt, _>(session.now().0)
    .bind::<BigInt, _>(Db(limit));
    let purged = Fixed(statement).execute(session.connection()).await?;
    Ok(Verdict::Commit(purged.try_into().unwrap_or(limit)))
}
