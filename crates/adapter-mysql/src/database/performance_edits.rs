//! A performance, edited: everything is looked at before anything is changed.
//!
//! The performance's row is locked first. A hold shares a lock on it until it is committed, so there are
//! no new ones meanwhile; payments and the ends of holds go on, and what they change is looked at again
//! by the statements that would be wrong after it.

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

/// Makes the edit and notes what it changed.
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
        && let Some(there) =
            slots::taken(session, concert, after.starts_at, &after.venue, Some(id)).await?
    {
        return Ok(Verdict::Rollback(EditOutcome::SlotTaken(there)));
    }
    if let Some((plan, seats)) = &change.plan
        && !plan_anew(session, id, plan, seats).await?
    {
        return Ok(Verdict::Retry);
    }
    let written = update(performances::table.find(Db(id)))
        .set((
            performances::starts_at.eq(Db(after.starts_at)),
            performances::venue.eq(Db(after.venue.clone())),
            performances::seats_total.eq(Db(after.seats_total)),
            // A duplicate from before has a slot of its own once it moves.
            change
                .moves()
                .then_some(performances::occupies_slot.eq(Some(true))),
        ))
        .execute(session.connection())
        .await;
    if errors::unless_duplicate(written)?.is_none() {
        // Somebody took the slot since the look.
        return Ok(Verdict::Retry);
    }
    audit::note(session, by, &AuditNote::performance_edited(id, &change)).await?;
    Ok(Verdict::Commit(EditOutcome::Done))
}

/// The performance, which nobody else changes from here on, and what time it is.
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

/// Puts the seats of `plan` in the place of those that are there; false when one of those that were free
/// is not, after all.
async fn plan_anew(
    session: &mut Session,
    id: PerformanceId,
    plan: &SeatPlan,
    change: &PlanChange,
) -> QueryResult<bool> {
    // Their reservations would find seats that are gone, or cost something else.
    if !expire::expire_all(session, id).await? {
        return Ok(false);
    }
    let gone = seat_rows::remove(session, id, &change.removed).await?;
    if gone != change.removed.len() {
        return Ok(false);
    }
    seat_rows::write(session, id, plan).await?;
    Ok(true)
}
