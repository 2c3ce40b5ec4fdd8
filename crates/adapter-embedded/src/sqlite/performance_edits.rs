//! A performance, edited: everything is looked at before anything is changed.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    update,
};
use frontrow_domain::{
    model::{ConcertId, PerformanceEdit, PerformanceId, PlanChange, PlannedSeat, SeatPlan, Venue},
    ports::{EditOutcome, Operator},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{audit, columns::Db, errors, reservations::expire, schema::performances, seat_rows};

/// What of a performance may be edited, beside its seats.
struct Before {
    starts_at: Timestamp,
    venue: Venue,
    seats_total: u64,
}

/// Makes the edit and notes what it changed.
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
    let plan = match &edit.seats {
        None => None,
        Some(plan) => {
            let standing = seat_rows::standing(connection, now, id)?;
            match plan.replacing(&standing) {
                Err(in_use) => return Ok(EditOutcome::SeatsInUse(in_use)),
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
        plan_anew(connection, now, id, plan, &change)?;
        detail.extend(plan_detail(&change));
    }
    if detail.is_empty() {
        return Ok(EditOutcome::Done);
    }
    update(performances::table.find(Db(id)))
        .set((
            performances::starts_at.eq(Db(starts_at)),
            performances::venue.eq(Db(venue.clone())),
            performances::seats_total.eq(Db(total)),
        ))
        .execute(connection)?;
    audit::note(connection, by, "performance.edit", &id, &detail.into())?;
    Ok(EditOutcome::Done)
}

fn find(
    connection: &mut SqliteConnection,
    concert: ConcertId,
    id: PerformanceId,
) -> QueryResult<Option<Before>> {
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
    Ok(row.map(|(starts_at, venue, total)| Before {
        starts_at: starts_at.0,
        venue: venue.0,
        seats_total: total.0,
    }))
}

fn total_of(plan: &SeatPlan) -> QueryResult<u64> {
    let total = plan.seats().len().try_into();
    total.map_err(|_| errors::broken("more seats than can be counted"))
}

/// Puts the seats of `plan` in the place of those that are there.
fn plan_anew(
    connection: &mut SqliteConnection,
    now: Timestamp,
    id: PerformanceId,
    plan: &SeatPlan,
    change: &PlanChange,
) -> QueryResult<()> {
    // Their reservations would find seats that are gone, or cost something else.
    expire::expire_all(connection, now, id)?;
    let gone = seat_rows::remove(connection, id, &change.removed)?;
    if gone != change.removed.len() {
        return Err(errors::broken("a seat was free and is not"));
    }
    seat_rows::write(connection, id, plan)
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
