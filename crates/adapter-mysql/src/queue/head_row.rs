//! The head of a queue as its row.

use diesel::{
    QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Bool, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{
    ConcertId,
    queue::{
        AdmissionWindow, Arrival, Capacity, Generation, PolicyState, PolicyVersion, QueuePolicy,
        Throughput, VersionedPolicy,
    },
};
use jiff::Timestamp;

use super::{
    head::{Comeback, Head, count},
    instants::{instant, span, span_us},
};
use crate::{errors, session::Session, statement::Fixed};

/// The columns of [`HeadRow`], of a table called `h`.
macro_rules! head_columns {
    () => {
        "h.generation, h.policy_version, h.policy_state, h.opens_at_us, h.throughput_admit, \
         h.throughput_interval_us, h.capacity_max_active, h.waiting_ttl_us, h.claim_ttl_us, \
         h.active_ttl_us, h.max_waiting, h.sold_out, h.recovering_until_us, h.back_until_us, \
         h.serving_since_us, h.last_tick_us, h.window_start_us, h.window_interval_us, \
         h.window_admitted, h.passed_seq, h.passed_arrival, h.admitted, h.admitted_at_once, h.admitted_up_to, \
         h.removed_waiting, h.removed_active, h.back_in_line"
    };
}

pub(super) use head_columns;

/// Writes what admission changes. The caller holds the row's lock.
const SAVE: &str = "
    UPDATE queue_heads
    SET recovering_until_us = ?, back_until_us = ?, serving_since_us = ?, last_tick_us = ?,
        window_start_us = ?, window_interval_us = ?, window_admitted = ?,
        passed_seq = ?, passed_arrival = ?, admitted = ?, admitted_at_once = ?, admitted_up_to = ?,
        removed_waiting = ?, removed_active = ?, back_in_line = ?
    WHERE concert_id = ?";

#[derive(QueryableByName)]
#[diesel(check_for_backend(Mysql))]
pub(super) struct HeadRow {
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
    recovering_until_us: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    back_until_us: Option<i64>,
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
    passed_seq: i64,
    #[diesel(sql_type = BigInt)]
    passed_arrival: i64,
    #[diesel(sql_type = BigInt)]
    admitted: i64,
    #[diesel(sql_type = BigInt)]
    admitted_at_once: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    admitted_up_to: Option<i64>,
    #[diesel(sql_type = BigInt)]
    removed_waiting: i64,
    #[diesel(sql_type = BigInt)]
    removed_active: i64,
    #[diesel(sql_type = BigInt)]
    back_in_line: i64,
}

impl TryFrom<HeadRow> for Head {
    type Error = diesel::result::Error;

    fn try_from(row: HeadRow) -> QueryResult<Self> {
        let number = |column: i64| {
            u32::try_from(column).map_err(|_| errors::broken(format!("{column} is no such number")))
        };
        let throughput = row.throughput_admit.zip(row.throughput_interval_us);
        let capacity = row.capacity_max_active.map(number).transpose()?;
        let policy = QueuePolicy {
            state: state_of(&row.policy_state)?,
            opens_at: row.opens_at_us.map(instant),
            throughput: throughput
                .map(|(admit, interval)| {
                    number(admit).map(|admit| Throughput {
                        admit,
                        interval: span(interval),
                    })
                })
                .transpose()?,
            capacity: capacity.map(|max_active| Capacity { max_active }),
            waiting_ttl: span(row.waiting_ttl_us),
            claim_ttl: span(row.claim_ttl_us),
            active_ttl: span(row.active_ttl_us),
            max_waiting: row.max_waiting.map(count),
        };
        let window = row.window_start_us.zip(row.window_interval_us);
        let comeback = row.recovering_until_us.zip(row.back_until_us);
        let window_admitted = number(row.window_admitted)?;
        Ok(Self {
            generation: Generation(row.generation.cast_unsigned()),
            terms: VersionedPolicy {
                policy,
                version: PolicyVersion(row.policy_version),
            },
            sold_out: row.sold_out,
            comeback: comeback.map(|(recovering, open)| Comeback {
                recovering_until: instant(recovering),
                open_until: instant(open),
            }),
            serving_since: instant(row.serving_since_us),
            last_tick: instant(row.last_tick_us),
            window: window.map(|(start, interval)| AdmissionWindow {
                start: instant(start),
                interval: span(interval),
                admitted: window_admitted,
            }),
            passed_seq: row.passed_seq,
            passed_arrival: row.passed_arrival,
            admitted: row.admitted,
            admitted_at_once: row.admitted_at_once,
            admitted_up_to: row.admitted_up_to.map(Arrival::from_micros),
            removed_waiting: row.removed_waiting,
            removed_active: row.removed_active,
            back_in_line: row.back_in_line,
        })
    }
}

impl Head {
    /// Writes what admission changes. The caller holds the row's lock.
    pub(super) async fn save(&self, session: &mut Session, concert: ConcertId) -> QueryResult<()> {
        let micros = |at: Timestamp| at.as_microsecond();
        let recovering = self
            .comeback
            .map(|comeback| micros(comeback.recovering_until));
        let open = self.comeback.map(|comeback| micros(comeback.open_until));
        let window = self.window;
        let statement = sql_query(SAVE)
            .bind::<Nullable<BigInt>, _>(recovering)
            .bind::<Nullable<BigInt>, _>(open)
            .bind::<BigInt, _>(micros(self.serving_since))
            .bind::<BigInt, _>(micros(self.last_tick))
            .bind::<Nullable<BigInt>, _>(window.map(|window| micros(window.start)))
            .bind::<Nullable<BigInt>, _>(window.map(|window| span_us(window.interval)))
            .bind::<BigInt, _>(window.map_or(0, |window| i64::from(window.admitted)))
            .bind::<BigInt, _>(self.passed_seq)
            .bind::<BigInt, _>(self.passed_arrival)
            .bind::<BigInt, _>(self.admitted)
            .bind::<BigInt, _>(self.admitted_at_once)
            .bind::<Nullable<BigInt>, _>(self.admitted_up_to.map(Arrival::micros))
            .bind::<BigInt, _>(self.removed_waiting)
            .bind::<BigInt, _>(self.removed_active)
            .bind::<BigInt, _>(self.back_in_line)
            .bind::<Binary, _>(concert.0.as_bytes().as_slice());
        Fixed(statement)
            .execute(session.connection())
            .await
            .map(drop)
    }
}

/// The name of a policy's state in its column.
pub(super) fn state_name(state: PolicyState) -> &'static str {
    match state {
        PolicyState::Open => "open",
        PolicyState::Paused => "paused",
        PolicyState::Bypass => "bypass",
        PolicyState::Closed => "closed",
    }
}

fn state_of(name: &str) -> QueryResult<PolicyState> {
    match name {
        "open" => Ok(PolicyState::Open),
        "paused" => Ok(PolicyState::Paused),
        "bypass" => Ok(PolicyState::Bypass),
        "closed" => Ok(PolicyState::Closed),
        other => Err(errors::broken(format!("unknown policy state {other}"))),
    }
}
