//! Deletes concerts and performances in which no user has a held or sold seat.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper,
    SqliteConnection, delete, dsl::count_star,
};
use frontrow_domain::{
    model::{
        AuditNote, ConcertId, PerformanceId, PerformanceUse,
        queue::{PolicyState, VersionedPolicy},
    },
    ports::{DeleteConcertOutcome, DeletePerformanceOutcome, Operator},
};
use jiff::Timestamp;

use super::{
    audit,
    columns::Db,
    performance_edits::find,
    reservations::expire,
    rows::ConcertRow,
    schema::{concerts, performances, reservation_seats, reservations, seats},
};

/// Deletes a performance, its seats and its reservations.
pub(super) fn performance(
    connection: &mut SqliteConnection,
    now: Timestamp,
    (concert, id): (ConcertId, PerformanceId),
    by: &Operator,
) -> QueryResult<DeletePerformanceOutcome> {
    let Some(facts) = find(connection, concert, id)? else {
        return Ok(DeletePerformanceOutcome::NotFound);
    };
    let used = used(connection, now, id)?;
    if !used.is_none() {
        return Ok(DeletePerformanceOutcome::InUse(used));
    }
    expire::expire_all(connection, now, id)?;
    delete(seats::table.filter(seats::performance_id.eq(Db(id)))).execute(connection)?;
    // No reservation is held any more, and none was ever paid.
    let ended = || reservations::table.filter(reservations::performance_id.eq(Db(id)));
    let theirs = reservation_seats::reservation_id.eq_any(ended().select(reservations::id));
    delete(reservation_seats::table.filter(theirs)).execute(connection)?;
    delete(ended()).execute(connection)?;
    delete(performances::table.find(Db(id))).execute(connection)?;
    let note = AuditNote::performance_deleted(concert, id, &facts);
    audit::record(connection, by, &note)?;
    Ok(DeletePerformanceOutcome::Deleted)
}

/// Deletes a concert and its performances.
pub(super) fn concert(
    connection: &mut SqliteConnection,
    now: Timestamp,
    id: ConcertId,
    by: &Operator,
) -> QueryResult<DeleteConcertOutcome> {
    let row: Option<ConcertRow> = concerts::table
        .find(Db(id))
        .select(ConcertRow::as_select())
        .get_result(connection)
        .optional()?;
    let Some(row) = row else {
        return Ok(DeleteConcertOutcome::NotFound);
    };
    let policy = VersionedPolicy::from(row.policy);
    if policy.policy.state != PolicyState::Closed {
        return Ok(DeleteConcertOutcome::NotClosed);
    }
    let performances: Vec<Db<PerformanceId>> = performances::table
        .filter(performances::concert_id.eq(Db(id)))
        .order(performances::id)
        .select(performances::id)
        .load(connection)?;
    // All of them are checked before any is deleted: a refusal changes nothing.
    for performance in &performances {
        if !used(connection, now, performance.0)?.is_none() {
            return Ok(DeleteConcertOutcome::InUse(performance.0));
        }
    }
    for performance in performances {
        self::performance(connection, now, (id, performance.0), by)?;
    }
    delete(concerts::table.find(Db(id))).execute(connection)?;
    let note = AuditNote::concert_deleted(id, &row.title.0, &policy);
    audit::record(connection, by, &note)?;
    Ok(DeleteConcertOutcome::Deleted)
}

/// Returns the numbers of held and of sold seats of a performance.
pub(super) fn used(
    connection: &mut SqliteConnection,
    now: Timestamp,
    performance: PerformanceId,
) -> QueryResult<PerformanceUse> {
    let held: Db<u64> = seats::table
        .filter(seats::performance_id.eq(Db(performance)))
        .filter(seats::held_until.gt(Db(now)))
        .select(count_star())
        .get_result(connection)?;
    let sold: Option<Db<u64>> = performances::table
        .find(Db(performance))
        .select(performances::seats_sold)
        .get_result(connection)
        .optional()?;
    Ok(PerformanceUse {
        held: held.0,
        sold: sold.map_or(0, |sold| sold.0),
    })
}
