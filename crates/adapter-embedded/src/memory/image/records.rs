//! The record types of a queue image.
//!
//! Any change of these types makes another format: give it another [`FORMAT`]. If the file has a
//! format that the program does not know, the program recovers the queues.

use std::time::Duration;

use frontrow_domain::model::{
    ConcertId,
    queue::{
        Admission, AdmissionWindow, Arrival, Capacity, Gaps, Generation, PolicyState,
        PolicyVersion, QueuePolicy, QueueTerms, ReentryPeriod, SaleCount, SaleState, Servers,
        Throughput, VersionedPolicy,
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The number of this format.
pub(super) const FORMAT: u32 = 1;

/// A record. A file is a [`Stop`](Record::Stop), then queues, then an [`End`](Record::End). Each
/// queue is followed by its contents. Numbers are instants in microseconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Record<'a> {
    /// The stop that wrote the file.
    Stop {
        database: u64,
        stop: u64,
        /// The instant at which the queues were taken out of service.
        stopped_at: i64,
    },
    /// A queue, without its contents.
    Queue(Box<QueueRecord>),
    /// A waiting user.
    Waiting {
        user: &'a str,
        arrival: Arrival,
        heartbeat: i64,
        is_aside: bool,
    },
    /// An active user and, if they have claimed their place, the instant of the claim and the
    /// instant at which it ends.
    Active {
        user: &'a str,
        arrival: Arrival,
        admitted_at: i64,
        claim: Option<(i64, i64)>,
    },
    /// One of the latest departures.
    Departure { arrival: Arrival },
    /// A user whose place ended since a loss, and the arrival of that place.
    Ended { user: &'a str, arrival: Arrival },
    /// The end, with the number of records before it.
    End { count: u64 },
}

/// A queue, without its contents.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct QueueRecord {
    pub(super) concert: ConcertId,
    pub(super) terms: TermsRecord,
    pub(super) window: Option<WindowRecord>,
    pub(super) departed: u64,
    pub(super) admitted: u64,
    pub(super) passed_to: Option<Arrival>,
    pub(super) at_once_up_to: Option<Arrival>,
    pub(super) departures: u64,
}

/// The terms of a queue.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TermsRecord {
    generation: Generation,
    policy: PolicyRecord,
    version: i64,
    sale: u8,
    counted_at: Timestamp,
    serving_since: Timestamp,
    last_tick: Timestamp,
    /// The end of its recovery, the end of re-entry, and the arrival up to which users do not
    /// re-enter.
    reentry: Option<(Timestamp, Timestamp, Option<Arrival>)>,
    last_arrival: Arrival,
    servers: Servers,
    gaps: Gaps,
}

#[derive(Debug, Serialize, Deserialize)]
struct PolicyRecord {
    state: StateRecord,
    opens_at: Option<Timestamp>,
    throughput: Option<(u32, Duration)>,
    capacity: Option<u32>,
    waiting_ttl: Duration,
    claim_ttl: Duration,
    active_ttl: Duration,
    max_waiting: Option<u64>,
    absent_after: Option<Duration>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum StateRecord {
    Open,
    Paused,
    Bypass,
    Closed,
}

/// An admission window.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct WindowRecord {
    start: Timestamp,
    interval: Duration,
    admitted: u32,
}

impl TermsRecord {
    pub(super) fn of(terms: &QueueTerms) -> Self {
        let QueueTerms {
            generation,
            policy: VersionedPolicy { policy, version },
            sale: SaleCount { sale, counted_at },
            serving_since,
            last_tick,
            reentry,
            last_arrival,
            servers,
            gaps,
        } = terms;
        let reentry = reentry.map(|period| {
            (
                period.recovering_until,
                period.open_until,
                period.served_up_to,
            )
        });
        Self {
            generation: *generation,
            policy: PolicyRecord::of(policy),
            version: version.0,
            sale: sale.number(),
            counted_at: *counted_at,
            serving_since: *serving_since,
            last_tick: *last_tick,
            reentry,
            last_arrival: *last_arrival,
            servers: servers.clone(),
            gaps: gaps.clone(),
        }
    }

    /// Converts the record to terms. None if this program does not know the sale state.
    pub(super) fn terms(self) -> Option<QueueTerms> {
        Some(QueueTerms {
            generation: self.generation,
            policy: VersionedPolicy {
                policy: self.policy.policy(),
                version: PolicyVersion(self.version),
            },
            sale: SaleCount {
                sale: SaleState::from_number(self.sale)?,
                counted_at: self.counted_at,
            },
            serving_since: self.serving_since,
            last_tick: self.last_tick,
            reentry: self
                .reentry
                .map(
                    |(recovering_until, open_until, served_up_to)| ReentryPeriod {
                        recovering_until,
                        open_until,
                        served_up_to,
                    },
                ),
            last_arrival: self.last_arrival,
            servers: self.servers,
            gaps: self.gaps,
        })
    }
}

impl PolicyRecord {
    fn of(policy: &QueuePolicy) -> Self {
        let QueuePolicy {
            state,
            opens_at,
            throughput,
            capacity,
            waiting_ttl,
            claim_ttl,
            active_ttl,
            max_waiting,
            absent_after,
        } = policy;
        Self {
            state: match state {
                PolicyState::Open => StateRecord::Open,
                PolicyState::Paused => StateRecord::Paused,
                PolicyState::Bypass => StateRecord::Bypass,
                PolicyState::Closed => StateRecord::Closed,
            },
            opens_at: *opens_at,
            throughput: throughput.map(|limit| (limit.admit, limit.interval)),
            capacity: capacity.map(|capacity| capacity.max_active),
            waiting_ttl: *waiting_ttl,
            claim_ttl: *claim_ttl,
            active_ttl: *active_ttl,
            max_waiting: *max_waiting,
            absent_after: *absent_after,
        }
    }

    fn policy(self) -> QueuePolicy {
        QueuePolicy {
            state: match self.state {
                StateRecord::Open => PolicyState::Open,
                StateRecord::Paused => PolicyState::Paused,
                StateRecord::Bypass => PolicyState::Bypass,
                StateRecord::Closed => PolicyState::Closed,
            },
            opens_at: self.opens_at,
            throughput: self
                .throughput
                .map(|(admit, interval)| Throughput { admit, interval }),
            capacity: self.capacity.map(|max_active| Capacity { max_active }),
            waiting_ttl: self.waiting_ttl,
            claim_ttl: self.claim_ttl,
            active_ttl: self.active_ttl,
            max_waiting: self.max_waiting,
            absent_after: self.absent_after,
        }
    }
}

impl WindowRecord {
    pub(super) fn of(admission: &Admission) -> Option<Self> {
        let Admission { window } = admission;
        window.map(|window| Self {
            start: window.start,
            interval: window.interval,
            admitted: window.admitted,
        })
    }

    pub(super) fn window(self) -> AdmissionWindow {
        AdmissionWindow {
            start: self.start,
            interval: self.interval,
            admitted: self.admitted,
        }
    }
}
