//! The master copies of the queues' policies, in columns of their concerts.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper,
    SqliteConnection, update,
};
use frontrow_domain::{
    model::{ConcertId, queue::VersionedPolicy},
    ports::{MasterPolicy, Operator, PutOutcome, QueuePolicies, StoreResult},
};

use super::{SqliteDatabase, audit, columns::Db, errors, rows::PolicyRow, schema::concerts};

#[async_trait]
impl QueuePolicies for SqliteDatabase {
    async fn find(&self, concert: ConcertId) -> StoreResult<Option<MasterPolicy>> {
        self.read(move |connection, _| {
            let row: Option<(PolicyRow, bool)> = concerts::table
                .find(Db(concert))
                .select((PolicyRow::as_select(), concerts::seeded))
                .get_result(connection)
                .optional()?;
            Ok(row.map(master))
        })
        .await
    }

    async fn all(&self) -> StoreResult<Vec<(ConcertId, MasterPolicy)>> {
        self.read(move |connection, _| {
            let rows: Vec<(Db<ConcertId>, (PolicyRow, bool))> = concerts::table
                .order(concerts::id)
                .select((concerts::id, (PolicyRow::as_select(), concerts::seeded)))
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
        policy: &VersionedPolicy,
        by: &Operator,
    ) -> StoreResult<PutOutcome> {
        let (policy, by) = (policy.clone(), by.clone());
        self.write(move |connection, _| put(connection, concert, &policy, &by))
            .await
    }

    async fn mark_seeded(&self, concert: ConcertId) -> StoreResult<bool> {
        self.write(move |connection, _| {
            let before: Option<bool> = concerts::table
                .find(Db(concert))
                .select(concerts::seeded)
                .get_result(connection)
                .optional()?;
            match before {
                Some(true) => Ok(true),
                Some(false) => set_seeded(connection, concert, true).map(|()| false),
                None => Err(errors::broken(format!(
                    "no concert {concert} to seed a queue of"
                ))),
            }
        })
        .await
    }

    async fn forget_seeded(&self, concert: ConcertId) -> StoreResult<()> {
        self.write(move |connection, _| set_seeded(connection, concert, false))
            .await
    }
}

fn master((policy, seeded): (PolicyRow, bool)) -> MasterPolicy {
    MasterPolicy {
        policy: policy.into(),
        seeded,
    }
}

fn set_seeded(
    connection: &mut SqliteConnection,
    concert: ConcertId,
    seeded: bool,
) -> QueryResult<()> {
    update(concerts::table.find(Db(concert)))
        .set(concerts::seeded.eq(seeded))
        .execute(connection)
        .map(drop)
}

fn put(
    connection: &mut SqliteConnection,
    concert: ConcertId,
    policy: &VersionedPolicy,
    by: &Operator,
) -> QueryResult<PutOutcome> {
    let newest: Option<i64> = concerts::table
        .find(Db(concert))
        .select(concerts::policy_version)
        .get_result(connection)
        .optional()?;
    match newest {
        None => Ok(PutOutcome::NoSuchConcert),
        Some(newest) if newest >= policy.version.0 => Ok(PutOutcome::Outdated),
        Some(_) => {
            update(concerts::table.find(Db(concert)))
                .set(PolicyRow::from(policy))
                .execute(connection)?;
            let detail = audit::policy_detail(policy);
            audit::note(connection, by, "queue.policy", &concert, &detail)?;
            Ok(PutOutcome::Put)
        }
    }
}
