use async_trait::async_trait;

use super::StoreResult;
use crate::model::{
    ConcertId,
    queue::{Arrival, ServedEntry},
};

/// The database's record of which users each queue has served, for when the queue's store loses it.
///
/// - Called by: [`RecordServed`](crate::use_cases::RecordServed),
///   [`SeedQueues`](crate::use_cases::SeedQueues).
/// - Implemented by: `MySqlDatabase`, `SqliteDatabase`.
///
/// Each queue has a series of served entries: one for each slot of 10 s in which one was recorded.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ServedArrivals: Send + Sync {
    /// Adds an entry to the series of a queue. Several instances may record the same slot: the
    /// latest instant wins. Does nothing if there is no such concert. Deleting a concert deletes
    /// its series.
    ///
    /// In the same transaction removes the entries that no longer count: those before the last one
    /// that is older than an active place can last, with its breaks of service
    /// ([`settled_slot`](ServedEntry::settled_slot)), and those from before a step back of the
    /// clock ([`last_slot`](ServedEntry::last_slot)).
    async fn record(&self, concert: ConcertId, entry: &ServedEntry) -> StoreResult<()>;

    /// Returns the arrival up to which users of a lost queue do not re-enter
    /// ([`ServedEntry::before_loss`]). None if all of them do.
    async fn served_before_loss(&self, concert: ConcertId) -> StoreResult<Option<Arrival>>;
}
