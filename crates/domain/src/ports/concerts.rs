use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreResult;
use crate::model::{Concert, ConcertId, Performance, PerformanceId, Seat};

/// The catalogue as buyers read it.
///
/// - Called by: [`Browse`](crate::use_cases::Browse),
///   [`ChangeQueuePolicy`](crate::use_cases::ChangeQueuePolicy),
///   [`EditConcerts`](crate::use_cases::EditConcerts),
///   [`DeleteConcerts`](crate::use_cases::DeleteConcerts).
/// - Implemented by: `MySqlDatabase`, `SqliteDatabase`.
///
/// `now` decides which performances are to come. The store's clock decides whether a hold has
/// expired.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Concerts: Send + Sync {
    /// Returns all concerts, the oldest first. Only seats of performances that start after `now`
    /// count.
    async fn catalogue(&self, now: Timestamp) -> StoreResult<Catalogue>;

    /// Returns a concert as [`catalogue`](Self::catalogue) has it. None if there is no such
    /// concert.
    async fn concert(&self, id: ConcertId, now: Timestamp) -> StoreResult<Option<Concert>>;

    /// Returns the performances of a concert, the earliest first, past ones included.
    async fn performances(&self, concert: ConcertId) -> StoreResult<Vec<Performance>>;

    /// Returns every seat of a performance, in the order of its plan. None if there is no such
    /// performance.
    async fn seat_map(&self, performance: PerformanceId) -> StoreResult<Option<SeatMap>>;
}

/// All concerts at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// When the seats were counted, by the database's clock. It is never later than the counts: a
    /// change that they lack was written after this instant.
    pub counted_at: Timestamp,
    /// The concerts, the oldest first.
    pub concerts: Vec<Concert>,
}

/// Every seat of a performance at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatMap {
    /// The concert of the performance.
    pub concert: ConcertId,
    /// The seats, in the order of the plan.
    pub seats: Vec<Seat>,
}
