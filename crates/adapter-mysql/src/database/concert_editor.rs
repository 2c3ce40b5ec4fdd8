//! The catalogue, as operators edit it.

use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, insert_into, update};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        Applied, AuditNote, ConcertId, ConcertTitle, Keyed, NewPerformance, PerformanceEdit,
        PerformanceId, queue::VersionedPolicy,
    },
    ports::{
        ConcertEditor, CreateConcertOutcome, CreatePerformanceOutcome, DeleteConcertOutcome,
        DeletePerformanceOutcome, DuplicatePerformance, EditOutcome, EffectOf, KeyUse, Operator,
        StoreResult,
    },
};
use futures_util::{FutureExt, TryFutureExt};

use super::{
    MySqlDatabase, audit,
    columns::Db,
    deletions,
    idempotency::{self, Claim},
    new_performance, performance_edits,
    rows::{ConcertRow, PolicyRow},
    schema::concerts,
    slots,
};
use crate::{session::Session, transactions::Verdict};

#[async_trait]
impl ConcertEditor for MySqlDatabase {
    async fn create_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        policy: &VersionedPolicy,
        by: &Operator,
        keyed: Option<Keyed>,
    ) -> StoreResult<CreateConcertOutcome> {
        let concert = (id, title.clone(), policy.clone(), by.clone(), keyed);
        self.edit(concert, |session, (id, title, policy, by, keyed)| {
            create_concert(session, *id, title, policy, by, keyed.as_ref()).boxed()
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
        keyed: Option<Keyed>,
    ) -> StoreResult<CreatePerformanceOutcome> {
        self.edit(
            (performance.clone(), by.clone(), keyed),
            |session, (performance, by, keyed)| {
                new_performance::create(session, performance, by, keyed.as_ref()).boxed()
            },
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

    async fn delete_performance(
        &self,
        concert: ConcertId,
        id: PerformanceId,
        by: &Operator,
    ) -> StoreResult<DeletePerformanceOutcome> {
        self.edit(((concert, id), by.clone()), |session, (of, by)| {
            deletions::performance(session, *of, by).boxed()
        })
        .await
    }

    async fn delete_concert(
        &self,
        id: ConcertId,
        by: &Operator,
    ) -> StoreResult<DeleteConcertOutcome> {
        self.edit((id, by.clone()), |session, (id, by)| {
            deletions::concert(session, *id, by).boxed()
        })
        .await
    }

    async fn duplicate_performances(&self) -> StoreResult<Vec<DuplicatePerformance>> {
        self.edit((), |session, ()| {
            slots::duplicates(session).map_ok(Verdict::Commit).boxed()
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
    keyed: Option<&Keyed>,
) -> QueryResult<Verdict<CreateConcertOutcome>> {
    session.begin().await?;
    if let Some(keyed) = keyed {
        match idempotency::claim(session, keyed, id.0).await? {
            Claim::Ours => {}
            Claim::UnderWay => return Ok(Verdict::Rollback(CreateConcertOutcome::InProgress)),
            Claim::Taken => return earlier_concert(session, keyed).await,
        }
    }
    audit::note(session, by, &AuditNote::concert_created(id, title, policy)).await?;
    insert_into(concerts::table)
        .values(ConcertRow {
            id: Db(id),
            title: Db(title.clone()),
            policy: PolicyRow::from(policy),
        })
        .execute(session.connection())
        .await?;
    Ok(Verdict::Commit(CreateConcertOutcome::Created(
        Applied::first(id),
    )))
}

/// Returns the concert that an earlier call with the key created.
async fn earlier_concert(
    session: &mut Session,
    keyed: &Keyed,
) -> QueryResult<Verdict<CreateConcertOutcome>> {
    session.roll_back().await?;
    Ok(match idempotency::find(session, keyed).await? {
        KeyUse::Replayed(EffectOf::Concert(id)) => {
            Verdict::Commit(CreateConcertOutcome::Created(Applied::replayed(id)))
        }
        KeyUse::Replayed(_) | KeyUse::OtherRequest => {
            Verdict::Commit(CreateConcertOutcome::KeyReused)
        }
        // The key was purged between two reads.
        KeyUse::New => Verdict::Retry,
    })
}

async fn retitle(
    session: &mut Session,
    id: ConcertId,
    title: &ConcertTitle,
    by: &Operator,
) -> QueryResult<Verdict<EditOutcome>> {
    session.begin().await?;
    let before: Option<Db<ConcertTitle>> = concerts::table
        .find(Db(id))
        .select(concerts::title)
        .for_update()
        .get_result(session.connection())
        .await
        .optional()?;
    let Some(before) = before else {
        return Ok(Verdict::Rollback(EditOutcome::NotFound));
    };
    if before.0 != *title {
        update(concerts::table.find(Db(id)))
            .set(concerts::title.eq(Db(title.clone())))
            .execute(session.connection())
            .await?;
        let note = AuditNote::concert_retitled(id, &before.0, title);
        audit::note(session, by, &note).await?;
    }
    Ok(Verdict::Commit(EditOutcome::Done))
}
