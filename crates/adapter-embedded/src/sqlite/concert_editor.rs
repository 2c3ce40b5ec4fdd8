//! The catalogue, as its operators write it.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    dsl::{exists, select},
    insert_into, update,
};
use frontrow_domain::{
    model::{
        ConcertId, ConcertTitle, NewPerformance, PerformanceId, Venue, queue::VersionedPolicy,
    },
    ports::{ConcertEditor, EditOutcome, Operator, StoreResult},
};
use jiff::Timestamp;
use serde_json::json;

use super::{
    SqliteDatabase, audit,
    columns::Db,
    rows::{ConcertRow, PolicyRow},
    schema::{concerts, performances, seats},
};

/// How many seats go into one statement: five values each, and SQLite takes some 32,000.
const SEATS_A_STATEMENT: usize = 1_000;

#[async_trait]
impl ConcertEditor for SqliteDatabase {
    async fn create_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        policy: &VersionedPolicy,
        by: &Operator,
    ) -> StoreResult<()> {
        let (title, policy, by) = (title.clone(), policy.clone(), by.clone());
        self.write(move |connection, _| {
            let detail = json!({
                "title": title.as_str(),
                "policy": audit::policy_detail(&policy),
            });
            audit::note(connection, &by, "concert.create", &id, &detail)?;
            insert_into(concerts::table)
                .values(ConcertRow {
                    id: Db(id),
                    title: Db(title),
                    policy: PolicyRow::from(&policy),
                })
                .execute(connection)
                .map(drop)
        })
        .await
    }

    async fn retitle_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        by: &Operator,
    ) -> StoreResult<EditOutcome> {
        let (title, by) = (title.clone(), by.clone());
        self.write(move |connection, _| {
            let detail = json!({ "title": title.as_str() });
            let changed = update(concerts::table.find(Db(id)))
                .set(concerts::title.eq(Db(title)))
                .execute(connection)?;
            if changed == 0 {
                return Ok(EditOutcome::NotFound);
            }
            audit::note(connection, &by, "concert.retitle", &id, &detail)?;
            Ok(EditOutcome::Done)
        })
        .await
    }

    async fn create_performance(
        &self,
        performance: &NewPerformance,
        by: &Operator,
    ) -> StoreResult<EditOutcome> {
        let (performance, by) = (performance.clone(), by.clone());
        self.write(move |connection, _| create_performance(connection, &performance, &by))
            .await
    }

    async fn edit_performance(
        &self,
        concert: ConcertId,
        id: PerformanceId,
        starts_at: Timestamp,
        venue: &Venue,
        by: &Operator,
    ) -> StoreResult<EditOutcome> {
        let (venue, by) = (venue.clone(), by.clone());
        self.write(move |connection, _| {
            let detail = performance_detail(starts_at, &venue);
            let mine = performances::table
                .find(Db(id))
                .filter(performances::concert_id.eq(Db(concert)));
            let changed = update(mine)
                .set((
                    performances::starts_at.eq(Db(starts_at)),
                    performances::venue.eq(Db(venue)),
                ))
                .execute(connection)?;
            if changed == 0 {
                return Ok(EditOutcome::NotFound);
            }
            audit::note(connection, &by, "performance.edit", &id, &detail)?;
            Ok(EditOutcome::Done)
        })
        .await
    }
}

fn create_performance(
    connection: &mut SqliteConnection,
    performance: &NewPerformance,
    by: &Operator,
) -> QueryResult<EditOutcome> {
    let known = select(exists(concerts::table.find(Db(performance.concert))));
    if !known.get_result(connection)? {
        return Ok(EditOutcome::NotFound);
    }
    let plan = performance.seats.seats();
    let total: u64 = plan.len().try_into().unwrap_or(u64::MAX);
    insert_into(performances::table)
        .values((
            performances::id.eq(Db(performance.id)),
            performances::concert_id.eq(Db(performance.concert)),
            performances::starts_at.eq(Db(performance.starts_at)),
            performances::venue.eq(Db(performance.venue.clone())),
            performances::seats_total.eq(Db(total)),
            performances::seats_sold.eq(0),
        ))
        .execute(connection)?;
    let mut rows = plan.iter().zip(0_i64..).map(|(seat, ordinal)| {
        (
            seats::performance_id.eq(Db(performance.id)),
            seats::label.eq(Db(seat.label.clone())),
            seats::ordinal.eq(ordinal),
            seats::section.eq(&seat.section),
            seats::price.eq(Db(seat.price)),
        )
    });
    loop {
        let some: Vec<_> = rows.by_ref().take(SEATS_A_STATEMENT).collect();
        if some.is_empty() {
            break;
        }
        insert_into(seats::table).values(some).execute(connection)?;
    }
    let mut detail = performance_detail(performance.starts_at, &performance.venue);
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("concert".into(), performance.concert.to_string().into());
        detail.insert("seats".into(), total.into());
    }
    audit::note(
        connection,
        by,
        "performance.create",
        &performance.id,
        &detail,
    )?;
    Ok(EditOutcome::Done)
}

fn performance_detail(starts_at: Timestamp, venue: &Venue) -> serde_json::Value {
    json!({ "starts_at": starts_at.to_string(), "venue": venue.as_str() })
}
