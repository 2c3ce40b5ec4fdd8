//! The master copies of the queues' policies, in columns of their concerts.

use async_trait::async_trait;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult,
    SelectableHelper,
    dsl::{exists, not},
    update,
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        AuditNote, ConcertId,
        queue::{Generation, PolicyVersion, VersionedPolicy},
    },
    ports::{MasterPolicy, Operator, PutOutcome, QueuePolicies, ReserveOutcome, StoreResult},
};
use futures_util::{FutureExt, TryFutureExt};
use jiff::Timestamp;

use super::{
    MySqlDatabase, audit,
    columns::Db,
    rows::PolicyRow,
    schema::{concerts, performances},
};
use crate::{session::Session, transactions::Verdict};

#[async_trait]
impl QueuePolicies for MySqlDatabase {
    async fn find(&self, concert: ConcertId) -> StoreResult<Option<MasterPolicy>> {
        self.call(concert, |session, concert| {
            find(session, *concert).map_ok(Verdict::Commit).boxed()
        })
        .await
    }

    async fn all(&self, since: Timestamp) -> StoreResult<Vec<(ConcertId, MasterPolicy)>> {
        self.call(since, |session, since| {
            all(session, *since).map_ok(Verdict::Commit).boxed()
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
        let change = (concert, based_on, policy.clone(), by.clone());
        self.edit(change, |session, (concert, based_on, policy, by)| {
            put(session, *concert, *based_on, policy, by).boxed()
        })
        .await
    }

    async fn reserve_generation(
        &self,
        concert: ConcertId,
        generation: Generation,
    ) -> StoreResult<ReserveOutcome> {
        self.call((concert, generation), |session, (concert, generation)| {
            reserve(session, *concert, *generation).boxed()
        })
        .await
    }

    async fn mark_seeded(&self, concert: ConcertId) -> StoreResult<()> {
        self.call(concert, |session, concert| {
            mark_seeded(session, *concert).boxed()
        })
        .await
    }

    async fn forget_seeded(&self, concert: ConcertId) -> StoreResult<()> {
        self.call(concert, |session, concert| {
            forget_seeded(session, *concert).boxed()
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

async fn find(session: &mut Session, concert: ConcertId) -> QueryResult<Option<MasterPolicy>> {
    let row: Option<MasterRow> = concerts::table
        .find(Db(concert))
        .select((
            PolicyRow::as_select(),
            concerts::seeded,
            concerts::seed_generation,
        ))
        .get_result(session.connection())
        .await
        .optional()?;
    Ok(row.map(master))
}

async fn all(
    session: &mut Session,
    since: Timestamp,
) -> QueryResult<Vec<(ConcertId, MasterPolicy)>> {
    // Each is answered from one entry of an index.
    let of_concert = || performances::table.filter(performances::concert_id.eq(concerts::id));
    let is_to_come = exists(of_concert().filter(performances::starts_at.ge(Db(since))));
    let has_none = not(exists(of_concert()));
    let rows: Vec<(Db<ConcertId>, MasterRow)> = concerts::table
        .filter(is_to_come.or(has_none))
        .order(concerts::id)
        .select((
            concerts::id,
            (
                PolicyRow::as_select(),
                concerts::seeded,
                concerts::seed_generation,
            ),
        ))
        .load(session.connection())
        .await?;
    let policies = rows.into_iter().map(|(id, row)| (id.0, master(row)));
    Ok(policies.collect())
}

async fn put(
    session: &mut Session,
    concert: ConcertId,
    based_on: PolicyVersion,
    policy: &VersionedPolicy,
    by: &Operator,
) -> QueryResult<Verdict<PutOutcome>> {
    session.begin().await?;
    let before: Option<PolicyRow> = concerts::table
        .find(Db(concert))
        .select(PolicyRow::as_select())
        .for_update()
        .get_result(session.connection())
        .await
        .optional()?;
    let before = match before.map(VersionedPolicy::from) {
        None => return Ok(Verdict::Rollback(PutOutcome::NoSuchConcert)),
        Some(before) if before.version != based_on || before.version >= policy.version => {
            return Ok(Verdict::Rollback(PutOutcome::Outdated));
        }
        Some(before) => before,
    };
    update(concerts::table.find(Db(concert)))
        .set(PolicyRow::from(policy))
        .execute(session.connection())
        .await?;
    let note = AuditNote::policy_put(concert, &before, policy);
    audit::note(session, by, &note).await?;
    Ok(Verdict::Commit(PutOutcome::Put))
}

async fn reserve(
    session: &mut Session,
    concert: ConcertId,
    generation: Generation,
) -> QueryResult<Verdict<ReserveOutcome>> {
    let before: Option<(bool, Option<i64>)> = concerts::table
        .find(Db(concert))
        .select((concerts::seeded, concerts::seed_generation))
        .get_result(session.connection())
        .await
        .optional()?;
    match before {
        None => return Ok(Verdict::Commit(ReserveOutcome::NoSuchConcert)),
        Some((true, _)) => return Ok(Verdict::Commit(ReserveOutcome::SeededBefore)),
        Some((false, Some(reserved))) => {
            let reserved = Generation(reserved.cast_unsigned());
            return Ok(Verdict::Commit(ReserveOutcome::Reserved(reserved)));
        }
        Some((false, None)) => {}
    }
    session.begin().await?;
    let unreserved = concerts::table
        .find(Db(concert))
        .filter(concerts::seeded.eq(false))
        .filter(concerts::seed_generation.is_null());
    let reserved = update(unreserved)
        .set(concerts::seed_generation.eq(generation.0.cast_signed()))
        .execute(session.connection())
        .await?;
    Ok(if reserved == 1 {
        Verdict::Commit(ReserveOutcome::Reserved(generation))
    } else {
        Verdict::Retry
    })
}

async fn mark_seeded(session: &mut Session, concert: ConcertId) -> QueryResult<Verdict<()>> {
    session.begin().await?;
    update(concerts::table.find(Db(concert)))
        .set(concerts::seeded.eq(true))
        .execute(session.connection())
        .await?;
    Ok(Verdict::Commit(()))
}

async fn forget_seeded(session: &mut Session, concert: ConcertId) -> QueryResult<Verdict<()>> {
    session.begin().await?;
    let nothing = (
        concerts::seeded.eq(false),
        concerts::seed_generation.eq(None::<i64>),
    );
    update(concerts::table.find(Db(concert)))
        .set(nothing)
        .execute(session.connection())
        .await?;
    Ok(Verdict::Commit(()))
}
