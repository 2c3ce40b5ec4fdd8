//! The port [`QueueControl`]: queues as operators see them, and as provisioning supplies them.

use async_trait::async_trait;
use diesel::{QueryResult, sql_query, sql_types::Binary};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{PolicyState, PolicyVersion, QueueSeed, QueueTerms, SaleCount},
    },
    ports::{QueueControl, RemoveOutcome, SeedOutcome, Stamped, StoreResult},
};
use futures_util::FutureExt;

use crate::queue::{
    MySqlQueue,
    rows::{
        queue_row::{self, QueueRow, key},
        units::count,
    },
    tick::expired,
};
use crate::{errors, session::Session, statement::Fixed, transactions::Verdict};

/// Maximum number of places that one transaction removes. [`PLACES`] has the same number.
const REMOVED_MAX: usize = 10_000;

const PLACES: &str = "DELETE FROM queue_places WHERE concert_id = ? LIMIT 10000";
const LEAVERS: &str = "DELETE FROM queue_leavers WHERE concert_id = ?";
const QUEUE: &str = "DELETE FROM queues WHERE concert_id = ?";

#[async_trait]
impl QueueControl for MySqlQueue {
    async fn seed(&self, seed: &QueueSeed) -> StoreResult<Stamped<SeedOutcome>> {
        self.job(seed.clone(), |session, seed| {
            self::seed(session, seed).boxed()
        })
        .await
    }

    async fn policy_version(&self, concert: ConcertId) -> StoreResult<Option<PolicyVersion>> {
        self.job(concert, |session, concert| {
            policy_version(session, *concert).boxed()
        })
        .await
    }

    async fn set_sale(&self, concert: ConcertId, count: SaleCount) -> StoreResult<()> {
        self.job((concert, count), |session, (concert, count)| {
            set_sale(session, *concert, *count).boxed()
        })
        .await
    }

    async fn is_empty(&self, concert: ConcertId) -> StoreResult<bool> {
        self.job(concert, |session, concert| {
            is_empty(session, *concert).boxed()
        })
        .await
    }

    async fn remove(&self, concert: ConcertId) -> StoreResult<RemoveOutcome> {
        self.job(concert, |session, concert| {
            remove(session, *concert).boxed()
        })
        .await
    }
}

/// Puts the policy of the seed in force. Provisioning calls this for every queue, so an older or
/// equal version takes no lock.
async fn seed(
    session: &mut Session,
    seed: &QueueSeed,
) -> QueryResult<Verdict<Stamped<SeedOutcome>>> {
    let concert = seed.concert;
    let Some((as_of, queue)) = queue_row::read(session, concert).await? else {
        return add(session, seed).await;
    };
    if seed.policy.version <= queue.terms.version() {
        let value = SeedOutcome::HasNewer(queue.terms.version());
        return Ok(Verdict::Commit(Stamped { as_of, value }));
    }
    session.begin().await?;
    let Some((now, mut queue)) = queue_row::lock_soon(session, concert).await? else {
        // It was removed meanwhile.
        return Ok(Verdict::Retry);
    };
    if !queue.terms.take(&seed.policy) {
        let value = SeedOutcome::HasNewer(queue.terms.version());
        return Ok(Verdict::Rollback(Stamped { as_of: now, value }));
    }
    queue.admission.change(queue.terms.policy(), now);
    queue.save(session, concert).await?;
    Ok(Verdict::Commit(Stamped {
        as_of: now,
        value: SeedOutcome::Taken { recovering: false },
    }))
}

/// Adds a queue that the store does not have, and removes the rows of a queue whose own row was
/// lost.
///
/// The new row locks the queue, so no place of a user who joins is removed. While more places are
/// left than one transaction removes, the row is deleted again before the commit: a call that runs
/// out of time loses no progress, and no user joins too early.
async fn add(
    session: &mut Session,
    seed: &QueueSeed,
) -> QueryResult<Verdict<Stamped<SeedOutcome>>> {
    let concert = seed.concert;
    let as_of = loop {
        let as_of = queue_row::now(session).await?;
        let terms = QueueTerms::new(
            seed.policy.clone(),
            seed.generation,
            seed.recovery,
            None,
            as_of,
        );
        session.begin().await?;
        let added = QueueRow::new(terms).add(session, concert).await;
        if errors::unless_duplicate(added)?.is_none() {
            // Another instance has added it meanwhile.
            return Ok(Verdict::Retry);
        }
        if delete(session, concert, PLACES).await? < REMOVED_MAX {
            break as_of;
        }
        delete(session, concert, QUEUE).await?;
        session.commit().await?;
    };
    delete(session, concert, LEAVERS).await?;
    Ok(Verdict::Commit(Stamped {
        as_of,
        value: SeedOutcome::Taken {
            recovering: seed.recovery.is_some(),
        },
    }))
}

async fn policy_version(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Verdict<Option<PolicyVersion>>> {
    let read = queue_row::read(session, concert).await?;
    Ok(Verdict::Commit(
        read.map(|(_, queue)| queue.terms.version()),
    ))
}

/// Records a count of seats. A count older than the recorded one changes nothing.
async fn set_sale(
    session: &mut Session,
    concert: ConcertId,
    count: SaleCount,
) -> QueryResult<Verdict<()>> {
    session.begin().await?;
    let locked = queue_row::lock_soon(session, concert).await?;
    let newer = locked.and_then(|(_, queue)| {
        let newer = queue.terms.sale.newer(count)?;
        Some((queue, newer))
    });
    let Some((mut queue, newer)) = newer else {
        return Ok(Verdict::Rollback(()));
    };
    queue.terms.sale = newer;
    queue.save(session, concert).await?;
    Ok(Verdict::Commit(()))
}

/// Returns false too while users can re-enter: their places would be lost for good if the queue
/// were taken for one that ended in good order.
async fn is_empty(session: &mut Session, concert: ConcertId) -> QueryResult<Verdict<bool>> {
    let Some((now, queue)) = queue_row::read(session, concert).await? else {
        return Ok(Verdict::Commit(true));
    };
    let occupied = expired::any_user_is_there(session, concert, &queue, now).await?;
    Ok(Verdict::Commit(
        !occupied && !queue.terms.accepts_reentry(now),
    ))
}

/// Removes a queue with all of its rows, under its lock: no user joins and no tick admits
/// meanwhile.
async fn remove(session: &mut Session, concert: ConcertId) -> QueryResult<Verdict<RemoveOutcome>> {
    session.begin().await?;
    let Some((now, queue)) = queue_row::lock_soon(session, concert).await? else {
        return Ok(Verdict::Rollback(RemoveOutcome::Removed));
    };
    if queue.policy().state != PolicyState::Closed {
        return Ok(Verdict::Rollback(RemoveOutcome::NotClosed));
    }
    // More rows than one transaction should delete are left to ticks, which remove them in steps.
    let places = count(queue.waiting + queue.active + queue.remembered);
    let many = places > REMOVED_MAX as u64;
    if many || expired::any_user_is_there(session, concert, &queue, now).await? {
        return Ok(Verdict::Rollback(RemoveOutcome::NotEmpty));
    }
    for statement in [PLACES, LEAVERS, QUEUE] {
        delete(session, concert, statement).await?;
    }
    Ok(Verdict::Commit(RemoveOutcome::Removed))
}

/// Deletes rows of a queue. Returns their number.
async fn delete(
    session: &mut Session,
    concert: ConcertId,
    statement: &'static str,
) -> QueryResult<usize> {
    let statement = sql_query(statement).bind::<Binary, _>(key(&concert));
    Fixed(statement).execute(session.connection()).await
}
