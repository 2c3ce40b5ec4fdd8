//! The rows of a performance's seats, written from its plan.

use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, SelectableHelper, delete,
    dsl::{DuplicatedKeys, sql},
    insert_into,
    sql_types::{BigInt, Integer, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{PerformanceId, PlannedSeat, SeatPlan, StandingSeat};
use jiff::Timestamp;

use super::{columns::Db, rows::SeatRow, schema::seats};
use crate::session::Session;

/// Number of seats in one statement: five values each, and the server takes 65,535 values.
const SEATS_A_STATEMENT: usize = 2_000;

/// Returns the seats of a performance in their order, as they are at `now`.
pub(super) async fn standing(
    session: &mut Session,
    now: Timestamp,
    performance: PerformanceId,
) -> QueryResult<Vec<StandingSeat>> {
    let mut rows: Vec<SeatRow> = seats::table
        .filter(seats::performance_id.eq(Db(performance)))
        .select(SeatRow::as_select())
        .load(session.connection())
        .await?;
    rows.sort_unstable_by_key(|row| row.ordinal);
    Ok(rows.into_iter().map(|row| row.standing_at(now)).collect())
}

/// Writes every seat of `plan`. An existing seat gets its section, price and order, and keeps its
/// holder.
pub(super) async fn write(
    session: &mut Session,
    performance: PerformanceId,
    plan: &SeatPlan,
) -> QueryResult<()> {
    let numbered: Vec<_> = plan.seats().iter().zip(0_i32..).collect();
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
            .on_conflict(DuplicatedKeys)
            .do_update()
            .set((
                seats::ordinal.eq(sql::<Integer>("VALUES(ordinal)")),
                seats::section.eq(sql::<Text>("VALUES(section)")),
                seats::price.eq(sql::<BigInt>("VALUES(price)")),
            ))
            .execute(session.connection())
            .await?;
    }
    Ok(())
}

/// Removes seats, which must be free: those with a reservation stay. Returns the number removed.
pub(super) async fn remove(
    session: &mut Session,
    performance: PerformanceId,
    removed: &[PlannedSeat],
) -> QueryResult<usize> {
    let mut count = 0;
    for some in removed.chunks(SEATS_A_STATEMENT) {
        let labels: Vec<_> = some.iter().map(|seat| Db(seat.label.clone())).collect();
        let free = seats::table
            .filter(seats::performance_id.eq(Db(performance)))
            .filter(seats::label.eq_any(labels))
            .filter(seats::reservation_id.is_null());
        count += delete(free).execute(session.connection()).await?;
    }
    Ok(count)
}
