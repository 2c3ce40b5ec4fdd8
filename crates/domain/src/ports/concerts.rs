use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreResult;
use crate::model::{Concert, ConcertId, Performance, PerformanceId, Seat};

/// The catalogue, as buyers see it.
///
/// `now` decides which performances are to come; the end of a hold is decided by the store's clock.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Concerts: Send + Sync {
    /// All concerts, the first made first. Seats count for performances that start after `now`.
    async fn catalogue(&self, now: Timestamp) -> StoreResult<Catalogue>;

    /// A concert, as [`catalogue`](Self::catalogue) has it. None where there is no such.
    async fn concert(&self, id: ConcertId, now: Timestamp) -> StoreResult<Option<Concert>>;

    /// The performances of a concert, earliest first, past ones included.
    async fn performances(&self, concert: ConcertId) -> StoreResult<Vec<Performance>>;

    /// Every seat of a performance, in the order of its plan; none where there is no such
    /// performance.
    async fn seat_map(&self, performance: PerformanceId) -> StoreResult<Option<SeatMap>>;
}

/// All concerts at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// When the seats were counted, by the database's clock. Never later than the counts: what they
    /// lack was written after this instant.
    pub counted_at: Timestamp,
    /// The concerts, the first made first.
    pub concerts: Vec<Concert>,
}

/// Every seat of a performance at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatMap {
    /// Whose seats they are.
    pub concert: ConcertId,
    /// The seats, in the order of the plan.
    pub seats: Vec<Seat>,
}
