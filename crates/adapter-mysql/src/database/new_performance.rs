//! Creates a performance with all its seats: once per key, and once per concert, start and venue.

use diesel::{
    ExpressionMethods, QueryDsl, QueryResult,
    dsl::{exists, select},
    insert_into,
    result::{DatabaseErrorKind, Error},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{Applied, AuditNote, Keyed, NewPerformance},
    ports::{CreatePerformanceOutcome, EffectOf, KeyUse, Operator},
};

use super::{
    audit,
    columns::Db,
    idempotency::{self, Claim},
    schema::{concerts, performances},
    seat_rows, slots,
};
use crate::{session::Session, transactions::Verdict};

/// Creates the performance, unless it exists.
pub(super) async fn create(
    session: &mut Session,
    performance: &NewPerformance,
    by: &Operator,
    keyed: Option<&Keyed>,
) -> QueryResult<Verdict<CreatePerformanceOutcome>> {
    session.begin().await?;
    if let Some(keyed) = keyed {
        match idempotency::claim(session, keyed, performance.id.0).await? {
            Claim::Ours => {}
            Claim::UnderWay => return Ok(Verdict::Rollback(CreatePerformanceOutcome::InProgress)),
            Claim::Taken => return earlier(session, keyed).await,
        }
    }
    let known = select(exists(concerts::table.find(Db(performance.concert))));
    if !known.get_result::<bool>(session.connection()).await? {
        return Ok(Verdict::Rollback(CreatePerformanceOutcome::NoSuchConcert));
    }
    if let Some(outcome) = existing(session, performance).await? {
        return Ok(Verdict::Rollback(outcome));
    }
    match insert(session, performance).await {
        // Another call took its slot, or deleted its concert, since the read.
        Err(Error::DatabaseError(
            DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::ForeignKeyViolation,
            _,
        )) => return Ok(Verdict::Retry),
        inserted => inserted?,
    }
    seat_rows::write(session, performance.id, &performance.seats).await?;
    audit::note(session, by, &AuditNote::performance_created(performance)).await?;
    Ok(Verdict::Commit(CreatePerformanceOutcome::Created(
        Applied::first(performance.id),
    )))
}

/// Returns the performance that an earlier call with the key created.
async fn earlier(
    session: &mut Session,
    keyed: &Keyed,
) -> QueryResult<Verdict<CreatePerformanceOutcome>> {
    session.roll_back().await?;
    Ok(match idempotency::find(session, keyed).await? {
        KeyUse::Replayed(EffectOf::Performance(id)) => {
            Verdict::Commit(CreatePerformanceOutcome::Created(Applied::replayed(id)))
        }
        KeyUse::Replayed(_) | KeyUse::OtherRequest => {
            Verdict::Commit(CreatePerformanceOutcome::KeyReused)
        }
        // The key was purged between two reads.
        KeyUse::New => Verdict::Retry,
    })
}

/// Returns the outcome if another performance has the slot of `performance`. None if the slot is
/// free.
async fn existing(
    session: &mut Session,
    performance: &NewPerformance,
) -> QueryResult<Option<CreatePerformanceOutcome>> {
    let NewPerformance {
        concert,
        starts_at,
        venue,
        seats,
        ..
    } = performance;
    let Some(id) = slots::taken(session, *concert, *starts_at, venue, None).await? else {
        return Ok(None);
    };
    // The state of the seats makes no difference to the plan.
    let standing = seat_rows::standing(session, jiff::Timestamp::UNIX_EPOCH, id).await?;
    Ok(Some(if seats.is_plan_of(&standing) {
        CreatePerformanceOutcome::Exists(id)
    } else {
        CreatePerformanceOutcome::SlotTaken(id)
    }))
}

async fn insert(session: &mut Session, performance: &NewPerformance) -> QueryResult<()> {
    let total: u64 = performance
        .seats
        .seats()
        .len()
        .try_into()
        .unwrap_or(u64::MAX);
    insert_into(performances::table)
        .values((
            performances::id.eq(Db(performance.id)),
            performances::concert_id.eq(Db(performance.concert)),
            performances::starts_at.eq(Db(performance.starts_at)),
            performances::venue.eq(Db(performance.venue.clone())),
            performances::seats_total.eq(Db(total)),
            performances::occupies_slot.eq(Some(true)),
        ))
        .execute(session.connection())
        .await
        .map(drop)
}
