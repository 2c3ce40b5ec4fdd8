//! The catalogue, as its operators write it.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult,
    dsl::{exists, select},
    insert_into, update,
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        AuditNote, ConcertId, ConcertTitle, NewPerformance, PerformanceEdit, PerformanceId,
        queue::VersionedPolicy,
    },
    ports::{ConcertEditor, EditOutcome, Operator, StoreResult},
};
use futures_util::FutureExt;

use super::{
    MySqlDatabase, audit,
    columns::Db,
    performance_edits,
    rows::{ConcertRow, PolicyRow},
    schema::{concerts, performances},
    seat_rows,
};
use crate::{calls::Turn, session::Session};

#[async_trait]
impl ConcertEditor for MySqlDatabase {
    async fn create_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        policy: &VersionedPolicy,
        by: &Operator,
    ) -> StoreResult<()> {
        let concert = (id, title.clone(), policy.clone(), by.clone());
        self.edit(concert, |session, (id, title, policy, by)| {
            create_concert(session, *id, title, policy, by).boxed()
        })
        .await
    }

    async fn retitle_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        by: &Operator,
    ) -> StoreResult<EditOutcome> {
        self.edit(
            (id, title.clone(), by.clone()),
            |session, (id, title, by)| retitle(session, *id, title, by).boxed(),
        )
        .await
    }

    async fn create_performance(
        &self,
        performance: &NewPerformance,
        by: &Operator,
    ) -> StoreResult<EditOutcome> {
        self.edit(
            (performance.clone(), by.clone()),
            |session, (performance, by)| create_performance(session, performance, by).boxed(),
        )
        .await
    }

    async fn edit_performance(
        &self,
        concert: ConcertId,
        id: PerformanceId,
        edit: &PerformanceEdit,
        by: &Operator,
    ) -> StoreResult<EditOutcome> {
        let edit = ((concert, id), edit.clone(), by.clone());
        self.edit(edit, |session, (of, edit, by)| {
            performance_edits::edit(session, *of, edit, by).boxed()
        })
        .await
    }
}

async fn create_concert(
    session: &mut Session,
    id: ConcertId,
    title: &ConcertTitle,
    policy: &VersionedPolicy,
    by: &Operator,
) -> QueryResult<Turn<()>> {
    session.begin().await?;
    audit::note(session, by, &AuditNote::concert_created(id, title, policy)).await?;
    insert_into(concerts::table)
        .values(ConcertRow {
            id: Db(id),
            title: Db(title.clone()),
            policy: PolicyRow::from(policy),
        })
        .execute(session.connection())
        .await?;
    Ok(Turn::Done(()))
}

async fn retitle(
    session: &mut Session,
    id: ConcertId,
    title: &ConcertTitle,
    by: &Operator,
) -> QueryResult<Turn<EditOutcome>> {
    session.begin().await?;
    let before: Option<Db<ConcertTitle>> = concerts::table
        .find(Db(id))
        .select(concerts::title)
        .for_update()
        .get_result(session.connection())
        .await
        .optional()?;
    let Some(before) = before else {
        return Ok(Turn::Refused(EditOutcome::NotFound));
    };
    if before.0 != *title {
        update(concerts::table.find(Db(id)))
            .set(concerts::title.eq(Db(title.clone())))
            .execute(session.connection())
            .await?;
        let note = AuditNote::concert_retitled(id, &before.0, title);
        audit::note(session, by, &note).await?;
    }
    Ok(Turn::Done(EditOutcome::Done))
}

async fn create_performance(
    session: &mut Session,
    performance: &NewPerformance,
    by: &Operator,
) -> QueryResult<Turn<EditOutcome>> {
    let known = select(exists(concerts::table.find(Db(performance.concert))));
    if !known.get_result::<bool>(session.connection()).await? {
        return Ok(Turn::Refused(EditOutcome::NotFound));
    }
    session.begin().await?;
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
        ))
        .execute(session.connection())
        .await?;
    seat_rows::write(session, performance.id, &performance.seats).await?;
    audit::note(session, by, &AuditNote::performance_created(performance)).await?;
    Ok(Turn::Done(EditOutcome::Done))
}
