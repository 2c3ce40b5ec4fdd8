//! The queues as their operators see them. Whoever changes a queue's terms locks its tail, then its head, so
//! no join and no tick goes by terms that are not in force any more.

use async_trait::async_trait;
use diesel::{
    QueryResult, QueryableByName,
    mysql::Mysql,
    query_builder::{BoxedSqlQuery, SqlQuery},
    sql_query,
    sql_types::{BigInt, Binary, Bool, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        ConcertId, later,
        queue::{PolicyState, PolicyVersion, QueueSeed, SoldOut, VersionedPolicy},
    },
    ports::{QueueControl, RemoveOutcome, SeedOutcome, Stamped, StoreResult},
};
use futures_util::FutureExt;
use jiff::Timestamp;

use super::{
    MySqlQueue, exits,
    head::Head,
    head_row::state_name,
    instants::{instant, span_us},
    look_up, tail, ticks,
};
use crate::{calls::Turn, errors, session::Session, statement::Fixed};

const ADD_TAIL: &str = "INSERT INTO queue_tails (concert_id) VALUES (?)";

const ADD_HEAD: &str = "
    INSERT INTO queue_heads
        (generation, recovering_until_us, back_until_us, serving_since_us, last_tick_us,
         policy_version, policy_state, opens_at_us, throughput_admit, throughput_interval_us,
         capacity_max_active, waiting_ttl_us, claim_ttl_us, active_ttl_us, max_waiting, concert_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const CHANGE_POLICY: &str = "
    UPDATE queue_heads
    SET policy_version = ?, policy_state = ?, opens_at_us = ?, throughput_admit = ?,
        throughput_interval_us = ?, capacity_max_active = ?, waiting_ttl_us = ?, claim_ttl_us = ?,
        active_ttl_us = ?, max_waiting = ?
    WHERE concert_id = ?";

const SELL_OUT: &str = "UPDATE queue_heads SET sold_out = ? WHERE concert_id = ?";

/// The latest end of each kind of place, from an index: one row each.
const NEWEST: &str = "
    SELECT
      (SELECT p.since_us FROM queue_places p FORCE INDEX (queue_places_ends)
       WHERE p.concert_id = ? AND p.phase = 0 ORDER BY p.since_us DESC LIMIT 1) AS back,
      (SELECT p.since_us FROM queue_places p FORCE INDEX (queue_places_ends)
       WHERE p.concert_id = ? AND p.phase = 1 ORDER BY p.since_us DESC LIMIT 1) AS waiting,
      (SELECT p.since_us FROM queue_places p FORCE INDEX (queue_places_ends)
       WHERE p.concert_id = ? AND p.phase = 2 ORDER BY p.since_us DESC LIMIT 1) AS admitted,
      (SELECT p.since_us FROM queue_places p FORCE INDEX (queue_places_ends)
       WHERE p.concert_id = ? AND p.phase = 3 ORDER BY p.since_us DESC LIMIT 1) AS claimed";

#[async_trait]
impl QueueControl for MySqlQueue {
    async fn seed(&self, seed: &QueueSeed) -> StoreResult<Stamped<SeedOutcome>> {
        self.call(seed.clone(), |session, seed| {
            self::seed(session, seed).boxed()
        })
        .await
    }

    async fn policy_version(&self, concert: ConcertId) -> StoreResult<Option<PolicyVersion>> {
        self.call(concert, |session, concert| {
            policy_version(session, *concert).boxed()
        })
        .await
    }

    async fn set_sold_out(&self, concert: ConcertId, sold_out: SoldOut) -> StoreResult<()> {
        self.call((concert, sold_out.flag), |session, (concert, sold_out)| {
            set_sold_out(session, *concert, *sold_out).boxed()
        })
        .await
    }

    async fn is_empty(&self, concert: ConcertId) -> StoreResult<bool> {
        self.signs().flush(concert).await?;
        self.call(concert, |session, concert| {
            is_empty(session, *concert).boxed()
        })
        .await
    }

    async fn remove(&self, concert: ConcertId) -> StoreResult<RemoveOutcome> {
        self.signs().flush(concert).await?;
        self.call(concert, |session, concert| {
            remove(session, *concert).boxed()
        })
        .await
    }
}

/// Removes a queue with all of its rows. Its tail and head are locked first, so nobody joins and no tick admits
/// meanwhile.
async fn remove(session: &mut Session, concert: ConcertId) -> QueryResult<Turn<RemoveOutcome>> {
    session.begin().await?;
    if tail::lock(session, concert).await?.is_none() {
        return Ok(Turn::Refused(RemoveOutcome::Removed));
    }
    ticks::lock(session, concert).await?;
    let (now, head) = ticks::read_head(session, concert)
        .await?
        .ok_or_else(|| errors::broken(format!("the queue of {concert} has no head")))?;
    if head.terms.policy.state != PolicyState::Closed {
        return Ok(Turn::Refused(RemoveOutcome::NotClosed));
    }
    if anybody_there(session, concert, now, &head).await? {
        return Ok(Turn::Refused(RemoveOutcome::NotEmpty));
    }
    for delete in [
        "DELETE FROM queue_places WHERE concert_id = ?",
        "DELETE FROM queue_returns WHERE concert_id = ?",
        "DELETE FROM queue_leavers WHERE concert_id = ?",
        "DELETE FROM queue_exits WHERE concert_id = ?",
        "DELETE FROM queue_heads WHERE concert_id = ?",
        "DELETE FROM queue_tails WHERE concert_id = ?",
    ] {
        let statement = sql_query(delete).bind::<Binary, _>(concert.0.as_bytes().as_slice());
        Fixed(statement).execute(session.connection()).await?;
    }
    Ok(Turn::Done(RemoveOutcome::Removed))
}

async fn seed(session: &mut Session, seed: &QueueSeed) -> QueryResult<Turn<Stamped<SeedOutcome>>> {
    let concert = seed.concert;
    session.begin().await?;
    if tail::lock(session, concert).await?.is_none() {
        return add(session, seed).await;
    }
    ticks::lock(session, concert).await?;
    let (as_of, head) = ticks::read_head(session, concert)
        .await?
        .ok_or_else(|| errors::broken(format!("the queue of {concert} has no head")))?;
    if seed.policy.version <= head.terms.version {
        let value = SeedOutcome::HasNewer(head.terms.version);
        return Ok(Turn::Refused(Stamped { as_of, value }));
    }
    let statement = with_policy(sql_query(CHANGE_POLICY).into_boxed(), &seed.policy, concert);
    Fixed(statement).execute(session.connection()).await?;
    Ok(Turn::Done(Stamped {
        as_of,
        value: SeedOutcome::Taken { recovering: false },
    }))
}

/// Adds a queue that the store does not have.
async fn add(session: &mut Session, seed: &QueueSeed) -> QueryResult<Turn<Stamped<SeedOutcome>>> {
    let key = seed.concert.0.as_bytes().as_slice();
    let tail = sql_query(ADD_TAIL).bind::<Binary, _>(key);
    let added = Fixed(tail).execute(session.connection()).await;
    if errors::unless_duplicate(added)?.is_none() {
        // Somebody else has added it meanwhile.
        return Ok(Turn::Again);
    }
    let as_of = look_up::now(session).await?;
    let recovering_until = seed.recovery.map(|recovery| later(as_of, recovery.lasts));
    let waiting_ttl = seed.policy.policy.waiting_ttl;
    let back_until = recovering_until.map(|until| later(until, waiting_ttl));
    let head = sql_query(ADD_HEAD)
        .into_boxed()
        .bind::<BigInt, _>(seed.generation.0.cast_signed())
        .bind::<Nullable<BigInt>, _>(recovering_until.map(Timestamp::as_microsecond))
        .bind::<Nullable<BigInt>, _>(back_until.map(Timestamp::as_microsecond))
        .bind::<BigInt, _>(as_of.as_microsecond())
        .bind::<BigInt, _>(as_of.as_microsecond());
    let head = with_policy(head, &seed.policy, seed.concert);
    Fixed(head).execute(session.connection()).await?;
    exits::add(session, seed.concert).await?;
    Ok(Turn::Done(Stamped {
        as_of,
        value: SeedOutcome::Taken {
            recovering: seed.recovery.is_some(),
        },
    }))
}

/// A statement with the columns of a policy, then the concert's.
fn with_policy<'a>(
    statement: BoxedSqlQuery<'a, Mysql, SqlQuery>,
    VersionedPolicy { policy, version }: &VersionedPolicy,
    concert: ConcertId,
) -> BoxedSqlQuery<'a, Mysql, SqlQuery> {
    let throughput = policy.throughput;
    // A limit beyond what the column can hold never limits anything.
    let max_waiting = policy
        .max_waiting
        .map(|max| i64::try_from(max).unwrap_or(i64::MAX));
    statement
        .bind::<BigInt, _>(version.0)
        .bind::<Text, _>(state_name(policy.state))
        .bind::<Nullable<BigInt>, _>(policy.opens_at.map(Timestamp::as_microsecond))
        .bind::<Nullable<BigInt>, _>(throughput.map(|throughput| i64::from(throughput.admit)))
        .bind::<Nullable<BigInt>, _>(throughput.map(|throughput| span_us(throughput.interval)))
        .bind::<Nullable<BigInt>, _>(policy.capacity.map(|most| i64::from(most.max_active)))
        .bind::<BigInt, _>(span_us(policy.waiting_ttl))
        .bind::<BigInt, _>(span_us(policy.claim_ttl))
        .bind::<BigInt, _>(span_us(policy.active_ttl))
        .bind::<Nullable<BigInt>, _>(max_waiting)
        .bind::<Binary, _>(concert.0.into_bytes().to_vec())
}

async fn policy_version(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Turn<Option<PolicyVersion>>> {
    let read = ticks::read_head(session, concert).await?;
    Ok(Turn::Done(read.map(|(_, head)| head.terms.version)))
}

async fn set_sold_out(
    session: &mut Session,
    concert: ConcertId,
    sold_out: bool,
) -> QueryResult<Turn<()>> {
    // Asked every second, and hardly ever news.
    let read = ticks::read_head(session, concert).await?;
    if read.is_none_or(|(_, head)| head.sold_out == sold_out) {
        return Ok(Turn::Done(()));
    }
    session.begin().await?;
    tail::lock(session, concert).await?;
    let statement = sql_query(SELL_OUT)
        .bind::<Bool, _>(sold_out)
        .bind::<Binary, _>(concert.0.as_bytes().as_slice());
    Fixed(statement).execute(session.connection()).await?;
    Ok(Turn::Done(()))
}

/// False too while people can still bring back places from before a loss: those would be lost for good if
/// the queue were taken for one that ended in good order.
async fn is_empty(session: &mut Session, concert: ConcertId) -> QueryResult<Turn<bool>> {
    let Some((now, head)) = ticks::read_head(session, concert).await? else {
        return Ok(Turn::Done(true));
    };
    let anybody = anybody_there(session, concert, now, &head).await?;
    Ok(Turn::Done(!anybody && !head.takes_people_back(now)))
}

/// Whether anybody has a place.
async fn anybody_there(
    session: &mut Session,
    concert: ConcertId,
    now: Timestamp,
    head: &Head,
) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Newest {
        #[diesel(sql_type = Nullable<BigInt>)]
        back: Option<i64>,
        #[diesel(sql_type = Nullable<BigInt>)]
        waiting: Option<i64>,
        #[diesel(sql_type = Nullable<BigInt>)]
        admitted: Option<i64>,
        #[diesel(sql_type = Nullable<BigInt>)]
        claimed: Option<i64>,
    }
    let key = concert.0.as_bytes().as_slice();
    let statement = sql_query(NEWEST)
        .bind::<Binary, _>(key)
        .bind::<Binary, _>(key)
        .bind::<Binary, _>(key)
        .bind::<Binary, _>(key);
    let newest: Newest = Fixed(statement).get_result(session.connection()).await?;
    let lives = head.lives(now);
    let ends = [
        newest
            .back
            .max(newest.waiting)
            .map(|since| lives.waiting_end(instant(since))),
        newest.admitted.map(|since| lives.claim_end(instant(since))),
        newest.claimed.map(instant),
    ];
    Ok(ends.into_iter().flatten().any(|end| end > now))
}
