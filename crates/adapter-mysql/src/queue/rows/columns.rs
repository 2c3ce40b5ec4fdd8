//! The columns of a queue's row, and what they mean.

use diesel::{AsChangeset, Insertable, QueryResult, QueryableByName, mysql::Mysql};
use frontrow_domain::model::queue::{
    Admission, AdmissionWindow, Arrival, Capacity, Gaps, Generation, PolicyState, PolicyVersion,
    QueuePolicy, QueueTerms, ReentryPeriod, SaleCount, SaleState, ServerId, Servers, Throughput,
    VersionedPolicy,
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    queue_fields::QueueRow,
    units::{count, instant, span, span_us},
};
use crate::errors;

/// The layout in which this program keeps queues. A queue of another layout was written by another
/// version.
const FORMAT: i8 = 3;

diesel::table! {
    queues (concert_id) {
        concert_id -> Binary,
        format -> TinyInt,
        generation -> BigInt,
        policy_version -> BigInt,
        policy_state -> Text,
        opens_at_us -> Nullable<BigInt>,
        throughput_admit -> Nullable<BigInt>,
        throughput_interval_us -> Nullable<BigInt>,
        capacity_max_active -> Nullable<BigInt>,
        waiting_ttl_us -> BigInt,
        claim_ttl_us -> BigInt,
        active_ttl_us -> BigInt,
        max_waiting -> Nullable<BigInt>,
        absent_after_us -> Nullable<BigInt>,
        sold_out -> TinyInt,
        sold_out_counted_at_us -> Nullable<BigInt>,
        recovering_until_us -> Nullable<BigInt>,
        reentry_until_us -> Nullable<BigInt>,
        serving_since_us -> BigInt,
        last_tick_us -> BigInt,
        window_start_us -> Nullable<BigInt>,
        window_interval_us -> Nullable<BigInt>,
        window_admitted -> BigInt,
        last_seq -> BigInt,
        last_arrival -> Nullable<BigInt>,
        line_since -> Nullable<BigInt>,
        passed_seq -> BigInt,
        passed_arrival -> BigInt,
        passed_ends_us -> Nullable<BigInt>,
        waiting -> BigInt,
        reentered -> BigInt,
        reentered_up_to -> Nullable<BigInt>,
        aside -> BigInt,
        active -> BigInt,
        remembered -> BigInt,
        departed -> BigInt,
        admitted -> BigInt,
        admitted_up_to -> Nullable<BigInt>,
        at_once_up_to -> Nullable<BigInt>,
        served_up_to -> Nullable<BigInt>,
        departures -> BigInt,
        servers -> Nullable<Text>,
        gaps -> Nullable<Text>,
        busy -> Bool,
    }
}

/// All columns but the key.
#[derive(QueryableByName, Insertable, AsChangeset)]
#[diesel(table_name = queues, treat_none_as_null = true, check_for_backend(Mysql))]
pub(in crate::queue) struct Columns {
    format: i8,
    generation: i64,
    policy_version: i64,
    policy_state: String,
    opens_at_us: Option<i64>,
    throughput_admit: Option<i64>,
    throughput_interval_us: Option<i64>,
    capacity_max_active: Option<i64>,
    waiting_ttl_us: i64,
    claim_ttl_us: i64,
    active_ttl_us: i64,
    max_waiting: Option<i64>,
    absent_after_us: Option<i64>,
    sold_out: i8,
    sold_out_counted_at_us: Option<i64>,
    recovering_until_us: Option<i64>,
    reentry_until_us: Option<i64>,
    serving_since_us: i64,
    last_tick_us: i64,
    window_start_us: Option<i64>,
    window_interval_us: Option<i64>,
    window_admitted: i64,
    last_seq: i64,
    last_arrival: Option<i64>,
    line_since: Option<i64>,
    passed_seq: i64,
    passed_arrival: i64,
    passed_ends_us: Option<i64>,
    waiting: i64,
    reentered: i64,
    reentered_up_to: Option<i64>,
    aside: i64,
    active: i64,
    remembered: i64,
    departed: i64,
    admitted: i64,
    admitted_up_to: Option<i64>,
    at_once_up_to: Option<i64>,
    served_up_to: Option<i64>,
    departures: i64,
    servers: Option<String>,
    gaps: Option<String>,
    busy: bool,
}

impl From<&QueueRow> for Columns {
    fn from(row: &QueueRow) -> Self {
        let (terms, window) = (&row.terms, row.admission.window);
        let VersionedPolicy { policy, version } = &terms.policy;
        let (throughput, capacity) = (policy.throughput, policy.capacity);
        let counted_at = Some(terms.sale.counted_at).filter(|at| *at > Timestamp::MIN);
        Self {
            format: FORMAT,
            generation: terms.generation.0.cast_signed(),
            policy_version: version.0,
            policy_state: policy.state.as_str().to_owned(),
            opens_at_us: policy.opens_at.map(micros),
            throughput_admit: throughput.map(|throughput| throughput.admit.into()),
            throughput_interval_us: throughput.map(|throughput| span_us(throughput.interval)),
            capacity_max_active: capacity.map(|capacity| capacity.max_active.into()),
            waiting_ttl_us: span_us(policy.waiting_ttl),
            claim_ttl_us: span_us(policy.claim_ttl),
            active_ttl_us: span_us(policy.active_ttl),
            // A limit beyond what the column can hold never limits anything.
            max_waiting: policy
                .max_waiting
                .map(|max| i64::try_from(max).unwrap_or(i64::MAX)),
            absent_after_us: policy.absent_after.map(span_us),
            sold_out: terms.sale.sale.number().cast_signed(),
            sold_out_counted_at_us: counted_at.map(micros),
            recovering_until_us: terms.reentry.map(|period| micros(period.recovering_until)),
            reentry_until_us: terms.reentry.map(|period| micros(period.open_until)),
            serving_since_us: micros(terms.serving_since),
            last_tick_us: micros(terms.last_tick),
            window_start_us: window.map(|window| micros(window.start)),
            window_interval_us: window.map(|window| span_us(window.interval)),
            window_admitted: window.map_or(0, |window| window.admitted.into()),
            last_seq: row.last_seq,
            last_arrival: Some(terms.last_arrival.micros()),
            line_since: row.line_since.map(Arrival::micros),
            passed_seq: row.passed_seq,
            passed_arrival: row.passed_arrival,
            passed_ends_us: row.passed_ends.map(micros),
            waiting: row.waiting,
            reentered: row.reentered,
            reentered_up_to: row
                .reentered_up_to
                .filter(|_| row.reentered > 0)
                .map(Arrival::micros),
            // Clamped, so that a wrong count does not make the constraint refuse every write of the
            // queue.
            aside: row.aside.max(0),
            active: row.active,
            remembered: row.remembered,
            departed: row.departed,
            admitted: row.admitted,
            admitted_up_to: row.admitted_up_to.map(Arrival::micros),
            at_once_up_to: row.at_once_up_to.map(Arrival::micros),
            served_up_to: terms
                .reentry
                .and_then(|period| period.served_up_to)
                .map(Arrival::micros),
            departures: row.departures,
            servers: json(&terms.servers, &Servers::default()),
            gaps: json(&terms.gaps, &Gaps::default()),
            busy: row.is_busy(),
        }
    }
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
                absent_after: self.absent_after_us.map(span),
            },
            version: PolicyVersion(self.policy_version),
        })
    }

    fn terms(&self) -> QueryResult<QueueTerms> {
        let reentry = self.recovering_until_us.zip(self.reentry_until_us);
        Ok(QueueTerms {
            generation: Generation(self.generation.cast_unsigned()),
            policy: self.policy()?,
            sale: SaleCount {
                sale: sale_of(self.sold_out)?,
                counted_at: self.sold_out_counted_at_us.map_or(Timestamp::MIN, instant),
            },
            serving_since: instant(self.serving_since_us),
            last_tick: instant(self.last_tick_us),
            reentry: reentry.map(|(recovering, open)| ReentryPeriod {
                recovering_until: instant(recovering),
                open_until: instant(open),
                served_up_to: self.served_up_to.map(Arrival::from_micros),
            }),
            // A queue of an earlier version that no user has joined.
            last_arrival: Arrival::from_micros(self.last_arrival.unwrap_or(i64::MIN)),
            servers: from_json(self.servers.as_deref())?,
            gaps: from_json(self.gaps.as_deref())?,
        })
    }
}

impl Columns {
    /// Converts the columns to the queue, as read from the server of this name.
    pub(in crate::queue) fn into_row(self, server: Option<&str>) -> QueryResult<QueueRow> {
        let row = self;
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
        Ok(QueueRow {
            server: server.and_then(ServerId::named),
            terms: row.terms()?,
            admission: Admission {
                window: window.transpose()?,
            },
            last_seq: row.last_seq,
            line_since: row.line_since.map(Arrival::from_micros),
            passed_seq: row.passed_seq,
            passed_arrival: row.passed_arrival,
            passed_ends: row.passed_ends_us.map(instant),
            waiting: row.waiting,
            reentered: row.reentered,
            reentered_up_to: row.reentered_up_to.map(Arrival::from_micros),
            aside: row.aside,
            active: row.active,
            remembered: row.remembered,
            departed: row.departed,
            admitted: row.admitted,
            admitted_up_to: row.admitted_up_to.map(Arrival::from_micros),
            at_once_up_to: row.at_once_up_to.map(Arrival::from_micros),
            departures: row.departures,
        })
    }
}

/// Serialises a column of JSON. None for the value that a queue has without it.
fn json<T: Serialize + PartialEq>(value: &T, default: &T) -> Option<String> {
    let is_kept = value != default;
    // A text that is no JSON is an error for the next reader. A null would lose what was known.
    is_kept.then(|| serde_json::to_string(value).unwrap_or_else(|error| error.to_string()))
}

fn from_json<T: DeserializeOwned + Default>(column: Option<&str>) -> QueryResult<T> {
    let value = column.map(serde_json::from_str).transpose();
    let value = value.map_err(|error| errors::broken(format!("a column cannot be read: {error}")));
    Ok(value?.unwrap_or_default())
}

fn small(column: i64) -> QueryResult<u32> {
    u32::try_from(column).map_err(|_| errors::broken(format!("{column} is out of range")))
}

fn sale_of(number: i8) -> QueryResult<SaleState> {
    let state = u8::try_from(number).ok().and_then(SaleState::from_number);
    state.ok_or_else(|| errors::broken(format!("unknown sale state {number}")))
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

fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}
