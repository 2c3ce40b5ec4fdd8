use crate::model::{ConcertId, LedgerEntryId, PerformanceId, ReservationId, queue::Generation};

/// Makes new names. Every id is a UUID of version 7, so ids made later sort later.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Ids: Send + Sync {
    /// A new concert's.
    fn concert(&self) -> ConcertId;
    /// A new performance's.
    fn performance(&self) -> PerformanceId;
    /// A new reservation's.
    fn reservation(&self) -> ReservationId;
    /// A new ledger row's.
    fn ledger_entry(&self) -> LedgerEntryId;
    /// A random number for a queue whose store has none, from a source that nobody can guess.
    fn generation(&self) -> Generation;
    /// A random number that nobody can guess.
    fn random(&self) -> u64;
}
