//! Edits a performance: everything is read before anything is changed.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    update,
};
use frontrow_domain::{
    model::{
        AuditNote, ConcertId, PerformanceEdit, PerformanceFacts, PerformanceId, PlanChange,
        SeatPlan, Venue,
    },
    ports::{EditOutcome, Operator},
};
use jiff::Timestamp;

use super::{
    audit, columns::Db, errors, reservations::expire, schema::performances, seat_rows, slots,
};

/// Applies the edit and records its changes.
pub(super) fn edit(
    connection: &mut SqliteConnection,
    now: Timestamp,
    (concert, id): (ConcertId, PerformanceId),
    edit: &PerformanceEdit,
    by: &Operator,
) -> QueryResult<EditOutcome> {
    let Some(before) = find(connection, concert, id)? else {
        return Ok(EditOutcome::NotFound);
    };
    let standing = match &edit.seats {
        None => Vec::new(),
        Some(_) => seat_rows::standing(connection, now, id)?,
    };
    let change = match edit.change_of(before, &standing) {
        Err(in_use) => return Ok(EditOutcome::SeatsInUse(in_use)),
        Ok(change) if change.is_empty() => return Ok(EditOutcome::Done),
        Ok(change) => change,
    };
    let after = &change.after;
    if change.moves()
        && let Some(there) =
            slots::taken(connection, concert, after.starts_at, &after.venue, Some(id))?
    {
        return Ok(EditOutcome::SlotTaken(there));
    }
    if let Some((plan, seats)) = &change.plan {
        replace_plan(connection, now, id, plan, seats)?;
    }
    update(performances::table.find(Db(id)))
        .set((
            performances::starts_at.eq(Db(after.starts_at)),
            performances::venue.eq(Db(after.venue.clone())),
            performances::seats_total.eq(Db(after.seats_total)),
            // A duplicate from before the rule gets its own slot once it moves.
            change
                .moves()
                .then_some(performances::occupies_slot.eq(Some(true))),
        ))
        .execute(connection)?;
    let note = AuditNote::performance_edited(id, &change);
    audit::record(connection, by, &note)?;
    Ok(EditOutcome::Done)
}

pub(super) fn find(
    connection: &mut SqliteConnection,
    concert: ConcertId,
    id: PerformanceId,
) -> QueryResult<Option<PerformanceFacts>> {
    type Row = (Db<Timestamp>, Db<Venue>, Db<u64>);
    let row: Option<Row> = performances::table
        .find(Db(id))
        .filter(performances::concert_id.eq(Db(concert)))
        .select((
            performances::starts_at,
            performances::venue,
            performances::seats_total,
        ))
        .get_result(connection)
        .optional()?;
    Ok(row.map(|(starts_at, venue, total)| PerformanceFacts {
        starts_at: starts_at.0,
        venue: venue.0,
        seats_total: total.0,
    }))
}

/// Replaces the existing seats by those of `plan`.
fn replace_plan(
    connection: &mut SqliteConnection,
    now: Timestamp,
    id: PerformanceId,
    plan: &SeatPlan,
    change: &PlanChange,
) -> QueryResult<()> {
    // Otherwise their reservations would name seats that were removed or have another price.
    expire::expire_all(connection, now, id)?;
    let gone = seat_rows::remove(connection, id, &change.removed)?;
    if gone != change.removed.len() {
        return Err(errors::broken("a seat was free and is not"));
    }
    seat_rows::write(connection, id, plan)
}
