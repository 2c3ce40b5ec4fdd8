//! The catalogue, as operators edit it.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    dsl::{exists, select},
    insert_into, update,
};
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
use jiff::Timestamp;

use super::{
    SqliteDatabase, audit,
    columns::Db,
    deletions, idempotency, performance_edits,
    rows::{ConcertRow, PolicyRow},
    schema::{concerts, performances},
    seat_rows, slots,
};

#[async_trait]
impl ConcertEditor for SqliteDatabase {
    async fn create_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        policy: &VersionedPolicy,
        by: &Operator,
        keyed: Option<Keyed>,
    ) -> StoreResult<CreateConcertOutcome> {
        let (title, policy, by) = (title.clone(), policy.clone(), by.clone());
        self.write(move |connection, now| {
            if let Some(keyed) = &keyed {
                match idempotency::find(connection, keyed)? {
                    KeyUse::New => idempotency::remember(connection, now, keyed, id.0)?,
                    KeyUse::Replayed(EffectOf::Concert(earlier)) => {
                        return Ok(CreateConcertOutcome::Created(Applied::replayed(earlier)));
                    }
                    KeyUse::Replayed(_) | KeyUse::OtherRequest => {
                        return Ok(CreateConcertOutcome::KeyReused);
                    }
                }
            }
            create_concert(connection, id, &title, &policy, &by)?;
            Ok(CreateConcertOutcome::Created(Applied::first(id)))
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
        keyed: Option<Keyed>,
    ) -> StoreResult<CreatePerformanceOutcome> {
        let (performance, by) = (performance.clone(), by.clone());
        self.write(move |connection, now| {
            create_performance(connection, now, &performance, &by, keyed.as_ref())
        })
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

    async fn delete_performance(
        &self,
        concert: ConcertId,
        id: PerformanceId,
        by: &Operator,
    ) -> StoreResult<DeletePerformanceOutcome> {
        let by = by.clone();
        self.write(move |connection, now| {
            deletions::performance(connection, now, (concert, id), &by)
        })
        .await
    }

    async fn delete_concert(
        &self,
        id: ConcertId,
        by: &Operator,
    ) -> StoreResult<DeleteConcertOutcome> {
        let by = by.clone();
        self.write(move |connection, now| deletions::concert(connection, now, id, &by))
            .await
    }

    async fn duplicate_performances(&self) -> StoreResult<Vec<DuplicatePerformance>> {
        self.read(slots::duplicates).await
    }
}

fn create_concert(
    connection: &mut SqliteConnection,
    id: ConcertId,
    title: &ConcertTitle,
    policy: &VersionedPolicy,
    by: &Operator,
) -> QueryResult<()> {
    let note = AuditNote::concert_created(id, title, policy);
    audit::record(connection, by, &note)?;
    insert_into(concerts::table)
        .values(ConcertRow {
            id: Db(id),
            title: Db(title.clone()),
            policy: PolicyRow::from(policy),
        })
        .execute(connection)
        .map(drop)
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
        audit::record(connection, by, &note)?;
    }
    Ok(EditOutcome::Done)
}

fn create_performance(
    connection: &mut SqliteConnection,
    now: Timestamp,
    performance: &NewPerformance,
    by: &Operator,
    keyed: Option<&Keyed>,
) -> QueryResult<CreatePerformanceOutcome> {
    if let Some(keyed) = keyed {
        match idempotency::find(connection, keyed)? {
            KeyUse::New => {}
            KeyUse::Replayed(EffectOf::Performance(earlier)) => {
                return Ok(CreatePerformanceOutcome::Created(Applied::replayed(
                    earlier,
                )));
            }
            KeyUse::Replayed(_) | KeyUse::OtherRequest => {
                return Ok(CreatePerformanceOutcome::KeyReused);
            }
        }
    }
    let NewPerformance {
        id,
        concert,
        starts_at,
        ref venue,
        ref seats,
    } = *performance;
    let known = select(exists(concerts::table.find(Db(concert))));
    if !known.get_result(connection)? {
        return Ok(CreatePerformanceOutcome::NoSuchConcert);
    }
    if let Some(there) = slots::taken(connection, concert, starts_at, venue, None)? {
        let standing = seat_rows::standing(connection, now, there)?;
        return Ok(if seats.is_plan_of(&standing) {
            CreatePerformanceOutcome::Exists(there)
        } else {
            CreatePerformanceOutcome::SlotTaken(there)
        });
    }
    let total: u64 = seats.seats().len().try_into().unwrap_or(u64::MAX);
    insert_into(performances::table)
        .values((
            performances::id.eq(Db(id)),
            performances::concert_id.eq(Db(concert)),
            performances::starts_at.eq(Db(starts_at)),
            performances::venue.eq(Db(venue.clone())),
            performances::seats_total.eq(Db(total)),
            performances::seats_sold.eq(0),
            performances::occupies_slot.eq(Some(true)),
        ))
        .execute(connection)?;
    seat_rows::write(connection, id, seats)?;
    let note = AuditNote::performance_created(performance);
    audit::record(connection, by, &note)?;
    if let Some(keyed) = keyed {
        idempotency::remember(connection, now, keyed, id.0)?;
    }
    Ok(CreatePerformanceOutcome::Created(Applied::first(id)))
}
