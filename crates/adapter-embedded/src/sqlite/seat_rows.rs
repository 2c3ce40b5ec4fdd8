//! The rows of a performance's seats, written from its plan.

use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper, SqliteConnection,
    delete, insert_into, upsert::excluded,
};
use frontrow_domain::model::{PerformanceId, PlannedSeat, SeatPlan, StandingSeat};
use jiff::Timestamp;

use super::{columns::Db, rows::SeatRow, schema::seats};

/// Number of seats in one statement: five values each, and SQLite accepts about 32,000 values.
const SEATS_A_STATEMENT: usize = 1_000;

/// Returns the seats of a performance in their order, as they are at `now`.
pub(super) fn standing(
    connection: &mut SqliteConnection,
    now: Timestamp,
    performance: PerformanceId,
) -> QueryResult<Vec<StandingSeat>> {
    let mut rows: Vec<SeatRow> = seats::table
        .filter(seats::performance_id.eq(Db(performance)))
        .select(SeatRow::as_select())
        .load(connection)?;
    rows.sort_unstable_by_key(|row| row.ordinal);
    Ok(rows.into_iter().map(|row| row.standing_at(now)).collect())
}

/// Writes every seat of `plan`. An existing seat gets its section, price and order, and keeps its
/// holder.
pub(super) fn write(
    connection: &mut SqliteConnection,
    performance: PerformanceId,
    plan: &SeatPlan,
) -> QueryResult<()> {
    let numbered: Vec<_> = plan.seats().iter().zip(0_i64..).collect();
    for some in numbered.chunks(SEATS_A_STATEMENT) {
        let rows = some.iter().map(|(seat, ordinal)| {
            (
                seats::performance_id.eq(Db(performance)),
                seats::label.eq(Db(seat.label.clone())),
                seats::ordinal.eq(*ordinal),
                seats::section.eq(&seat.section),
                seats::price.eq(Db(seat.price)),
            )
        });
        insert_into(seats::table)
            .values(rows.collect::<Vec<_>>())
            .on_conflict((seats::performance_id, seats::label))
            .do_update()
            .set((
                seats::ordinal.eq(excluded(seats::ordinal)),
                seats::section.eq(excluded(seats::section)),
                seats::price.eq(excluded(seats::price)),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// Removes seats, which must be free: those with a reservation stay.
pub(super) fn remove(
    connection: &mut SqliteConnection,
    performance: PerformanceId,
    removed: &[PlannedSeat],
) -> QueryResult<usize> {
    let mut gone = 0;
    for some in removed.chunks(SEATS_A_STATEMENT) {
        let labels = some.iter().map(|seat| Db(seat.label.clone()));
        let free = seats::table
            .filter(seats::performance_id.eq(Db(performance)))
            .filter(seats::label.eq_any(labels))
            .filter(seats::reservation_id.is_null());
        gone += delete(free).execute(connection)?;
    }
    Ok(gone)
}
