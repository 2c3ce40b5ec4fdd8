//! The effects of idempotency keys. A key's row names the ledger row of its effect, from which,
//! with the reservation that it pays, the first answer is built again. Or it names the concert or
//! performance that was created.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    insert_into, sql_query, sql_types::BigInt,
};
use frontrow_domain::{
    model::{
        Amount, Balance, ConcertId, FormerKey, FormerRecord, IdempotencyKey, KeyMeaning, Keyed,
        LedgerEntryId, Operation, PerformanceId, RequestDigest, ReservationId, UserId, later,
    },
    ports::{Charged, EffectOf, Idempotency, KeyUse, Paid, StoreResult},
};
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    SqliteDatabase,
    columns::{Db, Reason},
    errors,
    reservations::read,
    schema::{former_idempotency_keys, idempotency_records, ledger},
};

#[async_trait]
impl Idempotency for SqliteDatabase {
    async fn find(&self, keyed: &Keyed) -> StoreResult<KeyUse> {
        let keyed = keyed.clone();
        self.read(move |connection, _| find(connection, &keyed))
            .await
    }

    async fn purge(&self, limit: u32) -> StoreResult<u32> {
        self.write(move |connection, now| {
            // SQLite deletes with a limit only if it is built with that option.
            let purged = sql_query(
                "DELETE FROM idempotency_records WHERE (sender_kind, sender, key) IN (
                     SELECT sender_kind, sender, key FROM idempotency_records
                     WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
            )
            .bind::<BigInt, _>(Db(now))
            .bind::<BigInt, _>(Db(limit))
            .execute(connection)?;
            Ok(purged.try_into().unwrap_or(limit))
        })
        .await
    }
}

/// Returns the effect of the key of a request.
pub(super) fn find(connection: &mut SqliteConnection, keyed: &Keyed) -> QueryResult<KeyUse> {
    let (kind, sender) = (keyed.sender.kind(), keyed.sender.name());
    let row: Option<(Db<Operation>, Db<RequestDigest>, Db<Uuid>)> = idempotency_records::table
        .find((kind, sender, Db(keyed.key.clone())))
        .select((
            idempotency_records::operation,
            idempotency_records::digest,
            idempotency_records::effect_id,
        ))
        .get_result(connection)
        .optional()?;
    let Some((operation, digest, effect)) = row else {
        return former(connection, keyed);
    };
    if !keyed.repeats(digest.0) {
        // In the first edition operators could use one key for several accounts.
        return Ok(match former(connection, keyed)? {
            KeyUse::New => KeyUse::OtherRequest,
            known => known,
        });
    }
    Ok(KeyUse::Replayed(match operation.0 {
        Operation::CreateConcert => EffectOf::Concert(ConcertId(effect.0)),
        Operation::CreatePerformance => EffectOf::Performance(PerformanceId(effect.0)),
        Operation::Charge | Operation::OperatorCharge | Operation::Payment => {
            booked(connection, LedgerEntryId(effect.0))?.effect
        }
    }))
}

/// Records that this key has had this effect.
pub(super) fn remember(
    connection: &mut SqliteConnection,
    now: Timestamp,
    keyed: &Keyed,
    effect: Uuid,
) -> QueryResult<()> {
    let (kind, sender) = (keyed.sender.kind(), keyed.sender.name());
    let expires_at = later(now, IdempotencyKey::KEPT);
    let expires_at = (!keyed.operation.moves_money()).then_some(Db(expires_at));
    insert_into(idempotency_records::table)
        .values((
            idempotency_records::sender_kind.eq(kind),
            idempotency_records::sender.eq(sender),
            idempotency_records::key.eq(Db(keyed.key.clone())),
            idempotency_records::operation.eq(Db(keyed.operation)),
            idempotency_records::digest.eq(Db(keyed.digest)),
            idempotency_records::effect_id.eq(Db(effect)),
            idempotency_records::created_at.eq(Db(now)),
            idempotency_records::expires_at.eq(expires_at),
        ))
        .execute(connection)
        .map(drop)
}

/// Returns the effect of the key according to the table of the first edition.
fn former(connection: &mut SqliteConnection, keyed: &Keyed) -> QueryResult<KeyUse> {
    let Some(FormerKey { account, .. }) = &keyed.former else {
        return Ok(KeyUse::New);
    };
    let row: Option<(Db<RequestDigest>, Db<LedgerEntryId>)> = former_idempotency_keys::table
        .find((Db(account.clone()), Db(keyed.key.clone())))
        .select((
            former_idempotency_keys::digest,
            former_idempotency_keys::ledger_entry_id,
        ))
        .get_result(connection)
        .optional()?;
    let Some((digest, entry)) = row else {
        return Ok(KeyUse::New);
    };
    let Booked { effect, charged } = booked(connection, entry.0)?;
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

fn booked(connection: &mut SqliteConnection, entry: LedgerEntryId) -> QueryResult<Booked> {
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
        .get_result(connection)
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
                reservation: read::find(connection, id.0, &user.0)?.ok_or_else(|| {
                    errors::broken(format!("no reservation {} that is paid", id.0))
                })?,
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
