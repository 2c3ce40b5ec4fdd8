//! A performance, edited: everything is looked at before anything is changed.
//!
//! The performance's row is locked first. A hold shares a lock on it until it is committed, so there are
//! no new ones meanwhile; payments and the ends of holds go on, and what they change is looked at again
//! by the statements that would be wrong after it.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, update};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{ConcertId, PerformanceEdit, PerformanceId, PlanChange, PlannedSeat, SeatPlan, Venue},
    ports::{EditOutcome, Operator},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{audit, columns::Db, reservations::expire, schema::performances, seat_rows};
use crate::{calls::Turn, errors, session::Session};

/// What of a performance may be edited, beside its seats, and what time it is.
struct Before {
    starts_at: Timestamp,
    venue: Venue,
    seats_total: u64,
    now: Timestamp,
}

/// Makes the edit and notes what it changed.
pub(super) async fn edit(
    session: &mut Session,
    (concert, id): (ConcertId, PerformanceId),
    edit: &PerformanceEdit,
    by: &Operator,
) -> QueryResult<Turn<EditOutcome>> {
    session.begin().await?;
    let Some(before) = lock(session, concert, id).await? else {
        return Ok(Turn::Refused(EditOutcome::NotFound));
    };
    let plan = match &edit.seats {
        None => None,
        Some(plan) => {
            let standing = seat_rows::standing(session, before.now, id).await?;
            match plan.replacing(&standing) {
                Err(in_use) => return Ok(Turn::Refused(EditOutcome::SeatsInUse(in_use))),
                Ok(change) => Some((plan, change)).filter(|(_, change)| !change.is_empty()),
            }
        }
    };
    let total = plan
        .as_ref()
        .map_or(Ok(before.seats_total), |(plan, _)| total_of(plan))?;
    let starts_at = edit.starts_at.unwrap_or(before.starts_at);
    let venue = edit.venue.as_ref().unwrap_or(&before.venue);
    let mut detail = audit::changes(
        &performance_detail(before.starts_at, &before.venue, before.seats_total),
        &performance_detail(starts_at, venue, total),
    );
    if let Some((plan, change)) = plan {
        if !plan_anew(session, id, plan, &change).await? {
            return Ok(Turn::Again);
        }
        detail.extend(plan_detail(&change));
    }
    if detail.is_empty() {
        return Ok(Turn::Refused(EditOutcome::Done));
    }
    update(performances::table.find(Db(id)))
        .set((
            performances::starts_at.eq(Db(starts_at)),
            performances::venue.eq(Db(venue.clone())),
            performances::seats_total.eq(Db(total)),
        ))
        .execute(session.connection())
        .await?;
    audit::note(session, by, "performance.edit", &id, &detail.into()).await?;
    Ok(Turn::Done(EditOutcome::Done))
}

async fn lock(
    session: &mut Session,
    concert: ConcertId,
    id: PerformanceId,
) -> QueryResult<Option<Before>> {
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
    Ok(row.map(|(starts_at, venue, total, now)| Before {
        starts_at: starts_at.0,
        venue: venue.0,
        seats_total: total.0,
        now: now.0,
    }))
}

fn total_of(plan: &SeatPlan) -> QueryResult<u64> {
    let total = plan.seats().len().try_into();
    total.map_err(|_| errors::broken("more seats than can be counted"))
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

fn performance_detail(starts_at: Timestamp, venue: &Venue, seats_total: u64) -> Value {
    json!({
        "starts_at": starts_at.to_string(),
        "venue": venue.as_str(),
        "seats_total": seats_total,
    })
}

/// What a new plan changes, as a note has it: of seats that share it, what they were and are.
fn plan_detail(change: &PlanChange) -> Map<String, Value> {
    let terms = |seat: &PlannedSeat| {
        let price = seat.price.minor_units();
        json!({ "section": seat.section, "price": price })
    };
    let removed = change
        .removed
        .iter()
        .map(|seat| (terms(seat), Value::Null, seat));
    let added = change
        .added
        .iter()
        .map(|seat| (Value::Null, terms(seat), seat));
    let changed = change.changed.iter();
    let changed = changed.map(|(from, to)| (terms(from), terms(to), to));
    let mut groups: Vec<(Value, Value, Vec<&str>)> = Vec::new();
    for (from, to, seat) in removed.chain(changed).chain(added) {
        let label = seat.label.as_str();
        match groups.last_mut() {
            // Neighbours nearly always share it.
            Some((last_from, last_to, labels)) if *last_from == from && *last_to == to => {
                labels.push(label);
            }
            _ => groups.push((from, to, vec![label])),
        }
    }
    let groups = groups
        .into_iter()
        .map(|(from, to, labels)| json!({ "from": from, "to": to, "labels": labels }));
    let mut detail = Map::new();
    let groups: Vec<_> = groups.collect();
    if !groups.is_empty() {
        detail.insert("seats".into(), groups.into());
    }
    if change.reordered {
        detail.insert("reordered".into(), true.into());
    }
    detail
}
