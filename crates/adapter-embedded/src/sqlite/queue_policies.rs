//! The master copies of the queues' policies, in columns of their concerts.

use async_trait::async_trait;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult,
    RunQueryDsl, SelectableHelper, SqliteConnection, update,
};
use frontrow_domain::{
    model::{
        AuditNote, ConcertId,
        queue::{Generation, PolicyVersion, VersionedPolicy},
    },
    ports::{MasterPolicy, Operator, PutOutcome, QueuePolicies, ReserveOutcome, StoreResult},
};
use jiff::Timestamp;

use super::{
    SqliteDatabase, audit,
    columns::Db,
    rows::PolicyRow,
    schema::{concerts, performances},
};

#[async_trait]
impl QueuePolicies for SqliteDatabase {
    async fn find(&self, concert: ConcertId) -> StoreResult<Option<MasterPolicy>> {
        self.read(move |connection, _| {
            let row: Option<MasterRow> = concerts::table
                .find(Db(concert))
                .select((
                    PolicyRow::as_select(),
                    concerts::seeded,
                    concerts::seed_generation,
                ))
                .get_result(connection)
                .optional()?;
            Ok(row.map(master))
        })
        .await
    }

    async fn all(&self, since: Timestamp) -> StoreResult<Vec<(ConcertId, MasterPolicy)>> {
        self.read(move |connection, _| {
            // Null if there is none. With an order and a limit, one entry of an index is read.
            let last_start = performances::table
                .filter(performances::concert_id.eq(concerts::id))
                .order(performances::starts_at.desc())
                .select(performances::starts_at)
                .limit(1)
                .single_value();
            let is_to_come = last_start.ge(Db(since));
            let rows: Vec<(Db<ConcertId>, MasterRow)> = concerts::table
                .filter(last_start.is_null().or(is_to_come))
                .order(concerts::id)
                .select((
                    concerts::id,
                    (
                        PolicyRow::as_select(),
                        concerts::seeded,
                        concerts::seed_generation,
                    ),
                ))
                .load(connection)?;
            Ok(rows
                .into_iter()
                .map(|(id, row)| (id.0, master(row)))
                .collect())
        })
        .await
    }

    async fn put(
        &self,
        concert: ConcertId,
        based_on: PolicyVersion,
        policy: &VersionedPolicy,
        by: &Operator,
    ) -> StoreResult<PutOutcome> {
        let (policy, by) = (policy.clone(), by.clone());
        self.write(move |connection, _| put(connection, concert, based_on, &policy, &by))
            .await
    }

    async fn reserve_generation(
        &self,
        concert: ConcertId,
        generation: Generation,
    ) -> StoreResult<ReserveOutcome> {
        self.write(move |connection, _| reserve(connection, concert, generation))
            .await
    }

    async fn mark_seeded(&self, concert: ConcertId) -> StoreResult<()> {
        self.write(move |connection, _| {
            update(concerts::table.find(Db(concert)))
                .set(concerts::seeded.eq(true))
                .execute(connection)
                .map(drop)
        })
        .await
    }

    async fn forget_seeded(&self, concert: ConcertId) -> StoreResult<()> {
        self.write(move |connection, _| {
            let nothing = (
                concerts::seeded.eq(false),
                concerts::seed_generation.eq(None::<i64>),
            );
            update(concerts::table.find(Db(concert)))
                .set(nothing)
                .execute(connection)
                .map(drop)
        })
        .await
    }
}

/// A policy, whether its queue was seeded, and the generation that is reserved for it.
type MasterRow = (PolicyRow, bool, Option<i64>);

fn master((policy, seeded, reserved): MasterRow) -> MasterPolicy {
    MasterPolicy {
        policy: policy.into(),
        seeded,
        reserved: reserved.map(|reserved| Generation(reserved.cast_unsigned())),
    }
}

fn reserve(
    connection: &mut SqliteConnection,
    concert: ConcertId,
    generation: Generation,
) -> QueryResult<ReserveOutcome> {
    let before: Option<(bool, Option<i64>)> = concerts::table
        .find(Db(concert))
        .select((concerts::seeded, concerts::seed_generation))
        .get_result(connection)
        .optional()?;
    match before {
        None => Ok(ReserveOutcome::NoSuchConcert),
        Some((true, _)) => Ok(ReserveOutcome::SeededBefore),
        Some((false, Some(reserved))) => {
            let reserved = Generation(reserved.cast_unsigned());
            Ok(ReserveOutcome::Reserved(reserved))
        }
        Some((false, None)) => {
            update(concerts::table.find(Db(concert)))
                .set(concerts::seed_generation.eq(generation.0.cast_signed()))
                .execute(connection)?;
            Ok(ReserveOutcome::Reserved(generation))
        }
    }
}

fn put(
    connection: &mut SqliteConnection,
    concert: ConcertId,
    based_on: PolicyVersion,
    policy: &VersionedPolicy,
    by: &Operator,
) -> QueryResult<PutOutcome> {
    let before: Option<PolicyRow> = concerts::table
        .find(Db(concert))
        .select(PolicyRow::as_select())
        .get_result(connection)
        .optional()?;
    match before.map(VersionedPolicy::from) {
        None => Ok(PutOutcome::NoSuchConcert),
        Some(before) if before.version != based_on || before.version >= policy.version => {
            Ok(PutOutcome::Outdated)
        }
        Some(before) => {
            update(concerts::table.find(Db(concert)))
                .set(PolicyRow::from(policy))
                .execute(connection)?;
            let note = AuditNote::policy_put(concert, &before, policy);
            audit::record(connection, by, &note)?;
            Ok(PutOutcome::Put)
        }
    }
}
