//! Converts rows to domain values and back.

use std::time::Duration;

use diesel::{AsChangeset, Insertable, QueryResult, Queryable, Selectable, sqlite::Sqlite};
use frontrow_domain::model::{
    Amount, ConcertId, ConcertTitle, PerformanceId, PlannedSeat, PricedSeat, Reservation,
    ReservationId, ReservationState, Seat, SeatFacts, SeatLabel, SeatState, StandingSeat, UserId,
    queue::{
        Arrival, Capacity, Generation, PolicyState, PolicyVersion, QueuePolicy, Throughput, Ticket,
        VersionedPolicy,
    },
};
use jiff::Timestamp;

use super::{
    columns::{Db, Phase},
    errors, schema,
};

/// A queue's policy, in the columns of its concert.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = schema::concerts, check_for_backend(Sqlite), treat_none_as_null = true)]
pub(super) struct PolicyRow {
    policy_version: i64,
    policy_state: Db<PolicyState>,
    opens_at: Option<Db<Timestamp>>,
    throughput_admit: Option<Db<u32>>,
    throughput_interval_us: Option<Db<Duration>>,
    capacity_max_active: Option<Db<u32>>,
    waiting_ttl_us: Db<Duration>,
    claim_ttl_us: Db<Duration>,
    active_ttl_us: Db<Duration>,
    max_waiting: Option<Db<u64>>,
    absent_after_us: Option<Db<Duration>>,
}

impl From<&VersionedPolicy> for PolicyRow {
    fn from(VersionedPolicy { policy, version }: &VersionedPolicy) -> Self {
        Self {
            policy_version: version.0,
            policy_state: Db(policy.state),
            opens_at: policy.opens_at.map(Db),
            throughput_admit: policy.throughput.map(|throughput| Db(throughput.admit)),
            throughput_interval_us: policy.throughput.map(|throughput| Db(throughput.interval)),
            capacity_max_active: policy.capacity.map(|capacity| Db(capacity.max_active)),
            waiting_ttl_us: Db(policy.waiting_ttl),
            claim_ttl_us: Db(policy.claim_ttl),
            active_ttl_us: Db(policy.active_ttl),
            max_waiting: policy.max_waiting.map(Db),
            absent_after_us: policy.absent_after.map(Db),
        }
    }
}

impl From<PolicyRow> for VersionedPolicy {
    fn from(row: PolicyRow) -> Self {
        let throughput = row.throughput_admit.zip(row.throughput_interval_us);
        Self {
            policy: QueuePolicy {
                state: row.policy_state.0,
                opens_at: row.opens_at.map(|at| at.0),
                throughput: throughput.map(|(admit, interval)| Throughput {
                    admit: admit.0,
                    interval: interval.0,
                }),
                capacity: row
                    .capacity_max_active
                    .map(|max| Capacity { max_active: max.0 }),
                waiting_ttl: row.waiting_ttl_us.0,
                claim_ttl: row.claim_ttl_us.0,
                active_ttl: row.active_ttl_us.0,
                max_waiting: row.max_waiting.map(|max| max.0),
                absent_after: row.absent_after_us.map(|after| after.0),
            },
            version: PolicyVersion(row.policy_version),
        }
    }
}

/// A concert with its queue's policy.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::concerts, check_for_backend(Sqlite))]
pub(super) struct ConcertRow {
    pub(super) id: Db<ConcertId>,
    pub(super) title: Db<ConcertTitle>,
    #[diesel(embed)]
    pub(super) policy: PolicyRow,
}

/// A reservation without its seats.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::reservations, check_for_backend(Sqlite))]
pub(super) struct ReservationRow {
    pub(super) id: Db<ReservationId>,
    user_id: Db<UserId>,
    concert_id: Db<ConcertId>,
    performance_id: Db<PerformanceId>,
    state: Db<Phase>,
    pub(super) held_until: Option<Db<Timestamp>>,
    confirmed_at: Option<Db<Timestamp>>,
    total: Db<Amount>,
    seat_count: i64,
    place_arrival: Option<i64>,
    /// A random 64-bit number, stored as a signed one.
    place_generation: Option<i64>,
}

impl From<&Reservation> for ReservationRow {
    fn from(reservation: &Reservation) -> Self {
        let (state, held_until, confirmed_at) = match reservation.state {
            ReservationState::Held { until } => (Phase::Held, Some(until), None),
            ReservationState::Confirmed { at } => (Phase::Confirmed, None, Some(at)),
            ReservationState::Cancelled => (Phase::Cancelled, None, None),
            ReservationState::Expired => (Phase::Expired, None, None),
        };
        Self {
            id: Db(reservation.id),
            user_id: Db(reservation.user.clone()),
            concert_id: Db(reservation.concert),
            performance_id: Db(reservation.performance),
            state: Db(state),
            held_until: held_until.map(Db),
            confirmed_at: confirmed_at.map(Db),
            total: Db(reservation.total),
            // At most four.
            seat_count: i64::try_from(reservation.seats.len()).unwrap_or(i64::MAX),
            place_arrival: reservation
                .ticket
                .as_ref()
                .map(|ticket| ticket.arrival.micros()),
            place_generation: reservation
                .ticket
                .as_ref()
                .map(|ticket| ticket.generation.0.cast_signed()),
        }
    }
}

impl ReservationRow {
    /// Returns the reservation with these seats.
    pub(super) fn with_seats(self, seats: Vec<PricedSeat>) -> QueryResult<Reservation> {
        let state = match (self.state.0, self.held_until, self.confirmed_at) {
            (Phase::Held, Some(until), None) => ReservationState::Held { until: until.0 },
            (Phase::Confirmed, None, Some(at)) => ReservationState::Confirmed { at: at.0 },
            (Phase::Cancelled, None, None) => ReservationState::Cancelled,
            (Phase::Expired, None, None) => ReservationState::Expired,
            _ => {
                let id = self.id.0;
                return Err(errors::broken(format!("reservation {id} is in no state")));
            }
        };
        let place = self.place_arrival.zip(self.place_generation);
        let ticket = place.map(|(arrival, generation)| Ticket {
            concert: self.concert_id.0,
            user: self.user_id.0.clone(),
            arrival: Arrival::from_micros(arrival),
            generation: Generation(generation.cast_unsigned()),
        });
        Ok(Reservation {
            id: self.id.0,
            user: self.user_id.0,
            concert: self.concert_id.0,
            performance: self.performance_id.0,
            seats,
            total: self.total.0,
            state,
            ticket,
        })
    }
}

/// A seat and the user who has it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = schema::seats, check_for_backend(Sqlite))]
pub(super) struct SeatRow {
    pub(super) label: Db<SeatLabel>,
    pub(super) ordinal: i64,
    section: String,
    pub(super) price: Db<Amount>,
    pub(super) reservation_id: Option<Db<ReservationId>>,
    held_until: Option<Db<Timestamp>>,
}

impl From<SeatRow> for SeatFacts {
    fn from(row: SeatRow) -> Self {
        Self {
            label: row.label.0,
            price: row.price.0,
            reservation: row.reservation_id.map(|id| id.0),
            held_until: row.held_until.map(|until| until.0),
        }
    }
}

impl SeatRow {
    /// Returns the state of the seat at `now`.
    pub(super) fn state(&self, now: Timestamp) -> SeatState {
        let held_until = self.held_until.as_ref().map(|until| until.0);
        SeatState::at(now, self.reservation_id.is_some(), held_until)
    }

    /// Returns the seat as an edit of its plan finds it at `now`.
    pub(super) fn standing_at(self, now: Timestamp) -> StandingSeat {
        StandingSeat {
            in_use: self.state(now) != SeatState::Available,
            seat: PlannedSeat {
                label: self.label.0,
                section: self.section,
                price: self.price.0,
            },
        }
    }

    /// Returns the seat as a seat map shows it at `now`.
    pub(super) fn seen_at(self, now: Timestamp) -> Seat {
        Seat {
            state: self.state(now),
            label: self.label.0,
            section: self.section,
            price: self.price.0,
        }
    }
}

/// A seat of a reservation.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::reservation_seats, check_for_backend(Sqlite))]
pub(super) struct ReservedSeatRow {
    pub(super) reservation_id: Db<ReservationId>,
    pub(super) label: Db<SeatLabel>,
    pub(super) price: Db<Amount>,
}
