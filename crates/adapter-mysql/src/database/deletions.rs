//! Deletes concerts and performances in which no user has a held or sold seat.
//!
//! The performance's row is locked first. A hold shares a lock on it until it is committed, so
//! there are no new holds meanwhile. An existing hold may be paid meanwhile: then the payment's row
//! in the ledger keeps the reservation from being deleted, and the call reads again.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName, SelectableHelper,
    delete,
    result::{DatabaseErrorKind, Error},
    sql_query,
    sql_types::{BigInt, Binary},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        AuditNote, ConcertId, PerformanceId, PerformanceUse,
        queue::{PolicyState, VersionedPolicy},
    },
    ports::{DeleteConcertOutcome, DeletePerformanceOutcome, Operator},
};

use super::{
    audit,
    columns::Db,
    performance_edits::lock,
    reservations::expire,
    rows::ConcertRow,
    schema::{concerts, performance_sales, performances},
};
use crate::{session::Session, statement::Fixed, transactions::Verdict};

/// Maximum number of rows that one statement deletes: servers limit how long it may take.
const CHUNK: u32 = 2_000;
const SEATS: &str = "DELETE FROM seats WHERE performance_id = ? LIMIT ?";
const RESERVATIONS: &str = "DELETE FROM reservations WHERE performance_id = ? LIMIT ?";

/// Deletes a performance, its seats and its reservations.
pub(super) async fn performance(
    session: &mut Session,
    of: (ConcertId, PerformanceId),
    by: &Operator,
) -> QueryResult<Verdict<DeletePerformanceOutcome>> {
    session.begin().await?;
    delete_one(session, of, by).await
}

async fn delete_one(
    session: &mut Session,
    (concert, id): (ConcertId, PerformanceId),
    by: &Operator,
) -> QueryResult<Verdict<DeletePerformanceOutcome>> {
    let Some((facts, _)) = lock(session, concert, id).await? else {
        return Ok(Verdict::Rollback(DeletePerformanceOutcome::NotFound));
    };
    let used = used(session, id).await?;
    if !used.is_none() {
        return Ok(Verdict::Rollback(DeletePerformanceOutcome::InUse(used)));
    }
    if !expire::expire_all(session, id).await? {
        return Ok(Verdict::Retry);
    }
    delete_all(session, SEATS, id).await?;
    // No reservation is held any more, and none was ever paid, unless a payment was committed since
    // the read.
    match delete_all(session, RESERVATIONS, id).await {
        Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => {
            return Ok(Verdict::Retry);
        }
        deleted => deleted?,
    }
    let connection = session.connection();
    delete(performance_sales::table.filter(performance_sales::performance_id.eq(Db(id))))
        .execute(connection)
        .await?;
    delete(performances::table.find(Db(id)))
        .execute(connection)
        .await?;
    let note = AuditNote::performance_deleted(concert, id, &facts);
    audit::note(session, by, &note).await?;
    Ok(Verdict::Commit(DeletePerformanceOutcome::Deleted))
}

/// Repeats a statement that deletes a chunk of a performance's rows until none is left.
async fn delete_all(
    session: &mut Session,
    statement: &'static str,
    performance: PerformanceId,
) -> QueryResult<()> {
    loop {
        let chunk = sql_query(statement)
            .bind::<Binary, _>(Db(performance))
            .bind::<BigInt, _>(Db(CHUNK));
        let deleted = Fixed(chunk).execute(session.connection()).await?;
        if deleted < CHUNK as usize {
            return Ok(());
        }
    }
}

/// Deletes a concert and its performances.
pub(super) async fn concert(
    session: &mut Session,
    id: ConcertId,
    by: &Operator,
) -> QueryResult<Verdict<DeleteConcertOutcome>> {
    session.begin().await?;
    let row: Option<ConcertRow> = concerts::table
        .find(Db(id))
        .select(ConcertRow::as_select())
        .for_update()
        .get_result(session.connection())
        .await
        .optional()?;
    let Some(row) = row else {
        return Ok(Verdict::Rollback(DeleteConcertOutcome::NotFound));
    };
    let policy = VersionedPolicy::from(row.policy);
    if policy.policy.state != PolicyState::Closed {
        return Ok(Verdict::Rollback(DeleteConcertOutcome::NotClosed));
    }
    // The concert's row is locked, so no performance is added meanwhile.
    let performances: Vec<Db<PerformanceId>> = performances::table
        .filter(performances::concert_id.eq(Db(id)))
        .order(performances::id)
        .select(performances::id)
        .load(session.connection())
        .await?;
    for performance in performances {
        match delete_one(session, (id, performance.0), by).await? {
            Verdict::Rollback(DeletePerformanceOutcome::InUse(_)) => {
                return Ok(Verdict::Rollback(DeleteConcertOutcome::InUse(
                    performance.0,
                )));
            }
            // Another call has deleted the performance since.
            Verdict::Commit(_) | Verdict::Rollback(_) => {}
            Verdict::Retry => return Ok(Verdict::Retry),
        }
    }
    delete(concerts::table.find(Db(id)))
        .execute(session.connection())
        .await?;
    let note = AuditNote::concert_deleted(id, &row.title.0, &policy);
    audit::note(session, by, &note).await?;
    Ok(Verdict::Commit(DeleteConcertOutcome::Deleted))
}

/// Returns how many seats of a performance are held or sold.
pub(super) async fn used(
    session: &mut Session,
    performance: PerformanceId,
) -> QueryResult<PerformanceUse> {
    #[derive(QueryableByName)]
    struct Used {
        #[diesel(sql_type = BigInt)]
        held: Db<u64>,
        #[diesel(sql_type = BigInt)]
        sold: Db<u64>,
    }
    let statement = sql_query(
        "SELECT
             (SELECT COUNT(*) FROM seats FORCE INDEX (seats_held)
              WHERE held_performance_id = ? AND held_until > UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND)
                 AS held,
             (SELECT COUNT(*) FROM seats FORCE INDEX (PRIMARY)
              WHERE performance_id = ? AND reservation_id IS NOT NULL AND held_until IS NULL) AS sold",
    )
    .bind::<Binary, _>(Db(performance))
    .bind::<BigInt, _>(session.now().0)
    .bind::<Binary, _>(Db(performance));
    let used: Used = Fixed(statement).get_result(session.connection()).await?;
    Ok(PerformanceUse {
        held: used.held.0,
        sold: used.sold.0,
    })
}
