//! The master copies of the queues' policies, in columns of their concerts.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper,
    SqliteConnection, update,
};
use frontrow_domain::{
    model::{
        AuditNote, ConcertId,
        queue::{PolicyVersion, VersionedPolicy},
    },
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
        based_on: PolicyVersion,
        policy: &VersionedPolicy,
        by: &Operator,
    ) -> StoreResult<PutOutcome> {
        let (policy, by) = (policy.clone(), by.clone());
        self.write(move |connection, _| put(connection, concert, based_on, &policy, &by))
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
            audit::note(connection, by, &note)?;
            Ok(PutOutcome::Put)
        }
    }
}
