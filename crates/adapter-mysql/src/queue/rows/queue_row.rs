//! The row of a queue: its terms, its counters, and how far its line has moved.

use std::time::Duration;

use diesel::{
    OptionalExtension, QueryResult, QueryableByName,
    mysql::Mysql,
    query_builder::{BoxedSqlQuery, SqlQuery},
    sql_query,
    sql_types::{BigInt, Binary, Bool, Nullable, Text, TinyInt},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{
    ConcertId,
    queue::{
        Admission, AdmissionWindow, Arrival, Capacity, Cutoffs, Generation, PolicyState,
        PolicyVersion, QueuePolicy, QueueTerms, ReentryPeriod, SoldOut, Throughput,
        VersionedPolicy,
    },
};
use jiff::Timestamp;

use super::units::{count, instant, span, span_us};
use crate::{
    clock::{locked_now_us, now_us},
    errors,
    session::Session,
    statement::Fixed,
};

/// The layout in which this program keeps queues. A queue of another one belongs to another version.
const FORMAT: i8 = 2;

/// How long a job waits for a queue's row. A transaction that holds it for longer hangs, and a job that
/// waited on would keep a connection from other queues.
const ROW_TIMEOUT: Duration = Duration::from_millis(500);

/// The columns of [`Columns`], of a table called `q`.
macro_rules! queue_columns {
    () => {
        "q.format, q.generation, q.policy_version, q.policy_state, q.opens_at_us, \
         q.throughput_admit, q.throughput_interval_us, q.capacity_max_active, q.waiting_ttl_us, \
         q.claim_ttl_us, q.active_ttl_us, q.max_waiting, q.sold_out, q.sold_out_counted_at_us, \
         q.recovering_until_us, q.reentry_until_us, q.serving_since_us, q.last_tick_us, \
         q.window_start_us, q.window_interval_us, q.window_admitted, q.last_seq, q.last_arrival, \
         q.line_since, q.passed_seq, q.passed_arrival, q.waiting, q.reentered, q.active, \
         q.remembered, q.departed, q.admitted, q.admitted_up_to, q.departures"
    };
}

pub(in crate::queue) use queue_columns;

const READ: &str = concat!(
    "SELECT ",
    now_us!(),
    ", ",
    queue_columns!(),
    " FROM queues q WHERE q.concert_id = ?"
);

/// The clock is read once the row is locked: a call that waited for it is not stamped with the past.
const LOCK: &str = concat!(
    "SELECT ",
    locked_now_us!(),
    ", ",
    queue_columns!(),
    " FROM queues q WHERE q.concert_id = ? FOR UPDATE"
);

/// Writes what changes without a change of the policy.
const SAVE: &str = "
    UPDATE queues
    SET sold_out = ?, sold_out_counted_at_us = ?, recovering_until_us = ?, reentry_until_us = ?,
        serving_since_us = ?, last_tick_us = ?,
        window_start_us = ?, window_interval_us = ?, window_admitted = ?,
        last_seq = ?, last_arrival = ?, line_since = ?, passed_seq = ?, passed_arrival = ?,
        waiting = ?, reentered = ?, active = ?, remembered = ?,
        departed = ?, admitted = ?, admitted_up_to = ?, departures = ?, busy = ?
    WHERE concert_id = ?";

const SAVE_POLICY: &str = "
    UPDATE queues
    SET policy_version = ?, policy_state = ?, opens_at_us = ?, throughput_admit = ?,
        throughput_interval_us = ?, capacity_max_active = ?, waiting_ttl_us = ?, claim_ttl_us = ?,
        active_ttl_us = ?, max_waiting = ?
    WHERE concert_id = ?";

const ADD: &str = "
    INSERT INTO queues
        (format, generation, recovering_until_us, reentry_until_us, serving_since_us, last_tick_us,
         policy_version, policy_state, opens_at_us, throughput_admit, throughput_interval_us,
         capacity_max_active, waiting_ttl_us, claim_ttl_us, active_ttl_us, max_waiting, concert_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// A queue, without its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::queue) struct QueueRow {
    pub(in crate::queue) terms: QueueTerms,
    pub(in crate::queue) admission: Admission,
    /// The number of the last user who joined the line.
    pub(in crate::queue) last_seq: i64,
    pub(in crate::queue) last_arrival: Option<Arrival>,
    /// The arrival of the first numbered place.
    pub(in crate::queue) line_since: Option<Arrival>,
    /// The number and the arrival up to which admission has passed the line.
    pub(in crate::queue) passed_seq: i64,
    pub(in crate::queue) passed_arrival: i64,
    /// How many rows wait, how many of them have no number, how many are active, and how many
    /// remember a place that ended. Places past their end count until they are removed.
    pub(in crate::queue) waiting: i64,
    pub(in crate::queue) reentered: i64,
    pub(in crate::queue) active: i64,
    pub(in crate::queue) remembered: i64,
    /// How many users stopped waiting, and how many of them were admitted.
    pub(in crate::queue) departed: i64,
    pub(in crate::queue) admitted: i64,
    pub(in crate::queue) admitted_up_to: Option<Arrival>,
    /// How many users left the line.
    pub(in crate::queue) departures: i64,
}

impl QueueRow {
    /// A queue without places.
    pub(in crate::queue) fn new(terms: QueueTerms) -> Self {
        Self {
            terms,
            admission: Admission::default(),
            last_seq: 0,
            last_arrival: None,
            line_since: None,
            passed_seq: 0,
            passed_arrival: 0,
            waiting: 0,
            reentered: 0,
            active: 0,
            remembered: 0,
            departed: 0,
            admitted: 0,
            admitted_up_to: None,
            departures: 0,
        }
    }

    /// The policy in force.
    pub(in crate::queue) fn policy(&self) -> &QueuePolicy {
        self.terms.policy()
    }

    /// True where there is any row of a place.
    pub(in crate::queue) fn is_busy(&self) -> bool {
        self.waiting + self.active + self.remembered > 0
    }

    /// From which instants places are past their end at `now`.
    pub(in crate::queue) fn cutoffs(&self, now: Timestamp) -> Cutoffs {
        self.terms.deadlines(now).cutoffs(now)
    }

    /// Adds the queue. Errors with a duplicate key where the store has it.
    pub(in crate::queue) async fn add(
        &self,
        session: &mut Session,
        concert: ConcertId,
    ) -> QueryResult<()> {
        let terms = &self.terms;
        let statement = sql_query(ADD)
            .into_boxed()
            .bind::<TinyInt, _>(FORMAT)
            .bind::<BigInt, _>(terms.generation.0.cast_signed())
            .bind::<Nullable<BigInt>, _>(
                terms.reentry.map(|period| micros(period.recovering_until)),
            )
            .bind::<Nullable<BigInt>, _>(terms.reentry.map(|period| micros(period.open_until)))
            .bind::<BigInt, _>(micros(terms.serving_since))
            .bind::<BigInt, _>(micros(terms.last_tick));
        let statement = with_policy(statement, &terms.policy, concert);
        Fixed(statement).execute(session.connection()).await?;
        Ok(())
    }

    /// Writes all but the policy. The caller holds the row's lock.
    pub(in crate::queue) async fn save(
        &self,
        session: &mut Session,
        concert: ConcertId,
    ) -> QueryResult<()> {
        let (terms, window) = (&self.terms, self.admission.window);
        let counted_at = Some(terms.sold_out.counted_at).filter(|at| *at > Timestamp::MIN);
        let statement = sql_query(SAVE)
            .bind::<Bool, _>(terms.sold_out.flag)
            .bind::<Nullable<BigInt>, _>(counted_at.map(micros))
            .bind::<Nullable<BigInt>, _>(
                terms.reentry.map(|period| micros(period.recovering_until)),
            )
            .bind::<Nullable<BigInt>, _>(terms.reentry.map(|period| micros(period.open_until)))
            .bind::<BigInt, _>(micros(terms.serving_since))
            .bind::<BigInt, _>(micros(terms.last_tick))
            .bind::<Nullable<BigInt>, _>(window.map(|window| micros(window.start)))
            .bind::<Nullable<BigInt>, _>(window.map(|window| span_us(window.interval)))
            .bind::<BigInt, _>(window.map_or(0, |window| i64::from(window.admitted)))
            .bind::<BigInt, _>(self.last_seq)
            .bind::<Nullable<BigInt>, _>(self.last_arrival.map(Arrival::micros))
            .bind::<Nullable<BigInt>, _>(self.line_since.map(Arrival::micros))
            .bind::<BigInt, _>(self.passed_seq)
            .bind::<BigInt, _>(self.passed_arrival)
            .bind::<BigInt, _>(self.waiting)
            .bind::<BigInt, _>(self.reentered)
            .bind::<BigInt, _>(self.active)
            .bind::<BigInt, _>(self.remembered)
            .bind::<BigInt, _>(self.departed)
            .bind::<BigInt, _>(self.admitted)
            .bind::<Nullable<BigInt>, _>(self.admitted_up_to.map(Arrival::micros))
            .bind::<BigInt, _>(self.departures)
            .bind::<Bool, _>(self.is_busy())
            .bind::<Binary, _>(key(&concert));
        Fixed(statement).execute(session.connection()).await?;
        Ok(())
    }

    /// Writes the policy. The caller holds the row's lock.
    pub(in crate::queue) async fn save_policy(
        &self,
        session: &mut Session,
        concert: ConcertId,
    ) -> QueryResult<()> {
        let statement = sql_query(SAVE_POLICY).into_boxed();
        let statement = with_policy(statement, &self.terms.policy, concert);
        Fixed(statement).execute(session.connection()).await?;
        Ok(())
    }
}

/// Reads a queue and the time, without a lock. None where the store does not have it.
pub(in crate::queue) async fn read(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Option<(Timestamp, QueueRow)>> {
    select(session, concert, READ).await
}

/// Locks the row of a queue and reads it, and the time once it is locked. None where the store does
/// not have the queue.
pub(in crate::queue) async fn lock(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Option<(Timestamp, QueueRow)>> {
    select(session, concert, LOCK).await
}

/// As [`lock`], for a job: it does not wait for longer than [`ROW_TIMEOUT`].
pub(in crate::queue) async fn lock_soon(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Option<(Timestamp, QueueRow)>> {
    let locking = session.within(ROW_TIMEOUT, async |session| lock(session, concert).await);
    locking.await
}

async fn select(
    session: &mut Session,
    concert: ConcertId,
    text: &'static str,
) -> QueryResult<Option<(Timestamp, QueueRow)>> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Row {
        #[diesel(sql_type = BigInt)]
        now_us: i64,
        #[diesel(embed)]
        columns: Columns,
    }
    let statement = sql_query(text).bind::<Binary, _>(key(&concert));
    let row: Option<Row> = Fixed(statement)
        .get_result(session.connection())
        .await
        .optional()?;
    row.map(|row| Ok((session.now().at(row.now_us), row.columns.try_into()?)))
        .transpose()
}

/// What time it is, for an answer that needs no other statement.
pub(in crate::queue) async fn now(session: &mut Session) -> QueryResult<Timestamp> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Row {
        #[diesel(sql_type = BigInt)]
        now_us: i64,
    }
    let statement = sql_query(concat!("SELECT ", now_us!()));
    let row: Row = Fixed(statement).get_result(session.connection()).await?;
    Ok(session.now().at(row.now_us))
}

/// A concert's id as a parameter.
pub(in crate::queue) fn key(concert: &ConcertId) -> &[u8] {
    concert.0.as_bytes().as_slice()
}

fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A statement with the columns of a policy, then the concert's id.
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
        .bind::<Text, _>(policy.state.as_str())
        .bind::<Nullable<BigInt>, _>(policy.opens_at.map(micros))
        .bind::<Nullable<BigInt>, _>(throughput.map(|throughput| i64::from(throughput.admit)))
        .bind::<Nullable<BigInt>, _>(throughput.map(|throughput| span_us(throughput.interval)))
        .bind::<Nullable<BigInt>, _>(policy.capacity.map(|most| i64::from(most.max_active)))
        .bind::<BigInt, _>(span_us(policy.waiting_ttl))
        .bind::<BigInt, _>(span_us(policy.claim_ttl))
        .bind::<BigInt, _>(span_us(policy.active_ttl))
        .bind::<Nullable<BigInt>, _>(max_waiting)
        .bind::<Binary, _>(concert.0.into_bytes().to_vec())
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Mysql))]
pub(in crate::queue) struct Columns {
    #[diesel(sql_type = TinyInt)]
    format: i8,
    #[diesel(sql_type = BigInt)]
    generation: i64,
    #[diesel(sql_type = BigInt)]
    policy_version: i64,
    #[diesel(sql_type = Text)]
    policy_state: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    opens_at_us: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    throughput_admit: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    throughput_interval_us: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    capacity_max_active: Option<i64>,
    #[diesel(sql_type = BigInt)]
    waiting_ttl_us: i64,
    #[diesel(sql_type = BigInt)]
    claim_ttl_us: i64,
    #[diesel(sql_type = BigInt)]
    active_ttl_us: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    max_waiting: Option<i64>,
    #[diesel(sql_type = Bool)]
    sold_out: bool,
    #[diesel(sql_type = Nullable<BigInt>)]
    sold_out_counted_at_us: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    recovering_until_us: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    reentry_until_us: Option<i64>,
    #[diesel(sql_type = BigInt)]
    serving_since_us: i64,
    #[diesel(sql_type = BigInt)]
    last_tick_us: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    window_start_us: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    window_interval_us: Option<i64>,
    #[diesel(sql_type = BigInt)]
    window_admitted: i64,
    #[diesel(sql_type = BigInt)]
    last_seq: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    last_arrival: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    line_since: Option<i64>,
    #[diesel(sql_type = BigInt)]
    passed_seq: i64,
    #[diesel(sql_type = BigInt)]
    passed_arrival: i64,
    #[diesel(sql_type = BigInt)]
    waiting: i64,
    #[diesel(sql_type = BigInt)]
    reentered: i64,
    #[diesel(sql_type = BigInt)]
    active: i64,
    #[diesel(sql_type = BigInt)]
    remembered: i64,
    #[diesel(sql_type = BigInt)]
    departed: i64,
    #[diesel(sql_type = BigInt)]
    admitted: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    admitted_up_to: Option<i64>,
    #[diesel(sql_type = BigInt)]
    departures: i64,
}

impl Columns {
    fn policy(&self) -> QueryResult<VersionedPolicy> {
        let throughput = self.throughput_admit.zip(self.throughput_interval_us);
        let throughput = throughput.map(|(admit, interval)| -> QueryResult<_> {
            Ok(Throughput {
                admit: small(admit)?,
                interval: span(interval),
            })
        });
        let capacity = self.capacity_max_active.map(|most| -> QueryResult<_> {
            Ok(Capacity {
                max_active: small(most)?,
            })
        });
        Ok(VersionedPolicy {
            policy: QueuePolicy {
                state: state_of(&self.policy_state)?,
                opens_at: self.opens_at_us.map(instant),
                throughput: throughput.transpose()?,
                capacity: capacity.transpose()?,
                waiting_ttl: span(self.waiting_ttl_us),
                claim_ttl: span(self.claim_ttl_us),
                active_ttl: span(self.active_ttl_us),
                max_waiting: self.max_waiting.map(count),
            },
            version: PolicyVersion(self.policy_version),
        })
    }

    fn terms(&self) -> QueryResult<QueueTerms> {
        let reentry = self.recovering_until_us.zip(self.reentry_until_us);
        Ok(QueueTerms {
            generation: Generation(self.generation.cast_unsigned()),
            policy: self.policy()?,
            sold_out: SoldOut {
                flag: self.sold_out,
                counted_at: self.sold_out_counted_at_us.map_or(Timestamp::MIN, instant),
            },
            serving_since: instant(self.serving_since_us),
            last_tick: instant(self.last_tick_us),
            reentry: reentry.map(|(recovering, open)| ReentryPeriod {
                recovering_until: instant(recovering),
                open_until: instant(open),
            }),
        })
    }
}

impl TryFrom<Columns> for QueueRow {
    type Error = diesel::result::Error;

    fn try_from(row: Columns) -> QueryResult<Self> {
        if row.format != FORMAT {
            return Err(errors::broken(format!(
                "the queue has format {}, this program knows {FORMAT}: two versions of it run, \
                 stop one of them",
                row.format
            )));
        }
        let window = row.window_start_us.zip(row.window_interval_us);
        let window = window.map(|(start, interval)| -> QueryResult<_> {
            Ok(AdmissionWindow {
                start: instant(start),
                interval: span(interval),
                admitted: small(row.window_admitted)?,
            })
        });
        Ok(Self {
            terms: row.terms()?,
            admission: Admission {
                window: window.transpose()?,
            },
            last_seq: row.last_seq,
            last_arrival: row.last_arrival.map(Arrival::from_micros),
            line_since: row.line_since.map(Arrival::from_micros),
            passed_seq: row.passed_seq,
            passed_arrival: row.passed_arrival,
            waiting: row.waiting,
            reentered: row.reentered,
            active: row.active,
            remembered: row.remembered,
            departed: row.departed,
            admitted: row.admitted,
            admitted_up_to: row.admitted_up_to.map(Arrival::from_micros),
            departures: row.departures,
        })
    }
}

fn small(column: i64) -> QueryResult<u32> {
    u32::try_from(column).map_err(|_| errors::broken(format!("{column} is out of range")))
}

fn state_of(name: &str) -> QueryResult<PolicyState> {
    [
        PolicyState::Open,
        PolicyState::Paused,
        PolicyState::Bypass,
        PolicyState::Closed,
    ]
    .into_iter()
    .find(|state| state.as_str() == name)
    .ok_or_else(|| errors::broken(format!("unknown policy state {name}")))
}
