//! The catalogue, as its operators write it.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    dsl::{exists, select},
    insert_into, update,
};
use frontrow_domain::{
    model::{
        AuditNote, ConcertId, ConcertTitle, NewPerformance, PerformanceEdit, PerformanceId,
        queue::VersionedPolicy,
    },
    ports::{ConcertEditor, EditOutcome, Operator, StoreResult},
};

use super::{
    SqliteDatabase, audit,
    columns::Db,
    performance_edits,
    rows::{ConcertRow, PolicyRow},
    schema::{concerts, performances},
    seat_rows,
};

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
            let note = AuditNote::concert_created(id, &title, &policy);
            audit::note(connection, &by, &note)?;
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
        self.write(move |connection, _| retitle(connection, id, &title, &by))
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
        edit: &PerformanceEdit,
        by: &Operator,
    ) -> StoreResult<EditOutcome> {
        let (edit, by) = (edit.clone(), by.clone());
        self.write(move |connection, now| {
            performance_edits::edit(connection, now, (concert, id), &edit, &by)
        })
        .await
    }
}

fn retitle(
    connection: &mut SqliteConnection,
    id: ConcertId,
    title: &ConcertTitle,
    by: &Operator,
) -> QueryResult<EditOutcome> {
    let before: Option<Db<ConcertTitle>> = concerts::table
        .find(Db(id))
        .select(concerts::title)
        .get_result(connection)
        .optional()?;
    let Some(before) = before else {
        return Ok(EditOutcome::NotFound);
    };
    if before.0 != *title {
        update(concerts::table.find(Db(id)))
            .set(concerts::title.eq(Db(title.clone())))
            .execute(connection)?;
        let note = AuditNote::concert_retitled(id, &before.0, title);
        audit::note(connection, by, &note)?;
    }
    Ok(EditOutcome::Done)
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
    let total: u64 = performance
        .seats
        .seats()
        .len()
        .try_into()
        .unwrap_or(u64::MAX);
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
    seat_rows::write(connection, performance.id, &performance.seats)?;
    let note = AuditNote::performance_created(performance);
    audit::note(connection, by, &note)?;
    Ok(EditOutcome::Done)
}
