//! Edits a performance: everything is read before anything is changed.
//!
//! The performance's row is locked first. A hold shares a lock on it until it is committed, so
//! there are no new holds meanwhile. Payments and the ends of holds go on. Each statement that
//! would be wrong after such a change checks for it again.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, update};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        AuditNote, ConcertId, PerformanceEdit, PerformanceFacts, PerformanceId, PlanChange,
        SeatPlan, Venue,
    },
    ports::{EditOutcome, Operator},
};
use jiff::Timestamp;

use super::{audit, columns::Db, reservations::expire, schema::performances, seat_rows, slots};
use crate::{errors, session::Session, transactions::Verdict};

/// Applies the edit and records what it changed.
pub(super) async fn edit(
    session: &mut Session,
    (concert, id): (ConcertId, PerformanceId),
    edit: &PerformanceEdit,
    by: &Operator,
) -> QueryResult<Verdict<EditOutcome>> {
    session.begin().await?;
    let Some((before, now)) = lock(session, concert, id).await? else {
        return Ok(Verdict::Rollback(EditOutcome::NotFound));
    };
    let standing = match &edit.seats {
        None => Vec::new(),
        Some(_) => seat_rows::standing(session, now, id).await?,
    };
    let change = match edit.change_of(before, &standing) {
        Err(in_use) => return Ok(Verdict::Rollback(EditOutcome::SeatsInUse(in_use))),
        Ok(change) if change.is_empty() => return Ok(Verdict::Rollback(EditOutcome::Done)),
        Ok(change) => change,
    };
    let after = &change.after;
    if change.moves()
        && let Some(other) =
            slots::taken(session, concert, after.starts_at, &after.venue, Some(id)).await?
    {
        return Ok(Verdict::Rollback(EditOutcome::SlotTaken(other)));
    }
    if let Some((plan, seats)) = &change.plan
        && !replace_plan(session, id, plan, seats).await?
    {
        return Ok(Verdict::Retry);
    }
    let written = update(performances::table.find(Db(id)))
        .set((
            performances::starts_at.eq(Db(after.starts_at)),
            performances::venue.eq(Db(after.venue.clone())),
            performances::seats_total.eq(Db(after.seats_total)),
            // A duplicate from before the rule gets its own slot once it moves.
            change
                .moves()
                .then_some(performances::occupies_slot.eq(Some(true))),
        ))
        .execute(session.connection())
        .await;
    if errors::unless_duplicate(written)?.is_none() {
        // Another call took the slot since the read.
        return Ok(Verdict::Retry);
    }
    audit::note(session, by, &AuditNote::performance_edited(id, &change)).await?;
    Ok(Verdict::Commit(EditOutcome::Done))
}

/// Locks the performance against changes by other calls, and reads it and the time.
pub(super) async fn lock(
    session: &mut Session,
    concert: ConcertId,
    id: PerformanceId,
) -> QueryResult<Option<(PerformanceFacts, Timestamp)>> {
    type Row = (Db<Timestamp>, Db<Venue>, Db<u64>, Db<Timestamp>);
    let row: Option<Row> = performances::table
        .find(Db(id))
        .filter(performances::concert_id.eq(Db(concert)))
        .select((
            performances::starts_at,
            performances::venue,
            performances::seats_total,
            session.now(),
        ))
        .for_update()
        .get_result(session.connection())
        .await
        .optional()?;
    Ok(row.map(|(starts_at, venue, total, now)| {
        let facts = PerformanceFacts {
            starts_at: starts_at.0,
            venue: venue.0,
            seats_total: total.0,
        };
        (facts, now.0)
    }))
}

/// Replaces the existing seats by those of `plan`. Returns false if a seat that was free no longer
/// is.
async fn replace_plan(
    session: &mut Session,
    id: PerformanceId,
    plan: &SeatPlan,
    change: &PlanChange,
) -> QueryResult<bool> {
    // Otherwise their reservations would name seats that are gone, or that cost something else.
    if !expire::expire_all(session, id).await? {
        return Ok(false);
    }
    let removed = seat_rows::remove(session, id, &change.removed).await?;
    if removed != change.removed.len() {
        return Ok(false);
    }
    seat_rows::write(session, id, plan).await?;
    Ok(true)
}
