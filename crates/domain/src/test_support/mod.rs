//! Values, mocks and fixtures that unit tests share.

pub(crate) mod ranking_fixture;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    model::{
        Amount, Concert, ConcertId, ConcertTitle, IdempotencyKey, LedgerEntryId, PerformanceId,
        PricedSeat, Reservation, ReservationId, ReservationState, UserId,
        queue::{
            Arrival, DepartureCursor, Departures, Generation, LineSnapshot, Place, PolicyState,
            PolicyVersion, PollRange, QueuePolicy, QueueView, Recovery, SaleState, Standing,
            Throughput, Ticket, VersionedPolicy,
        },
    },
    ports::{
        Catalogue, MockClock, MockConcerts, MockIds, MockQueueControl, MockServedArrivals,
        MockTokenSigner, Operator, Stamped, StoreError, TickReport,
    },
    read_models::QueueStatuses,
    use_cases::{Browse, MarkSale},
};

pub(crate) const CONCERT: ConcertId = ConcertId(Uuid::from_u128(1));
pub(crate) const OTHER_CONCERT: ConcertId = ConcertId(Uuid::from_u128(2));
pub(crate) const PERFORMANCE: PerformanceId = PerformanceId(Uuid::from_u128(3));
pub(crate) const RESERVATION: ReservationId = ReservationId(Uuid::from_u128(4));
pub(crate) const ENTRY: LedgerEntryId = LedgerEntryId(Uuid::from_u128(5));
pub(crate) const RECOVERY: Recovery = Recovery::lasting(Duration::from_mins(1));

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn alice() -> UserId {
    UserId::try_from("alice").unwrap()
}

pub(crate) fn bob() -> UserId {
    UserId::try_from("bob").unwrap()
}

pub(crate) fn amount(minor_units: i64) -> Amount {
    Amount::try_from(minor_units).unwrap()
}

pub(crate) fn key() -> IdempotencyKey {
    IdempotencyKey::try_from("key-1").unwrap()
}

pub(crate) fn operator() -> Operator {
    Operator {
        name: "ops".into(),
        at: at(50),
    }
}

pub(crate) fn ticket() -> Ticket {
    Ticket {
        concert: CONCERT,
        user: alice(),
        arrival: Arrival::from_micros(7),
        generation: Generation(1),
    }
}

pub(crate) fn open_queue() -> QueueView {
    QueueView {
        state: PolicyState::Open,
        opens_at: None,
        recovering: false,
        sale: SaleState::OnSale,
    }
}

pub(crate) fn waiting(position: u64) -> Place {
    Place {
        ticket: ticket(),
        standing: Standing::Waiting {
            position,
            behind: 3,
            admitted: 40,
        },
        queue: open_queue(),
    }
}

pub(crate) fn active(until: Timestamp) -> Place {
    Place {
        ticket: ticket(),
        standing: Standing::Active {
            admitted_at: at(90),
            until,
            claimed: true,
        },
        queue: open_queue(),
    }
}

/// A line in which [`ticket`] waits at position 5 and 40 users have passed. A sixth of its waiting
/// time to live is 50 s.
pub(crate) fn line() -> LineSnapshot {
    LineSnapshot {
        generation: Generation(1),
        policy_version: PolicyVersion(1),
        waiting_ttl: Duration::from_mins(5),
        absence: None,
        near_positions: 0,
        queue: open_queue(),
        reentry_until: None,
        waiting: 8,
        admitted: 40,
        admitted_up_to: Some(Arrival::from_micros(2)),
        mark: DepartureCursor {
            generation: Generation(1),
            number: 0,
        },
        left: Departures::These(Vec::new()),
    }
}

pub(crate) fn stamped<T>(value: T) -> Stamped<T> {
    Stamped {
        as_of: at(100),
        value,
    }
}

pub(crate) fn down() -> StoreError {
    StoreError::not_applied("the store is down")
}

pub(crate) fn policy(version: i64) -> VersionedPolicy {
    VersionedPolicy {
        policy: QueuePolicy::default(),
        version: PolicyVersion(version),
    }
}

pub(crate) fn reservation(state: ReservationState) -> Reservation {
    Reservation {
        id: RESERVATION,
        user: alice(),
        concert: CONCERT,
        performance: PERFORMANCE,
        seats: vec![PricedSeat {
            label: "A-1".parse().unwrap(),
            price: amount(100),
        }],
        total: amount(100),
        state,
        ticket: Some(ticket()),
    }
}

/// Admits two users a second.
const THROUGHPUT: Throughput = Throughput {
    admit: 2,
    interval: Duration::from_secs(1),
};

pub(crate) fn report(done: u32, more: bool) -> TickReport {
    TickReport {
        done,
        more,
        waiting: 10,
        aside: 0,
        active: 5,
        departed: u64::from(done),
        admitted: u64::from(done),
        policy_version: PolicyVersion(1),
        throughput: Some(THROUGHPUT),
        window: None,
        queue: open_queue(),
    }
}

/// Returns statuses that have a policy of [`CONCERT`] and nothing else.
pub(crate) fn statuses() -> Arc<QueueStatuses> {
    let statuses = QueueStatuses::new(PollRange::default());
    statuses.note_policy(CONCERT, &policy(1));
    Arc::new(statuses)
}

/// Returns statuses without any concert.
pub(crate) fn empty_statuses() -> Arc<QueueStatuses> {
    Arc::new(QueueStatuses::new(PollRange::default()))
}

/// Returns a signer whose token for [`ticket`] is `token`. It also accepts `old token`, which an
/// older key has signed.
pub(crate) fn signer() -> Arc<MockTokenSigner> {
    let mut signer = MockTokenSigner::new();
    signer.expect_sign().returning(|_| "token".into());
    signer.expect_verify().returning(|token| match token {
        "token" | "old token" => Ok(ticket()),
        _ => Err(crate::ports::TokenRefusal),
    });
    signer
        .expect_is_current()
        .returning(|token| token == "token");
    Arc::new(signer)
}

pub(crate) fn clock(second: i64) -> Arc<MockClock> {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(at(second));
    Arc::new(clock)
}

pub(crate) fn ids() -> Arc<MockIds> {
    let mut ids = MockIds::new();
    ids.expect_concert().return_const(CONCERT);
    ids.expect_performance().return_const(PERFORMANCE);
    ids.expect_reservation().return_const(RESERVATION);
    ids.expect_ledger_entry().return_const(ENTRY);
    ids.expect_generation().return_const(Generation(9));
    ids.expect_random().return_const(7_u64);
    Arc::new(ids)
}

/// Returns a catalogue of `concerts`, counted at second 100.
pub(crate) fn catalogue(concerts: impl Into<Vec<Concert>>) -> Catalogue {
    Catalogue {
        counted_at: at(100),
        concerts: concerts.into(),
    }
}

/// Returns a catalogue use case with an empty list. It finds the concerts in `existing` by their
/// ids, as if they had just been created.
pub(crate) fn browse(existing: &[ConcertId]) -> Arc<Browse> {
    let existing = existing.to_vec();
    let mut concerts = MockConcerts::new();
    concerts.expect_catalogue().returning(|_| Ok(catalogue([])));
    concerts.expect_concert().returning(move |id, _| {
        Ok(existing.contains(&id).then(|| Concert {
            id,
            title: ConcertTitle::try_from("A concert").unwrap(),
            seats_total: 0,
            seats_left: 0,
            seats_sold: 0,
            next_performance_at: None,
            is_planned: false,
            policy: policy(1),
        }))
    });
    Arc::new(Browse::new(Arc::new(concerts), clock(1)))
}

/// Returns a use case that writes the sales of the concerts in `existing` to a mock, which accepts
/// and discards them.
pub(crate) fn mark_sale(existing: &[ConcertId]) -> Arc<MarkSale> {
    let mut control = MockQueueControl::new();
    control.expect_set_sale().returning(|_, _| Ok(()));
    Arc::new(MarkSale {
        browse: browse(existing),
        control: Arc::new(control),
        statuses: statuses(),
    })
}

/// Returns a database without served entries.
pub(crate) fn no_served_entries() -> Arc<MockServedArrivals> {
    let mut served = MockServedArrivals::new();
    served.expect_served_before_loss().returning(|_| Ok(None));
    Arc::new(served)
}
