//! What the ticks of a queue have in common: they hold the lock of its head, one at a time.

use std::time::Duration;

use async_trait::async_trait;
use diesel::{
    OptionalExtension, QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::ConcertId,
    ports::{QueueTicks, Stamped, StoreResult, TickOutcome, TickReport},
};
use futures_util::FutureExt;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    MySqlQueue, admit,
    counts::{self, Counts},
    expire,
    head::{Head, count},
    head_row::{HeadRow, head_columns},
    look_up,
};
use crate::{calls::Turn, clock::now_us, errors, session::Session, statement::Fixed};

/// A tick that finds the head locked leaves its work to whoever has the lock, unless the last tick is longer
/// ago than this: then it is joins that lock it, and they do not do a tick's work.
const PATIENCE: Duration = Duration::from_secs(1);

const LOCK_FREE_HEAD: &str = concat!(
    "SELECT ",
    now_us!(),
    ", ",
    head_columns!(),
    " FROM queue_heads h WHERE h.concert_id = ? FOR UPDATE SKIP LOCKED"
);

const LOCK_HEAD: &str =
    "SELECT h.last_tick_us FROM queue_heads h WHERE h.concert_id = ? FOR UPDATE";

const READ_HEAD: &str = concat!(
    "SELECT ",
    now_us!(),
    ", ",
    head_columns!(),
    " FROM queue_heads h WHERE h.concert_id = ?"
);

/// The limit keeps a server from turning the inner statement into a scan of all places.
const BUSY: &str = "
    SELECT t.concert_id FROM queue_tails t
    WHERE (SELECT 1 FROM queue_places p WHERE p.concert_id = t.concert_id LIMIT 1) IS NOT NULL";

#[derive(QueryableByName)]
#[diesel(check_for_backend(Mysql))]
struct Row {
    #[diesel(sql_type = BigInt)]
    now_us: i64,
    #[diesel(embed)]
    head: HeadRow,
}

/// A tick that has the head's lock.
#[derive(Debug)]
pub(super) struct Tick {
    pub(super) concert: ConcertId,
    pub(super) now: Timestamp,
    pub(super) head: Head,
    /// The head as it was found.
    found: Head,
    /// How many there were when it began.
    pub(super) counts: Counts,
}

/// What a tick is asked to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) concert: ConcertId,
    pub(super) limit: u32,
}

/// How a tick begins.
pub(super) enum Begun {
    Tick(Box<Tick>),
    /// It does not: this is what came of it.
    Not(Stamped<TickOutcome>),
}

/// Begins the transaction of a tick: locks the head, records that the queue is served, and counts.
pub(super) async fn begin(session: &mut Session, concert: ConcertId) -> QueryResult<Begun> {
    session.begin().await?;
    let mut row = read(session, concert, LOCK_FREE_HEAD).await?;
    if row.is_none() {
        let Some((now, head)) = read(session, concert, READ_HEAD).await? else {
            return Ok(Begun::Not(Stamped {
                as_of: look_up::now(session).await?,
                value: TickOutcome::NotSeeded,
            }));
        };
        if now.duration_since(head.last_tick).unsigned_abs() <= PATIENCE {
            return Ok(Begun::Not(Stamped {
                as_of: now,
                value: TickOutcome::Skipped,
            }));
        }
        lock(session, concert).await?;
        row = read(session, concert, READ_HEAD).await?;
    }
    let Some((now, found)) = row else {
        // It was removed while this waited.
        return Ok(Begun::Not(Stamped {
            as_of: look_up::now(session).await?,
            value: TickOutcome::NotSeeded,
        }));
    };
    let mut head = found.clone();
    head.tick(now);
    let counts = counts::count_places(session, concert, head.cutoffs(now)).await?;
    Ok(Begun::Tick(Box::new(Tick {
        concert,
        now,
        head,
        found,
        counts,
    })))
}

/// Waits for the head's lock.
pub(super) async fn lock(session: &mut Session, concert: ConcertId) -> QueryResult<()> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Locked {
        #[diesel(sql_type = BigInt)]
        #[expect(dead_code, reason = "a statement that locks has to read something")]
        last_tick_us: i64,
    }
    let statement = sql_query(LOCK_HEAD).bind::<Binary, _>(concert.0.as_bytes().as_slice());
    let _: Vec<Locked> = Fixed(statement).load(session.connection()).await?;
    Ok(())
}

async fn read(
    session: &mut Session,
    concert: ConcertId,
    text: &'static str,
) -> QueryResult<Option<(Timestamp, Head)>> {
    let statement = sql_query(text).bind::<Binary, _>(concert.0.as_bytes().as_slice());
    let row: Option<Row> = Fixed(statement)
        .get_result(session.connection())
        .await
        .optional()?;
    row.map(|row| Ok((session.now().at(row.now_us), row.head.try_into()?)))
        .transpose()
}

/// The head of a queue and what time it is, without a lock.
pub(super) async fn read_head(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Option<(Timestamp, Head)>> {
    read(session, concert, READ_HEAD).await
}

impl Tick {
    /// Makes it as if it had begun at `now`, of which the head was read a moment before. Not earlier than it
    /// did: a clock may step back.
    pub(super) fn begin_at(&mut self, now: Timestamp) {
        self.now = now.max(self.now);
        self.head = self.found.clone();
        self.head.tick(self.now);
    }

    /// Ends a tick that did `done` pieces of work.
    pub(super) async fn end(
        self,
        session: &mut Session,
        done: u32,
        more: bool,
    ) -> QueryResult<Turn<Stamped<TickOutcome>>> {
        self.head.save(session, self.concert).await?;
        let report = TickReport {
            done,
            more,
            waiting: self.counts.waiting,
            active: self.counts.active,
            departed: self.counts.departed,
            admitted: count(self.head.admitted),
            throughput: self.head.policy().throughput,
            window: self
                .head
                .window
                .filter(|_| self.head.policy().throughput.is_some()),
            queue: self.head.view(self.now),
        };
        Ok(Turn::Done(Stamped {
            as_of: self.now,
            value: TickOutcome::Ticked(report),
        }))
    }
}

#[async_trait]
impl QueueTicks for MySqlQueue {
    async fn busy(&self) -> StoreResult<Vec<ConcertId>> {
        self.call((), |session, ()| busy(session).boxed()).await
    }

    async fn admit(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        self.signs().flush(concert).await?;
        self.call(Order { concert, limit }, |session, order| {
            admit::admit(session, *order).boxed()
        })
        .await
    }

    async fn expire(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        self.signs().flush(concert).await?;
        self.call(Order { concert, limit }, |session, order| {
            expire::expire(session, *order).boxed()
        })
        .await
    }
}

async fn busy(session: &mut Session) -> QueryResult<Turn<Vec<ConcertId>>> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Busy {
        #[diesel(sql_type = Binary)]
        concert_id: Vec<u8>,
    }
    let rows: Vec<Busy> = Fixed(sql_query(BUSY)).load(session.connection()).await?;
    let concerts = rows.into_iter().map(|row| {
        let id = Uuid::from_slice(&row.concert_id);
        id.map(ConcertId)
            .map_err(|_| errors::broken("a concert's id is no UUID"))
    });
    concerts.collect::<QueryResult<_>>().map(Turn::Done)
}
