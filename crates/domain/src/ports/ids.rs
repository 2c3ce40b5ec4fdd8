use crate::model::{ConcertId, LedgerEntryId, PerformanceId, ReservationId, queue::Generation};

/// Makes new ids. Every id is a UUID of version 7, so an id that was made later sorts later.
///
/// - Called by: the use cases that create concerts, performances, holds, ledger rows and queues,
///   and [`CleanRestart`](crate::use_cases::CleanRestart).
/// - Implemented by: `SystemIds`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Ids: Send + Sync {
    /// Returns a new id of a concert.
    fn concert(&self) -> ConcertId;
    /// Returns a new id of a performance.
    fn performance(&self) -> PerformanceId;
    /// Returns a new id of a reservation.
    fn reservation(&self) -> ReservationId;
    /// Returns a new id of a ledger row.
    fn ledger_entry(&self) -> LedgerEntryId;
    /// Returns a random generation, for a queue whose store has none, from an unpredictable source.
    fn generation(&self) -> Generation;
    /// Returns an unpredictable random number.
    fn random(&self) -> u64;
}
