//! What the rules need from the outside, one small trait per file.
//!
//! A port is used as `Arc<dyn Port>`; the adapter behind it is chosen at run time. The doc of a
//! port is its contract, and `frontrow-port-contracts` tests the adapters of stores against it.
//! Rules for all ports:
//!
//! - A refusal is a value (`HoldOutcome::Refused`). An `Err` is a failure of the store. It says
//!   whether the call was certainly not applied.
//! - One effect is one call and one transaction. No transaction spans two ports.
//! - The caller makes ids, tokens and random numbers. An adapter never does.
//! - Inside a queue and for the deadline of a hold the store's own clock decides, so that instances
//!   whose clocks differ agree. Everywhere else the caller asks [`Clock`].
//!
//! Where to start:
//!
//! - The waiting room: [`Queue`] (users), [`QueueSnapshots`] (shared answers), [`QueueTicks`]
//!   (jobs), [`QueueControl`] (operators). Its stores are `RedisStore`, `MySqlQueue` and
//!   `MemoryQueue`.
//! - The database, `MySqlDatabase` or `SqliteDatabase`. The sale: [`Reservations`], [`Points`],
//!   [`Idempotency`], [`Books`], [`StoredCurrency`]. The catalogue: [`Concerts`],
//!   [`ConcertEditor`]. Its records about queues: [`QueuePolicies`], [`ServedArrivals`],
//!   [`CleanStops`]. The counts behind rankings: [`RankingSource`], [`RankingCounters`].
//! - Neither of the two: [`RankingCache`], [`QueueImage`], [`Clock`], [`Timer`], [`Ids`],
//!   [`TokenSigner`].
//! - How a call fails: [`StoreError`].

mod books;
mod clean_stops;
mod clock;
mod concert_editor;
mod concerts;
mod idempotency;
mod ids;
mod points;
mod queue;
mod queue_control;
mod queue_image;
mod queue_policies;
mod queue_snapshots;
mod queue_ticks;
mod ranking_cache;
mod ranking_counters;
mod ranking_source;
mod reservations;
mod served_arrivals;
mod store_error;
mod stored_currency;
mod time_offset;
mod timer;
mod token_signer;

pub use books::Books;
pub use clean_stops::{BegunRun, CleanStops};
pub use clock::Clock;
pub use concert_editor::{
    ConcertEditor, CreateConcertOutcome, CreatePerformanceOutcome, DeleteConcertOutcome,
    DeletePerformanceOutcome, DuplicatePerformance, EditOutcome, Operator,
};
pub use concerts::{Catalogue, Concerts, SeatMap};
pub use idempotency::{EffectOf, Idempotency, KeyUse};
pub use ids::Ids;
pub use points::{Charge, ChargeOutcome, Charged, Points};
pub use queue::{GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, Queue, Stamped};
pub use queue_control::{QueueControl, RemoveOutcome, SeedOutcome};
pub use queue_image::{ImageSize, QueueImage};
pub use queue_policies::{MasterPolicy, PutOutcome, QueuePolicies, ReserveOutcome};
pub use queue_snapshots::{PeekOutcome, QueueSnapshots, SnapshotOutcome};
pub use queue_ticks::{QueueTicks, TickOutcome, TickReport};
pub use ranking_cache::RankingCache;
pub use ranking_counters::RankingCounters;
pub use ranking_source::RankingSource;
pub use reservations::{
    HoldOutcome, Paid, PayOutcome, PaymentRequest, ReleaseOutcome, Reservations,
};
pub use served_arrivals::ServedArrivals;
pub use store_error::{Cause, StoreError, StoreResult};
pub use stored_currency::StoredCurrency;
pub use time_offset::TimeOffset;
pub use timer::Timer;
pub use token_signer::{TokenRefusal, TokenSigner};

#[cfg(any(test, feature = "mocks"))]
pub use mocks::*;

#[cfg(any(test, feature = "mocks"))]
mod mocks {
    pub use super::{
        books::MockBooks, clean_stops::MockCleanStops, clock::MockClock,
        concert_editor::MockConcertEditor, concerts::MockConcerts, idempotency::MockIdempotency,
        ids::MockIds, points::MockPoints, queue::MockQueue, queue_control::MockQueueControl,
        queue_image::MockQueueImage, queue_policies::MockQueuePolicies,
        queue_snapshots::MockQueueSnapshots, queue_ticks::MockQueueTicks,
        ranking_cache::MockRankingCache, ranking_counters::MockRankingCounters,
        ranking_source::MockRankingSource, reservations::MockReservations,
        served_arrivals::MockServedArrivals, stored_currency::MockStoredCurrency, timer::MockTimer,
        token_signer::MockTokenSigner,
    };
}
